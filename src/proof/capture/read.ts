import type { Capture } from '../model.ts'
import { CAPTURE_LIMIT, checkSize, whole, wholeFile } from '../whole.ts'
import { Connections } from './connections.ts'
import { noCapture, type Packet } from './packet.ts'
import { isPcap, pcapPackets } from './pcap.ts'
import { isPcapng, pcapngPackets } from './pcapng.ts'
import { SegmentReader } from './segment.ts'
import { Strays } from './strays.ts'

/** Reads a capture: packets, segments, connections (M170, M171). */

/** Of which the first say what it is, in either format. */
const HEAD = 28

/**
 * @throws SftError ERR_SFT_NOT_FOUND, ERR_SFT_FILE; those of `parseCapture`.
 */
export async function readCapture(path: string): Promise<Capture> {
  return parseCapture(await captureBytes(path))
}

/**
 * A capture in memory; `bytes` are borrowed, and not written to.
 *
 * @throws SftError ERR_SFT_ENCODING for what is no capture, ERR_SFT_LIMIT for one that is too large.
 */
export function parseCapture(bytes: Uint8Array): Capture {
  checkSize(bytes.byteLength, CAPTURE_LIMIT)
  const format = formatOf(bytes)
  const reader = new SegmentReader(bytes)
  const connections = new Connections(bytes)
  const times = new Times()
  const strays = new Strays(bytes)
  for (const packet of format === 'pcap' ? pcapPackets(bytes) : pcapngPackets(bytes)) {
    const number = times.push(packet)
    const segment = reader.segmentOf(packet, (...stray) => strays.add(number, ...stray))
    const stray = segment && connections.add(number, segment)
    if (stray) strays.add(number, stray, segment, `${segment.from} ${segment.to}`)
  }
  const all = { connections: connections.all(times), strays: strays.all(times) }
  return { format, packets: times.count, ...times.span(), ...all }
}

/** When each packet passed, since the first one. */
class Times {
  #times = new Float64Array(1024)
  count = 0

  push({ ms }: Packet): number {
    if (this.count === this.#times.length) {
      const grown = new Float64Array(2 * this.count)
      grown.set(this.#times)
      this.#times = grown
    }
    this.#times[this.count] = ms
    return ++this.count
  }

  /** A packet without a time has that of the first. */
  at(packet: number): number {
    return (this.#times[packet - 1] ?? 0) - (this.#times[0] as number) || 0
  }

  /** Of the first and the last packet; neither, where one has none, or one that no calendar has. */
  span(): { began: Date; ended: Date } | undefined {
    const [began, ended] = [0, Math.max(0, this.count - 1)].map(at => new Date(this.#times[at] as number))
    if (this.count === 0 || !isDate(began) || !isDate(ended)) return
    return { began, ended }
  }
}

function isDate(date: Date | undefined): date is Date {
  return date !== undefined && !Number.isNaN(date.getTime())
}

/** All of a capture; what is none is refused by its first bytes, and not after 512 MiB of it. @throws those of `readCapture`, and what a source throws. */
export function captureBytes(source: string | AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const first = (piece: Uint8Array): void => {
    if (piece.byteLength >= HEAD) formatOf(piece)
  }
  return typeof source === 'string' ? wholeFile(source, CAPTURE_LIMIT, first) : whole(source, CAPTURE_LIMIT, { first })
}

/** @throws SftError ERR_SFT_ENCODING. */
function formatOf(bytes: Uint8Array): Capture['format'] {
  if (isPcap(bytes)) return 'pcap'
  if (isPcapng(bytes)) return 'pcapng'
  throw noCapture('this is no capture')
}
