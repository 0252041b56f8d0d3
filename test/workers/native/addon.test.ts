import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { loadFrom, nativeAead, whyNotNative } from '../../../src/workers/native/addon.ts'
import { pattern, print } from '../../fixtures/bytes.ts'
import { nativeOrComment } from '../../fixtures/native.ts'
import { reference, refusesMisuse } from '../../fixtures/native-calls.ts'

t.test('what does not load is no fault', t => {
  const directory = t.testdir({ 'text.node': 'no library' })
  t.match(loadFrom(join(directory, 'absent.node')), { reason: /^not built, / })
  t.match(loadFrom(join(directory, 'text.node')), { reason: /^does not load: / })
  writeFileSync(join(directory, 'empty.node'), '')
  t.match(loadFrom(join(directory, 'empty.node')), { reason: /^does not load: / })
  t.end()
})

t.test('there is an addon, or a reason why not', t => {
  t.equal(nativeAead() === undefined, whyNotNative() !== undefined)
  t.equal(nativeAead(), nativeAead())
  t.end()
})

const native = nativeOrComment(t)
const [key, nonce, aad] = [pattern(32), pattern(12, 1), pattern(12, 2)]

for (const suite of native ? [1, 2] : []) {
  const aead = native ?? reference

  t.test(`suite ${suite}: seals for node:crypto and opens from it, at odd offsets, in shared memory`, t => {
    for (const size of [0, 1, 15, 16, 17, 16 * 1024, 2 ** 20 - 1, 2 ** 20]) {
      for (const offset of [0, 1, 13]) {
        for (const memory of [new ArrayBuffer(offset + size + 5), new SharedArrayBuffer(offset + size + 5)]) {
          const around = new Uint8Array(memory).fill(0xa5)
          const data = new Uint8Array(memory, offset, size)
          data.set(pattern(size))
          const expected = pattern(size)
          const [tag, expectedTag] = [new Uint8Array(16), new Uint8Array(16)]
          reference.seal(suite, key, nonce, aad, expected, expectedTag)
          aead.seal(suite, key, nonce, aad, data, tag)
          t.ok(
            Buffer.from(data).equals(expected) && Buffer.from(tag).equals(expectedTag),
            `sealed ${size} at ${offset}`
          )
          t.ok(reference.open(suite, key, nonce, aad, Uint8Array.from(data), tag))
          t.ok(aead.open(suite, key, nonce, aad, data, tag) && Buffer.from(data).equals(pattern(size)))
          const outside = [...around.subarray(0, offset), ...around.subarray(offset + size)]
          t.ok(
            outside.every(byte => byte === 0xa5),
            'and nothing around it'
          )
        }
      }
    }
    t.end()
  })

  t.test(`suite ${suite}: what does not open is zeroed, and OpenSSL is left without an error`, t => {
    const data = pattern(1000)
    const tag = new Uint8Array(16)
    aead.seal(suite, key, nonce, aad, data, tag)
    t.notOk(aead.open(suite, key, nonce, pattern(12, 3), data, tag))
    t.same(data, new Uint8Array(1000))
    t.equal(createHash('sha256').update('').digest('hex').slice(0, 8), 'e3b0c442')
    t.end()
  })
}

if (native) {
  t.test('misuse is a TypeError that says which argument', t => {
    const good: unknown[] = [1, key, nonce, aad, pattern(40), new Uint8Array(16)]
    const memory = new ArrayBuffer(64)
    const bytes = (offset: number, size: number): Uint8Array => new Uint8Array(memory, offset, size)
    const refused = (call: readonly unknown[], message: RegExp): void => {
      t.ok(refusesMisuse(native, call), String(message))
      t.throws(() => native.seal(...(call as Parameters<typeof native.seal>)), message)
    }
    refused(good.with(0, 3), /^suite must be/)
    refused(good.with(1, pattern(31)), /key must be/)
    refused(good.with(2, new Float32Array(12)), /nonce must be/)
    refused(good.with(3, pattern(65)), /aad must be/)
    refused(good.with(4, new DataView(new ArrayBuffer(40))), /data must be/)
    refused(good.with(5, pattern(12)), /tag must be/)
    refused([], /suite must be/)
    refused(good.with(4, bytes(0, 17)).with(5, bytes(16, 16)), /tag must not overlap/)
    refused(good.with(4, bytes(0, 17)).with(3, bytes(16, 16)), /data must not overlap/)
    refused(good.with(3, bytes(0, 17)).with(5, bytes(16, 16)), /tag must not overlap/)
    const gone = pattern(40)
    structuredClone(gone, { transfer: [gone.buffer] })
    refused(good.with(4, gone), /data must be/)
    t.doesNotThrow(
      () => native.seal(1, key, nonce, bytes(0, 1), bytes(1, 20), bytes(21, 16)),
      'neighbours are no overlap'
    )
    t.end()
  })

  t.test('several threads at once, each with a state of its own', async t => {
    const file = new URL('../../fixtures/native-thread.ts', import.meta.url)
    const threads = Array.from({ length: 3 }, (_, seed) => new Worker(file, { workerData: seed, execArgv: [] }))
    const sums = await Promise.all(threads.map(async thread => String((await once(thread, 'message'))[0])))
    t.same(
      sums,
      [0, 1, 2].map(seed => rounds(seed))
    )
    await Promise.all(threads.map(thread => thread.terminate()))
  })
}

/** What a thread is to find, by node:crypto. */
function rounds(seed: number): string {
  const data = pattern(100_000, seed)
  const tag = new Uint8Array(16)
  for (let round = 0; round < 20; round++) reference.seal(1 + (round % 2), key, nonce, tag.slice(), data, tag)
  return print(data) + print(tag)
}
