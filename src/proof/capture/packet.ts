import { SftError } from '../../streams/errors.ts'

/** A packet as a capture holds it: where it lies in the file, and what is known of it. */
export interface Packet {
  /** LINKTYPE of who took it. */
  readonly link: number
  /** Offset in the file of its first byte, and how many bytes of it are there. */
  readonly at: number
  readonly captured: number
  /** How many it had on the wire. */
  readonly length: number
  /** When it passed, in ms since 1970; NaN if nobody said. */
  readonly ms: number
}

/** What is no capture. */
export function noCapture(message: string): SftError {
  return new SftError('ERR_SFT_ENCODING', message, {
    hint: 'pcap and pcapng are read, as dumpcap and tcpdump write them'
  })
}

/** A capture whose end is missing: what it lacks may have been anything, so it is judged only if somebody cuts it at a packet. */
export function brokenOff(where: string): SftError {
  return new SftError('ERR_SFT_ENCODING', `the capture breaks off inside ${where}`, {
    hint: 'whoever took it was stopped; tshark -r IT -w OTHER keeps the packets that are whole'
  })
}

/** The same bytes, with the methods of a buffer. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

export function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
