import type { KeyObject } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { bodyAt } from '../dissect/frame-body.ts'
import { DIRECTIONS, type Direction, type Dissected, type Flow, type Frame } from '../model.ts'
import { modulusBytes, oaepMessage, premaster, privateOperation } from './rsa-opened.ts'
import { headerIn, plaintextOf, unwrapped } from './stolen-stream.ts'

/**
 * Whoever recorded everything, and later stole every long-term key (SPEC §2, M178). A private key of RSA can do one thing to a recording: a private operation over some bytes of
 * it. So it is done with each key over all bytes that could be a ciphertext, as far as its time reaches, and what comes out is read in every way in which it could be a message.
 */

export interface StolenKey {
  /** `the receiver`, `the root` … */
  readonly owner: string
  readonly key: KeyObject
}

/** Something that a stolen key opened. */
export interface Find {
  readonly connection: number
  readonly protocol: Dissected['protocol']
  readonly packet: number
  readonly owner: string
  readonly what: 'a stream' | 'a message' | 'the premaster secret of TLS'
  /** What a stream or a message says. */
  readonly plain: Uint8Array
}

export interface Theft {
  readonly finds: readonly Find[]
  /** Private operations over windows, and windows of so many bytes as a key has that they were done over. */
  readonly operations: number
  readonly windows: number
  /** Frames that were read as the header of a stream, and those that are one. */
  readonly frames: number
  readonly headers: number
}

/** 1.5 ms each. */
const MAX_OPERATIONS = 6000
const OPERATIONS_A_TURN = 16
const HEADER_WINDOWS = 80

interface Window {
  readonly dissected: Dissected
  readonly direction: Direction
  readonly at: number
  /** It is at an end of something: never left out. */
  readonly edge: boolean
}

/** @param limit private operations after which only windows at an end of something are still tried */
export async function tryKeys(
  connections: readonly Dissected[],
  keys: readonly StolenKey[],
  { signal, limit = MAX_OPERATIONS }: { signal?: AbortSignal | undefined; limit?: number } = {}
): Promise<Theft> {
  const streams = openStreams(connections, keys)
  let [operations, windows] = [0, 0]
  const finds = [...streams.finds]
  for (const window of windowsOf(connections, keys)) {
    if (!window.edge && operations >= limit) break
    windows++
    for (const { owner, key } of keys) {
      if (operations++ % OPERATIONS_A_TURN === 0) await turn()
      signal?.throwIfAborted()
      const found = open(window, key)
      if (found) finds.push({ ...placeOf(window), owner, ...found })
    }
  }
  return { ...streams, finds, operations, windows }
}

/** Every frame of every connection as the header of a stream. */
function openStreams(
  connections: readonly Dissected[],
  keys: readonly StolenKey[]
): Omit<Theft, 'operations' | 'windows'> {
  const finds: Find[] = []
  let [frames, headers] = [0, 0]
  for (const dissected of connections) {
    for (const frame of dissected.frames) {
      frames++
      const header = headerIn(dissected, frame)
      if (header === undefined) continue
      headers++
      for (const { owner, key } of keys) {
        const secret = unwrapped(header, key)
        if (secret === undefined) continue
        const plain = plaintextOf(dissected, frame, header, secret)
        finds.push({
          ...placeOf({ dissected, direction: frame.direction, at: frame.at }),
          owner,
          what: 'a stream',
          plain
        })
      }
    }
  }
  return { finds, frames, headers }
}

function placeOf({ dissected, direction, at }: Omit<Window, 'edge'>): Pick<Find, 'connection' | 'protocol' | 'packet'> {
  const { connection, protocol } = dissected
  return { connection: connection.number, protocol, packet: connection[direction].packetAt(at) }
}

function open({ dissected, direction, at }: Window, key: KeyObject): Pick<Find, 'what' | 'plain'> | undefined {
  const bytes = dissected.connection[direction].bytes.subarray(at, at + modulusBytes(key))
  const block = bytes.byteLength === modulusBytes(key) ? privateOperation(key, bytes) : undefined
  if (block === undefined) return undefined
  const message = oaepMessage(block, 'sha256') ?? oaepMessage(block, 'sha1')
  if (message) return { what: 'a message', plain: message }
  const secret = premaster(block)
  return secret && { what: 'the premaster secret of TLS', plain: secret }
}

/** All windows, those first that a protocol would use: at the ends of frames and of what is sealed in them; then those that begin anywhere, of each flow in turn. */
function* windowsOf(connections: readonly Dissected[], keys: readonly StolenKey[]): Generator<Window> {
  const sizes = [...new Set(keys.map(({ key }) => modulusBytes(key)))]
  const smallest = Math.min(...sizes)
  const flows = connections.flatMap(dissected =>
    DIRECTIONS.map(direction => {
      const flow = dissected.connection[direction]
      const own = dissected.frames.filter(frame => frame.direction === direction)
      const at = new Set(own.flatMap(frame => edges(flow, frame, dissected.protocol, sizes)))
      return { dissected, direction, last: flow.bytes.byteLength - smallest, at }
    })
  )
  for (const { last, at, ...where } of flows)
    for (const each of at) if (each >= 0 && each <= last) yield { ...where, at: each, edge: true }
  const longest = flows.reduce((most, { last }) => Math.max(most, last), 0)
  for (let next = 0; next <= longest; next++)
    for (const { last, at, ...where } of flows)
      if (next <= last && !at.has(next)) yield { ...where, at: next, edge: false }
}

function edges(flow: Flow, frame: Frame, protocol: Dissected['protocol'], sizes: readonly number[]): number[] {
  const { at, length, sealed = { at, length }, label } = frame
  // a pipe has the only ciphertext of RSA in its header: there a thief tries harder
  if (protocol === 'sft pipe' && label === 'STRM')
    return Array.from({ length }, (_, index) => at + index).slice(0, HEADER_WINDOWS)
  const starts = [at, sealed.at, ...(protocol.startsWith('sft') ? [bodyAt(flow, frame)] : [])]
  const ends = [at + length, sealed.at + sealed.length]
  return [...starts, ...ends.flatMap(end => sizes.map(size => end - size))]
}
