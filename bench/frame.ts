import { randomBytes } from 'node:crypto'
import { type Frame, frame, unframe } from '../src/index.ts'
import { allocate, release } from '../src/workers/buffers.ts'
import type { Micro, MicroCase, MicroRow } from './micro.ts'

/** Framing and unframing, divided by a copy of the same bytes into fresh buffers: what framing may cost at the very least. */

const FRAMES = 16
/** What a socket of Node gives at a time. */
const SOCKET_READ = 64 * 1024
const CAP = 2 * 1024 * 1024
const INDEX_BYTES = 8

function sealedFrame(size: number): Frame {
  return { type: 'RSFL', body: [randomBytes(INDEX_BYTES), randomBytes(size), randomBytes(16)] }
}

function* repeat(one: Frame): Generator<Frame> {
  for (let count = 0; count < FRAMES; count++) yield one
}

/** Cuts the bytes of frames as a socket would deliver them. */
async function* cut(source: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  for await (const piece of source) {
    for (let offset = 0; offset < piece.byteLength; offset += size) yield piece.subarray(offset, offset + size)
  }
}

function through(size: number, read: number): Micro {
  const one = sealedFrame(size)
  const flow = () => unframe({ cap: CAP })(cut(frame()(repeat(one)), read))
  return {
    async check() {
      const body = Buffer.concat(one.body)
      let count = 0
      for await (const received of flow()) {
        if (received.type !== 'RSFL' || !body.equals(received.body)) throw new Error('a frame came out changed')
        count++
      }
      if (count !== FRAMES) throw new Error('a frame is missing')
    },
    async step() {
      for await (const { body } of flow()) release(body)
      return FRAMES * size
    }
  }
}

function framing(size: number): Micro {
  const one = sealedFrame(size)
  return {
    async check() {
      let bytes = 0
      for await (const piece of frame()(repeat(one))) bytes += piece.byteLength
      if (bytes <= FRAMES * size) throw new Error('bytes are missing')
    },
    async step() {
      let pieces = 0
      for await (const piece of frame()(repeat(one))) pieces += piece.byteLength > 0 ? 1 : 0
      return pieces > 0 ? FRAMES * size : 0
    }
  }
}

function copying(size: number): Micro {
  const bytes = randomBytes(size)
  const copy = (): Uint8Array => {
    const buffer = allocate(size)
    for (let offset = 0; offset < size; offset += SOCKET_READ) {
      buffer.set(bytes.subarray(offset, offset + SOCKET_READ), offset)
    }
    return buffer
  }
  return {
    check() {
      if (!bytes.equals(copy())) throw new Error('a copy differs')
    },
    step() {
      for (let count = 0; count < FRAMES; count++) release(copy())
      return FRAMES * size
    }
  }
}

function rows(kib: number, long: boolean): readonly MicroRow[] {
  const size = kib * 1024
  const group = `frames of ${kib} KiB`
  return [
    { name: `copy, ${kib} KiB`, group, long, baseline: true, prepare: () => copying(size) },
    { name: `frame + unframe, ${kib} KiB, pieces of 64 KiB`, group, long, prepare: () => through(size, SOCKET_READ) },
    {
      name: `frame + unframe, ${kib} KiB, pieces of 1,460 bytes`,
      group,
      long: true,
      prepare: () => through(size, 1460)
    },
    { name: `frame alone, ${kib} KiB`, group, long, prepare: () => framing(size) }
  ]
}

export const frames: MicroCase = {
  name: 'frame',
  title: 'Frame and unframe ÷ one copy',
  unit: 'MB/s',
  rows: [...rows(1024, false), ...rows(64, true)]
}
