import { networkAt } from './link.ts'
import { type Packet, view } from './packet.ts'

/** A TCP segment, as a packet brought it. */
export interface Segment {
  /** `address:port`, of IPv6 in brackets. */
  readonly from: string
  readonly to: string
  readonly sequence: number
  readonly acknowledged: number
  readonly flags: number
  /** Where in the file its bytes are, how many it had, and how many of them are there. */
  readonly at: number
  readonly length: number
  readonly captured: number
}

export const FIN = 0x01
export const SYN = 0x02
export const RST = 0x04
export const ACK = 0x10

const TCP = 6
const TCP_HEADER = 20
const IPV6_HEADER = 40
/** Hop-by-hop, routing, destination options: `next ‖ length` in units of 8 bytes; AH counts in fours. */
const EXTENSIONS: ReadonlySet<number> = new Set([0, 43, 60])
const AUTHENTICATION = 51
/** More than anybody sends; each is a header of its own. */
const MAX_EXTENSIONS = 16

interface Payload {
  readonly from: string
  readonly to: string
  /** Of the TCP header, of what is there, and where the packet ended before it was cut. */
  readonly at: number
  readonly end: number
  readonly whole: number
}

/** Takes segments out of packets; IPv6 addresses are written once each. */
export class SegmentReader {
  readonly #bytes: Uint8Array
  readonly #data: DataView
  readonly #addresses = new Map<string, string>()

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#data = view(bytes)
  }

  /** `undefined` for what is no TCP, a fragment, or cut before its TCP header ends. */
  segmentOf({ link, at, captured }: Packet): Segment | undefined {
    const end = at + captured
    const start = networkAt(this.#bytes, link, at, end)
    if (start === undefined) return undefined
    const payload = this.#data.getUint8(start) >> 4 === 4 ? this.#ipv4(start, end) : this.#ipv6(start, end)
    return payload && this.#tcp(payload)
  }

  #ipv4(at: number, end: number): Payload | undefined {
    if (end - at < 20) return undefined
    const header = (this.#data.getUint8(at) & 15) * 4
    // another piece of it follows, or has come
    const fragment = (this.#data.getUint16(at + 6) & 0x3fff) !== 0
    if (header < 20 || fragment || this.#data.getUint8(at + 9) !== TCP) return undefined
    // 0: what the card was to cut into packets, and was taken before it did
    const whole = at + (this.#data.getUint16(at + 2) || end - at)
    const [from, to] = [this.#address4(at + 12), this.#address4(at + 16)]
    return { from, to, at: at + header, end: Math.min(end, whole), whole }
  }

  #ipv6(at: number, end: number): Payload | undefined {
    if (end - at < IPV6_HEADER) return undefined
    const start = this.#behindExtensions(this.#data.getUint8(at + 6), at + IPV6_HEADER, end)
    if (start === undefined) return undefined
    const length = this.#data.getUint16(at + 4)
    // 0: as of IPv4
    const whole = length === 0 ? end : at + IPV6_HEADER + length
    const [from, to] = [this.#address6(at + 8), this.#address6(at + 24)]
    return { from, to, at: start, end: Math.min(end, whole), whole }
  }

  #behindExtensions(first: number, at: number, end: number): number | undefined {
    let [next, start] = [first, at]
    for (let count = 0; count < MAX_EXTENSIONS && next !== TCP; count++) {
      if (start + 2 > end || (!EXTENSIONS.has(next) && next !== AUTHENTICATION)) return undefined
      const length = this.#data.getUint8(start + 1)
      const bytes = next === AUTHENTICATION ? (length + 2) * 4 : (length + 1) * 8
      ;[next, start] = [this.#data.getUint8(start), start + bytes]
    }
    return next === TCP ? start : undefined
  }

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
      at: start,
      length: whole - start,
      captured: Math.max(0, end - start)
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
