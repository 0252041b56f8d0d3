import { hello, helloReply, joinRequest } from '../../auth/session/handshake-messages.ts'
import { SftError } from '../../streams/errors.ts'
import type { FrameType } from '../../streams/types.ts'
import { SUITE_IDS, SUITES } from '../../workers/construction.ts'
import { type Connection, DIRECTIONS, type Direction } from '../model.ts'
import { Chunks } from './chunks.ts'
import { Onlooker } from './onlooker.ts'
import { inOrder, type Parts } from './parts.ts'
import { firstType, type SftFrame, sealedPart, splitFrames } from './sft-frames.ts'

/** A session of sft/1, or a stripe of one (SPEC §6 to §9): the first frame says which. */

const HANDSHAKE_CAP = 16 * 1024
const HANDSHAKE_BYTES = 32 * 1024
const HANDSHAKE_FRAMES = 6
/** Before and of the proof of who one is. */
const BEFORE: ReadonlySet<FrameType> = new Set<FrameType>(['HELO', 'HELR', 'JOIN', 'JOIR', 'SECE', 'SECV', 'SECF'])

type Placed = SftFrame & { readonly direction: Direction }

/** Whether the one who dialled began with a frame that only sft begins with. */
export function isSession({ up }: Connection): boolean {
  const type = firstType(up.bytes)
  return type === 'HELO' || type === 'JOIN'
}

export function dissectSession(parts: Parts): void {
  const { connection, count } = parts
  const frames: Placed[] = []
  for (const direction of DIRECTIONS) {
    const { frames: found, rest } = splitFrames(connection[direction].bytes, 0, count)
    for (const frame of found) frames.push({ ...frame, direction })
    const end = found.reduce((sum, { length }) => sum + length, 0)
    if (rest) parts.unexplained(direction, end)
    if (rest) parts.fault(direction, rest.at, rest.reason)
  }
  checkHandshake(parts, frames)
  const onlooker = new Onlooker()
  const chunks = { up: new Chunks(), down: new Chunks() }
  for (const frame of inOrder(connection, frames)) addFrame(parts, frame, onlooker, chunks[frame.direction])
}

function addFrame(parts: Parts, frame: Placed, onlooker: Onlooker, chunks: Chunks): void {
  const { direction, at, length, type } = frame
  const { bytes } = parts.flow(direction)
  const { state, fits } = onlooker.see(type, direction === 'up' ? 'initiator' : 'responder')
  if (!fits) parts.fault(direction, at, `a frame ${type} has no place in state ${state}`)
  const wrong = frame.fault ?? chunks.see(bytes, frame)
  if (wrong) parts.fault(direction, at, wrong)
  const said = clearDetail(parts, frame, bytes) ?? chunks.detail(bytes, frame)
  const detail = [said, `state: ${state}`].filter(Boolean).join(', ')
  const content = type === 'RSFL'
  parts.add({ direction, at, length, label: type, sealed: sealedPart(frame), content, detail: content ? said : detail })
}

/** What is said before keys is in the clear: whoever listens reads it, too. */
function clearDetail(
  parts: Parts,
  { type, at, length, body, direction }: Placed,
  bytes: Uint8Array
): string | undefined {
  const read = READERS[type]
  if (read === undefined) return undefined
  try {
    return read(bytes.subarray(body, at + length))
  } catch (error) {
    if (!SftError.is(error)) throw error
    parts.fault(direction, at, `a frame ${type}: ${error.message}`)
    return ''
  }
}

const READERS: Readonly<Partial<Record<FrameType, (body: Uint8Array) => string>>> = {
  HELO: body => {
    const { suites, kemKey } = hello.decode(body)
    const named = suites.map(suiteName).filter(name => name !== undefined)
    return `suites ${named.join(' ')}, shares X25519${kemKey ? ' and ML-KEM-768' : ''}`
  },
  HELR: body => {
    const { suite, kemCiphertext } = helloReply.decode(body)
    return `suite ${suiteName(suite) ?? suite}, shares X25519${kemCiphertext ? ' and ML-KEM-768' : ''}`
  },
  JOIN: body => `stripe ${joinRequest.decode(body).stripe}`
}

function suiteName(id: number): string | undefined {
  return SUITES.find(name => SUITE_IDS[name] === id)
}

/** The caps before authentication (SPEC §3). */
function checkHandshake(parts: Parts, frames: readonly Placed[]): void {
  for (const direction of DIRECTIONS) {
    const before = frames.filter(frame => frame.direction === direction && BEFORE.has(frame.type))
    const [first] = before
    const long = before.find(({ body, at, length }) => at + length - body + 4 > HANDSHAKE_CAP)
    if (long) parts.fault(direction, long.at, `a frame ${long.type} of more than 16 KiB before authentication`)
    const bytes = before.reduce((sum, { length }) => sum + length, 0)
    if (first && (bytes > HANDSHAKE_BYTES || before.length > HANDSHAKE_FRAMES))
      parts.fault(direction, first.at, 'more than 32 KiB or 6 frames before authentication')
  }
}
