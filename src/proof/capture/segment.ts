import type { StrayKind } from '../model.ts'
import { isLink, networkAt } from './link.ts'
import { type Packet, view } from './packet.ts'

/** Bytes of a packet: where in the file they are, how many there were, and how many of them are there. */
export interface Part {
  readonly at: number
  readonly length: number
  readonly captured: number
}

/** A TCP segment, as a packet brought it, with its payload. */
export interface Segment extends Part {
  /** `address:port`, of IPv6 in brackets. */
  readonly from: string
  readonly to: string
  readonly sequence: number
  readonly acknowledged: number
  readonly flags: number
}

export const FIN = 0x01
export const SYN = 0x02
export const RST = 0x04
export const ACK = 0x10

const TCP = 6
const TCP_HEADER = 20
const UDP = 17
const UDP_HEADER = 8
/** Of IPv4, and of IPv6. */
const ICMP: ReadonlySet<number> = new Set([1, 58])
const IPV4_HEADER = 20
const IPV6_HEADER = 40
/** Next header, a byte for nothing, and the place with its flag. */
const FRAGMENT = 44
const FRAGMENT_HEADER = 8
/** Hop-by-hop, routing, destination options: `next ‖ length` in units of 8 bytes; AH counts in fours. */
const EXTENSIONS: ReadonlySet<number> = new Set([0, 43, 60])
const AUTHENTICATION = 51
/** More than anybody sends; each is a header of its own. */
const MAX_EXTENSIONS = 16

/** What an IP packet carries. */
interface Payload {
  readonly from: string
  readonly to: string
  readonly protocol: number
  /** Whether another piece of it follows, or has come; and whether this is not the first. */
  readonly isFragment: boolean
  readonly isRest: boolean
  /** Where it begins, where what is there ends, and where it ended before it was cut. */
  readonly at: number
  readonly end: number
  readonly whole: number
}

/** Where the headers of IPv6 end, and what follows them. */
type Behind = Pick<Payload, 'at' | 'protocol' | 'isFragment' | 'isRest'>

/** Told what of a packet is in no segment; `ends` are who sent it and to whom, as far as that is known. */
type Stray = (kind: StrayKind, part: Part, ends: string) => void

