/** What stands before an IP packet, by LINKTYPE (tcpdump.org/linktypes.html). */

const IPV4 = 0x0800
const IPV6 = 0x86dd
/** VLANs: of a customer, of a provider, and what came before that. */
const TAGS: ReadonlySet<number> = new Set([0x8100, 0x88a8, 0x9100])
const TAG_BYTES = 4

/** Raw IP; 12 and 14 are what some systems write for 101. */
const RAW: ReadonlySet<number> = new Set([12, 14, 101, 228, 229])
/** BSD loopback: a family of addresses, in the order of the machine (0) or of the network (108). */
const LOOPBACK: ReadonlySet<number> = new Set([0, 108])
const ETHERNET = 1
const LINUX_COOKED = 113
const LINUX_COOKED_2 = 276

const LINKS: ReadonlySet<number> = new Set([...RAW, ...LOOPBACK, ETHERNET, LINUX_COOKED, LINUX_COOKED_2])

/** Whether it is known where a packet of this type has its IP packet. */
export const isLink = (link: number): boolean => LINKS.has(link)

/** Where the IP packet in `bytes` begins, of a packet from `at` to `end`; `undefined` if there is none. */
export function networkAt(bytes: Uint8Array, link: number, at: number, end: number): number | undefined {
  const start = RAW.has(link) ? at : LOOPBACK.has(link) ? at + 4 : typed(bytes, link, at, end)
  if (start === undefined || start >= end) return undefined
  const version = (bytes[start] as number) >> 4
  return version === 4 || version === 6 ? start : undefined
}

/** Behind a header that names the type of what follows. */
function typed(bytes: Uint8Array, link: number, at: number, end: number): number | undefined {
  if (link === ETHERNET) return behindTags(bytes, at + 12, at + 14, end)
  if (link === LINUX_COOKED) return behindTags(bytes, at + 14, at + 16, end)
  if (link === LINUX_COOKED_2) return behindTags(bytes, at, at + 20, end)
  return undefined
}

function behindTags(bytes: Uint8Array, typeAt: number, start: number, end: number): number | undefined {
  let [type, next] = [typeAt, start]
  while (next <= end && TAGS.has(u16(bytes, type))) {
    type = next + TAG_BYTES - 2
    next += TAG_BYTES
  }
  const found = next <= end ? u16(bytes, type) : 0
  return found === IPV4 || found === IPV6 ? next : undefined
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
}
