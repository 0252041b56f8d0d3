import t from 'tap'
import { open, seal } from '../../src/workers/aead.ts'
import { AEADS } from '../../src/workers/construction.ts'
import { AEAD_VECTORS } from '../fixtures/aead-vectors.ts'
import { aeadKey, C, hex, pattern, print } from '../fixtures/bytes.ts'

for (const [name, vector] of Object.entries(AEAD_VECTORS)) {
  t.test(name, t => {
    const key = aeadKey(vector.suite, vector.key, vector.iv)
    const { ciphertext, tag } = seal(key, 0, hex(vector.aad), hex(vector.plaintext))
    t.equal(print(ciphertext), print(hex(vector.ciphertext)))
    t.equal(print(tag), vector.tag)
    t.equal(print(open(key, 0, hex(vector.aad), hex(vector.ciphertext + vector.tag))), print(hex(vector.plaintext)))
    t.end()
  })
}

for (const suite of AEADS) {
  const key = aeadKey(suite, pattern(32), pattern(12))
  const aad = pattern(12, 5)

  t.test(`${suite}: only the right key, index, aad and bytes open`, t => {
    const plaintext = pattern(100)
    const { ciphertext, tag } = seal(key, 7, aad, plaintext)
    const sealed = Buffer.concat([ciphertext, tag])
    t.equal(print(open(key, 7, aad, sealed)), print(plaintext))
    t.equal(open(key, 8, aad, sealed), undefined)
    t.equal(open(key, 7, pattern(12, 6), sealed), undefined)
    t.equal(open(aeadKey(suite, pattern(32, 1), pattern(12)), 7, aad, sealed), undefined)
    t.equal(open(aeadKey(suite, pattern(32), pattern(12, 1)), 7, aad, sealed), undefined)
    for (let i = 0; i < sealed.byteLength; i++) {
      const changed = Uint8Array.from(sealed)
      changed[i] = (changed[i] ?? 0) ^ 1
      t.equal(open(key, 7, aad, changed), undefined, `byte ${i}`)
    }
    t.end()
  })

  t.test(`${suite}: a shortened tag never opens`, t => {
    const { ciphertext, tag } = seal(key, 0, aad, pattern(20))
    const sealed = Buffer.concat([ciphertext, tag])
    for (let size = 0; size < sealed.byteLength; size++) t.equal(open(key, 0, aad, sealed.subarray(0, size)), undefined)
    t.end()
  })

  t.test(`${suite}: borrows its input, and gives buffers of their own`, t => {
    for (const size of [0, 1, 100, C]) {
      const plaintext = pattern(size)
      const { ciphertext, tag } = seal(key, 0, aad, plaintext)
      t.equal(print(plaintext), print(pattern(size)))
      const sealed = Buffer.concat([ciphertext, tag])
      const kept = Uint8Array.from(sealed)
      const opened = open(key, 0, aad, sealed)
      t.equal(print(sealed), print(kept))
      t.equal(print(opened), print(pattern(size)))
      t.equal(ciphertext.buffer.byteLength, size)
      t.equal(opened?.buffer.byteLength, size)
    }
    t.end()
  })
}
