import { releasedHash, type Vector } from '../../fixtures/vector.ts'
import { C, MAGIC, makeStream, type StreamOptions, sha256, text, type VectorStream } from '../encoder.ts'
import { party } from '../parties.ts'

/** What the vectors share: people, plaintexts, and one stream that is right. */

export const alice = party('alice')
export const bob = party('bob')
export const carol = party('carol')

/** `size` bytes that nobody mistakes for another chunk's. */
export function data(seed: string, size: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(size / 32) }, (_, i) => sha256(text(`${seed} ${i}`)))
  return Buffer.concat(blocks).subarray(0, size)
}

export const [d0, d1, d2] = [data('first', 100), data('second', 120), data('third', 50)]
export const ALL = Buffer.concat([d0, d1, d2])
export const NOTHING: Buffer = Buffer.alloc(0)

/** From alice to bob, chunks of any size, unless told otherwise. */
export function stream(name: string, options: Partial<StreamOptions> = {}): VectorStream {
  return makeStream(name, { sender: alice, recipients: [bob], variable: true, ...options })
}

/** The usual three chunks and the end. */
export function chunks(of: VectorStream, first = 0): Buffer[] {
  return [of.chunk(first, d0), of.chunk(first + 1, d1), of.chunk(first + 2, d2), of.final(first + 3, ALL.byteLength)]
}

/** The same of a stream for several, with the checkpoint at its end (SPEC §7.5). */
export function signedChunks(of: VectorStream): Buffer[] {
  const [c0, c1, c2, end] = chunks(of) as [Buffer, Buffer, Buffer, Buffer]
  const bodies = [d0, d1, d2].map((each, i) => of.chunkBody(i, each))
  return [c0, c1, c2, of.checkpoint(bodies, { final: true }), end]
}

export const base = stream('base')
export const [c0, c1, c2, end] = chunks(base) as [Buffer, Buffer, Buffer, Buffer]

/** A stream whose chunks are full, as those of a regular file are. */
export const regular = stream('regular', { variable: false })
export const [f0, f1] = [data('full 0', C), data('full 1', C)]

export function file(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([MAGIC, ...parts])
}

export function flip(bytes: Uint8Array, at: number, mask = 1): Buffer {
  const changed = Buffer.from(bytes)
  const index = at < 0 ? changed.byteLength + at : at
  changed[index] = (changed[index] as number) ^ mask
  return changed
}

type Rest = Partial<Pick<Vector, 'identity' | 'from' | 'now'>> & { released?: Uint8Array }

export function vector(name: string, expect: string, comment: string, bytes: Uint8Array, rest: Rest = {}): Vector {
  const { released = NOTHING, identity = 'bob', now = '2026-11-01T00:00:00Z', from } = rest
  return { name, expect, comment, released: releasedHash(released), identity, from, now, file: bytes }
}

/** A whole stream whose header is as `options` make it; nothing is released unless `expect` is ok. */
export function headerVector(
  name: string,
  expect: string,
  comment: string,
  options: Partial<StreamOptions>,
  rest: Rest = {}
): Vector {
  const made = stream(name, options)
  const released = expect === 'ok' ? ALL : NOTHING
  const isForSeveral = options.recipients !== undefined && options.recipients.length > 1
  const frames = isForSeveral ? signedChunks(made) : chunks(made, options.firstChunk)
  return vector(name, expect, comment, file(made.header, ...frames), { released, ...rest })
}
