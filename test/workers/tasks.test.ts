import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { open } from '../../src/workers/aead.ts'
import { AEADS, u64 } from '../../src/workers/construction.ts'
import { wrapKey } from '../../src/workers/key-wrap.ts'
import { openTask, sealTask, unwrapTask } from '../../src/workers/tasks.ts'
import { C, pattern, print, streamKey } from '../fixtures/bytes.ts'

for (const suite of AEADS) {
  t.test(`${suite}: a sealed chunk opens, bound to its index`, t => {
    const key = streamKey(suite).chunk(5)
    const { ciphertext, tag } = sealTask({ key, index: 5, data: pattern(C) })
    const body = (): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.concat([u64(5), ciphertext, tag]))
    t.equal(print(openTask({ key, index: 5, body: body() })), print(pattern(C)))
    t.equal(openTask({ key, index: 6, body: body() }), undefined)
    const aad = Buffer.concat([Buffer.from('RSFL'), u64(5)])
    t.equal(print(open(key, 5, aad, body().subarray(8))), print(pattern(C)), 'AAD is "RSFL" and the index (SPEC §7.2)')
    t.end()
  })
}

t.test('a task consumes its buffer: it becomes the result or is released, also when it does not open', t => {
  const key = streamKey().chunk(0)
  const data = pattern(C)
  const { ciphertext, tag } = sealTask({ key, index: 0, data })
  t.ok(data.buffer === ciphertext.buffer || data.buffer.detached)
  for (const index of [0, 1]) {
    const body = Uint8Array.from(Buffer.concat([u64(0), ciphertext, tag]))
    const opened = openTask({ key, index, body })
    t.ok(body.buffer === opened?.buffer || body.buffer.detached)
    t.equal(opened === undefined, index === 1)
  }
  t.end()
})

t.test('a body too short for a tag does not open', t => {
  const key = streamKey().chunk(0)
  for (let size = 0; size < 24; size++) t.equal(openTask({ key, index: 0, body: new Uint8Array(size) }), undefined)
  t.end()
})

t.test('unwrap gives the key, or undefined', t => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const streamId = pattern(32)
  const ciphertext = wrapKey(publicKey, streamId, pattern(32, 3))
  t.equal(print(unwrapTask({ privateKey, streamId, ciphertext })), print(pattern(32, 3)))
  t.equal(unwrapTask({ privateKey, streamId: pattern(32, 1), ciphertext }), undefined)
  t.end()
})
