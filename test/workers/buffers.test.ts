import t from 'tap'
import { allocate, release } from '../../src/workers/buffers.ts'

t.test('allocate gives an ArrayBuffer that is nobody else’s', t => {
  for (const size of [0, 1, 100, 4096, 1024 * 1024]) {
    const bytes = allocate(size)
    t.equal(bytes.byteLength, size)
    t.equal(bytes.buffer.byteLength, size)
    t.equal(bytes.byteOffset, 0)
  }
  t.end()
})

t.test('release empties a large buffer and every view of it', t => {
  const bytes = allocate(64 * 1024)
  const view = bytes.subarray(10)
  release(view)
  t.equal(bytes.byteLength, 0)
  t.equal(view.byteLength, 0)
  t.ok(bytes.buffer.detached)
  t.doesNotThrow(() => release(bytes), 'twice is harmless')
  t.end()
})

t.test('release leaves alone what may hold other people’s bytes', t => {
  const shared = Buffer.from('a slice of the shared pool')
  release(shared)
  t.equal(shared.toString(), 'a slice of the shared pool')
  const half = allocate(64 * 1024).subarray(0, 32 * 1024)
  release(half)
  t.equal(half.byteLength, 32 * 1024, 'no more than half of its ArrayBuffer')
  const small = allocate(8 * 1024 - 1)
  release(small)
  t.equal(small.byteLength, 8 * 1024 - 1)
  const threads = new Uint8Array(new SharedArrayBuffer(64 * 1024))
  release(threads)
  t.equal(threads.byteLength, 64 * 1024, 'shared memory')
  t.end()
})