/** Takes segments out of packets; IPv6 addresses are written once each. */
export class SegmentReader {
  readonly #bytes: Uint8Array
  readonly #data: DataView
  readonly #addresses = new Map<string, string>()

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#data = view(bytes)
  }

  /** `undefined` for what is no TCP, a fragment, or cut before its TCP header ends; `stray` has its bytes then. */
  segmentOf({ link, at, captured, length }: Packet, stray: Stray): Segment | undefined {
    const [end, whole] = [at + captured, at + Math.max(length, captured)]
    const start = networkAt(this.#bytes, link, at, end)
    if (start === undefined) {
      stray(isLink(link) ? 'not IP' : 'unreadable', partOf(at, end, whole), '')
      return undefined
    }
    const payload =
      this.#data.getUint8(start) >> 4 === 4 ? this.#ipv4(start, end, whole) : this.#ipv6(start, end, whole)
    if (payload && this.#hasTrailer(payload.whole, end))
      stray('trailer', partOf(payload.whole, end, end), this.#endsOf(payload))
    const segment = payload?.protocol === TCP && !payload.isFragment ? this.#tcp(payload) : undefined
    if (payload === undefined) stray('unreadable', partOf(start, end, whole), '')
    else if (segment === undefined) stray(kindOf(payload), carriedBy(payload), this.#endsOf(payload))
    return segment
  }

  /** Short packets are filled up with zeros on an Ethernet. */
  #hasTrailer(from: number, end: number): boolean {
    return this.#bytes.subarray(from, Math.max(from, end)).some(byte => byte !== 0)
  }

  /** With the ports of UDP: on loopback all addresses are one. */
  #endsOf({ from, to, protocol, isRest, at, end }: Payload): string {
    const ports = protocol === UDP && !isRest && at + 4 <= end ? this.#data.getUint32(at) : 0
    return `${from} ${to} ${ports}`
  }

  /** @param wire where the packet ended before it was cut */
  #ipv4(at: number, end: number, wire: number): Payload | undefined {
    if (end - at < IPV4_HEADER) return undefined
    const header = (this.#data.getUint8(at) & 15) * 4
    const place = this.#data.getUint16(at + 6)
    // 0: what the card was to cut into packets, and was taken before it did
    const length = this.#data.getUint16(at + 2) || wire - at
    if (header < IPV4_HEADER || length < header) return undefined
    const whole = at + length
    const fragment = { isFragment: (place & 0x3fff) !== 0, isRest: (place & 0x1fff) !== 0 }
    const ends = { from: this.#address4(at + 12), to: this.#address4(at + 16) }
    const protocol = this.#data.getUint8(at + 9)
    return { ...ends, protocol, ...fragment, at: at + header, end: Math.min(end, whole), whole }
  }

  #ipv6(at: number, end: number, wire: number): Payload | undefined {
    if (end - at < IPV6_HEADER) return undefined
    const length = this.#data.getUint16(at + 4)
    // 0: as of IPv4
    const whole = length === 0 ? wire : at + IPV6_HEADER + length
    const behind = this.#behindExtensions(this.#data.getUint8(at + 6), at + IPV6_HEADER, Math.min(end, whole))
    if (behind === undefined || behind.at > whole) return undefined
    const [from, to] = [this.#address6(at + 8), this.#address6(at + 24)]
    return { from, to, ...behind, end: Math.min(end, whole), whole }
  }

  #behindExtensions(first: number, from: number, end: number): Behind | undefined {
    let [protocol, at] = [first, from]
    for (let count = 0; EXTENSIONS.has(protocol) || protocol === AUTHENTICATION; count++) {
      if (count === MAX_EXTENSIONS || at + 2 > end) return undefined
      const length = this.#data.getUint8(at + 1)
      const bytes = protocol === AUTHENTICATION ? (length + 2) * 4 : (length + 1) * 8
      ;[protocol, at] = [this.#data.getUint8(at), at + bytes]
    }
    if (protocol !== FRAGMENT) return { protocol, at, isFragment: false, isRest: false }
    if (at + FRAGMENT_HEADER > end) return undefined
    const isRest = this.#data.getUint16(at + 2) >> 3 !== 0
    return { protocol: this.#data.getUint8(at), at: at + FRAGMENT_HEADER, isFragment: true, isRest }
  }

  /** None without its whole header. */
  #tcp({ from, to, at, end, whole }: Payload): Segment | undefined {
    if (end - at < TCP_HEADER) return undefined
    const start = at + (this.#data.getUint8(at + 12) >> 4) * 4
    if (start < at + TCP_HEADER || start > whole) return undefined
    return {
      from: `${from}:${this.#data.getUint16(at)}`,
      to: `${to}:${this.#data.getUint16(at + 2)}`,
      sequence: this.#data.getUint32(at + 4),
      acknowledged: this.#data.getUint32(at + 8),
      flags: this.#data.getUint8(at + 13),
      ...partOf(start, end, whole)
    }
  }

  #address4(at: number): string {
    const number = this.#data.getUint32(at)
    return `${number >>> 24}.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`
  }

  #address6(at: number): string {
    const groups = Array.from({ length: 8 }, (_, i) => this.#data.getUint16(at + 2 * i).toString(16)).join(':')
    const known = this.#addresses.get(groups)
    if (known !== undefined) return known
    // in its short form (RFC 5952), brackets included
    const written = new URL(`http://[${groups}]`).hostname
    this.#addresses.set(groups, written)
    return written
  }
}

const partOf = (at: number, end: number, whole: number): Part => ({
  at,
  length: whole - at,
  captured: Math.max(0, end - at)
})

/** A datagram of UDP without its header, and of anything else all. */
function carriedBy({ protocol, isRest, at, end, whole }: Payload): Part {
  const start = protocol === UDP && !isRest ? Math.min(at + UDP_HEADER, whole) : at
  return partOf(start, end, whole)
}

function kindOf({ protocol, isFragment }: Payload): StrayKind {
  if (protocol === TCP) return isFragment ? 'fragment' : 'unreadable'
  if (protocol === UDP) return 'UDP'
  return ICMP.has(protocol) ? 'ICMP' : 'other IP'
}
