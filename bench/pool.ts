import { randomBytes } from 'node:crypto'
import { type CipherPool, createPool, deriveStreamKey, inlinePool, open, seal } from '../src/index.ts'
import type { Chunk, SealedChunk } from '../src/streams/types.ts'
import { allocate, release } from '../src/workers/buffers.ts'
import type { Micro, MicroCase, MicroRow } from './micro.ts'

/** The stage `seal` over a pool of threads and over the inline pool, by chunk size: where does handing over pay? */

/** Bytes that flow through the stage in one step. */
const STEP_BYTES = 32 * 1024 * 1024

interface Shape {
  readonly kib: number
  readonly threads: number
  readonly inFlight: number
}

function streamKey() {
  return deriveStreamKey('aes-256-gcm', randomBytes(32), randomBytes(32), randomBytes(32))
}

/** Chunks of their own, as a read gives them; the copy costs every row the same. */
function* chunks(template: Uint8Array, bytes: number): Generator<Chunk> {
  for (let left = bytes; left > 0; left -= template.byteLength) {
    const chunk = allocate(template.byteLength)
    chunk.set(template)
    yield chunk as unknown as Chunk
  }
}

function sealing({ kib, threads, inFlight }: Shape): Micro {
  const pool: CipherPool = threads === 0 ? inlinePool() : createPool({ threads })
  const template = randomBytes(kib * 1024)
  return {
    async check() {
      const key = streamKey()
      const sealed = seal(pool, key, { inFlight })(chunks(template, 3 * template.byteLength))
      const opening = open(pool, key, { inFlight, chunkSize: template.byteLength, variable: false })
      let count = 0
      for await (const piece of opening(received(sealed))) {
        if (Buffer.compare(piece, template) !== 0) throw new Error('round trip failed')
        count++
      }
      if (count !== 3) throw new Error('round trip lost chunks')
    },
    async step() {
      for await (const { body } of seal(pool, streamKey(), { inFlight })(chunks(template, STEP_BYTES))) {
        for (const piece of body) release(piece)
      }
      return STEP_BYTES
    },
    close: () => pool.close()
  }
}

async function* received(frames: AsyncIterable<SealedChunk>) {
  for await (const { type, body } of frames) yield { type, body: Uint8Array.from(Buffer.concat(body)) }
}

function row(shape: Shape, more: Partial<MicroRow> = {}): MicroRow {
  const { kib, threads, inFlight } = shape
  const where = threads === 0 ? 'inline' : `${threads} thread${threads === 1 ? '' : 's'}`
  return { name: `${kib} KiB, ${where}, ${inFlight} in flight`, prepare: () => sealing(shape), ...more }
}

/** Inline, one and two threads at one chunk size; each size has its inline row as the baseline. */
function bySize(kib: number, long: boolean): readonly MicroRow[] {
  const group = `chunks of ${kib} KiB`
  return [
    row({ kib, threads: 0, inFlight: 2 }, { group, long, baseline: true }),
    row({ kib, threads: 1, inFlight: 2 }, { group, long }),
    row({ kib, threads: 2, inFlight: 4 }, { group, long }),
    row({ kib, threads: 1, inFlight: 8 }, { group, long: true }),
    row({ kib, threads: 2, inFlight: 8 }, { group, long: true })
  ]
}

export const pool: MicroCase = {
  name: 'pool',
  title: 'Seal stage: threads ÷ inline',
  unit: 'MB/s',
  rows: [...bySize(1024, false), ...bySize(256, true), ...bySize(64, true)]
}
