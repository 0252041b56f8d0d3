import { brokenOff, noCapture, type Packet, view } from './packet.ts'

/** The newer format of captures (draft-ietf-opsawg-pcapng): blocks, in sections of either byte order; packets of any number of interfaces. */

const SECTION = 0x0a0d0d0a
const ORDER = 0x1a2b3c4d
const INTERFACE = 1
const OLD_PACKET = 2
const SIMPLE_PACKET = 3
const PACKET = 6
/** Blocks that are no packets and have a number all the same: lines of a journal, and whatever a program has added for itself. */
const NUMBERED: ReadonlySet<number> = new Set([9, 0x0bad, 0x40000bad])
/** Type and length before a block's body, and its length once more behind it. */
const HEAD = 8
const FOOT = 4
/** Of no interface. */
const NO_LINK = -1
const OPTION_RESOLUTION = 9
const OPTION_OFFSET = 14

interface Interface {
  readonly link: number
  readonly snapped: number
  /** Units a second of its times, and what to add to them in seconds. */
  readonly resolution: number
  readonly offset: number
}

interface Block {
  readonly type: number
  readonly little: boolean
  /** Of the body. */
  readonly at: number
  readonly end: number
}

/** Whether this is one, from its first bytes. */
export function isPcapng(bytes: Uint8Array): boolean {
  return bytes.byteLength >= 28 && view(bytes).getUint32(0) === SECTION
}

/**
 * The packets of a file, in its order; nothing is copied. Blocks of other types are passed over.
 *
 * @throws SftError ERR_SFT_ENCODING for a block that is none, or a packet that is longer than its block (M170).
 */
export function* pcapngPackets(bytes: Uint8Array): Generator<Packet, void, undefined> {
  const data = view(bytes)
  let interfaces: Interface[] = []
  for (const block of blocks(data)) {
    if (block.type === SECTION) interfaces = []
    else if (block.type === INTERFACE) interfaces.push(interfaceOf(data, block))
    else if (block.type === PACKET || block.type === OLD_PACKET) yield packetOf(data, block, interfaces)
    else if (block.type === SIMPLE_PACKET) yield simplePacketOf(data, block, interfaces[0])
    else if (NUMBERED.has(block.type)) yield { link: NO_LINK, at: block.at, captured: 0, length: 0, ms: Number.NaN }
  }
}

function* blocks(data: DataView): Generator<Block, void, undefined> {
  let little = false
  for (let at = 0; at < data.byteLength; ) {
    const left = data.byteLength - at
    if (left < HEAD + FOOT) throw brokenOff('a block')
    const isSection = data.getUint32(at) === SECTION
    if (isSection) little = orderOf(data, at + HEAD)
    const length = data.getUint32(at + 4, little)
    if (length < HEAD + FOOT || length % 4 !== 0) throw noCapture('a block has a length that it can not have')
    if (length > left) throw brokenOff('a block')
    const end = at + length - FOOT
    if (data.getUint32(end, little) !== length) throw noCapture('a block has two lengths')
    yield { type: isSection ? SECTION : data.getUint32(at, little), little, at: at + HEAD, end }
    at += length
  }
}

function orderOf(data: DataView, at: number): boolean {
  if (data.getUint32(at, true) === ORDER) return true
  if (data.getUint32(at, false) === ORDER) return false
  throw noCapture('a section has no byte order')
}

function interfaceOf(data: DataView, { little, at, end }: Block): Interface {
  if (end - at < 8) throw noCapture('an interface without a link type')
  let resolution = 1e6
  let offset = 0
  for (const option of options(data, at + 8, end, little)) {
    if (option.code === OPTION_RESOLUTION && option.length === 1) resolution = unitsOf(data.getUint8(option.at))
    if (option.code === OPTION_OFFSET && option.length === 8) offset = Number(data.getBigInt64(option.at, little))
  }
  return { link: data.getUint16(at, little), snapped: data.getUint32(at + 4, little), resolution, offset }
}

/** A power of ten, or with the upper bit of two. */
function unitsOf(byte: number): number {
  return byte < 0x80 ? 10 ** byte : 2 ** (byte - 0x80)
}

function* options(
  data: DataView,
  from: number,
  end: number,
  little: boolean
): Generator<{ code: number; at: number; length: number }> {
  for (let at = from; at + 4 <= end; ) {
    const code = data.getUint16(at, little)
    const length = data.getUint16(at + 2, little)
    if (code === 0 || at + 4 + length > end) return
    yield { code, at: at + 4, length }
    at += 4 + length + ((4 - (length % 4)) % 4)
  }
}

function packetOf(data: DataView, { type, little, at, end }: Block, interfaces: readonly Interface[]): Packet {
  if (end - at < 20) throw noCapture('a packet without a header')
  const id = type === PACKET ? data.getUint32(at, little) : data.getUint16(at, little)
  const from = interfaces[id]
  if (from === undefined) throw noCapture('a packet of an interface that is not there')
  const units = data.getUint32(at + 4, little) * 2 ** 32 + data.getUint32(at + 8, little)
  const captured = data.getUint32(at + 12, little)
  if (captured > end - at - 20) throw noCapture('a packet is longer than its block')
  const length = data.getUint32(at + 16, little)
  return { link: from.link, at: at + 20, captured, length, ms: (units / from.resolution + from.offset) * 1000 }
}

/** One of the first interface, without a time. */
function simplePacketOf(data: DataView, { little, at, end }: Block, from: Interface | undefined): Packet {
  if (from === undefined || end - at < 4) throw noCapture('a packet of an interface that is not there')
  const snapped = from.snapped === 0 ? Number.POSITIVE_INFINITY : from.snapped
  const length = data.getUint32(at, little)
  const captured = Math.min(length, snapped, end - at - 4)
  return { link: from.link, at: at + 4, captured, length, ms: Number.NaN }
}
