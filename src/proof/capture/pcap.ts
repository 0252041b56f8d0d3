import { brokenOff, type Packet, view } from './packet.ts'

/** The older format of captures (draft-ietf-opsawg-pcap): a header, then packets of one link type. */

const FILE_HEADER = 24
const PACKET_HEADER = 16
/** The first four bytes, in the order of the machine that wrote them: times in µs, and in ns. */
const MICRO = 0xa1b2c3d4
const NANO = 0xa1b23c4d

/** Whether this is one, from its first bytes. */
export function isPcap(bytes: Uint8Array): boolean {
  return bytes.byteLength >= FILE_HEADER && formOf(view(bytes)) !== undefined
}

/**
 * The packets of a file, in its order; nothing is copied.
 *
 * @throws SftError ERR_SFT_ENCODING for a packet that is longer than what is left (M170).
 */
export function* pcapPackets(bytes: Uint8Array): Generator<Packet, void, undefined> {
  const data = view(bytes)
  const { little, unit } = formOf(data) ?? { little: true, unit: 1 }
  // the upper half says whether frames end with a checksum, which nobody here looks at
  const link = data.getUint32(20, little) & 0xffff
  for (let at = FILE_HEADER; at < bytes.byteLength; ) {
    if (bytes.byteLength - at < PACKET_HEADER) throw brokenOff('the header of a packet')
    const ms = data.getUint32(at, little) * 1000 + data.getUint32(at + 4, little) / unit
    const captured = data.getUint32(at + 8, little)
    const length = data.getUint32(at + 12, little)
    at += PACKET_HEADER
    if (captured > bytes.byteLength - at) throw brokenOff('a packet')
    yield { link, at, captured, length, ms }
    at += captured
  }
}

/** Order of its bytes, and how many of its units a ms has. */
function formOf(data: DataView): { little: boolean; unit: number } | undefined {
  for (const little of [true, false]) {
    const magic = data.getUint32(0, little)
    if (magic === MICRO) return { little, unit: 1e3 }
    if (magic === NANO) return { little, unit: 1e6 }
  }
  return undefined
}
