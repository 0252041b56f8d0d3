import { spawnSync } from 'node:child_process'
import t from 'tap'
import { open, seal } from '../../src/workers/aead.ts'
import { AEADS } from '../../src/workers/construction.ts'
import { nativeAead } from '../../src/workers/native/addon.ts'
import { aeadBackend, nodeAead, ownedAead } from '../../src/workers/owned-aead.ts'
import { AEAD_VECTORS } from '../fixtures/aead-vectors.ts'
import { aeadKey, C, hex, pattern, print } from '../fixtures/bytes.ts'
import { ownedAeads } from '../fixtures/native.ts'

const SIZES = [0, 1, 15, 16, 17, C, 2 ** 20 - 1, 2 ** 20]
const OFFSETS = [0, 1, 7]

/** A view at `offset` of an ArrayBuffer that ends with it. */
function placed(bytes: Uint8Array, offset: number): Uint8Array<ArrayBuffer> {
  const view = new Uint8Array(offset + bytes.byteLength).subarray(offset)
  view.set(bytes)
  return view
}

for (const [name, aead] of ownedAeads(t)) {
  for (const [title, vector] of Object.entries(AEAD_VECTORS)) {
    t.test(`${name}: ${title}`, t => {
      const key = aeadKey(vector.suite, vector.key, vector.iv)
      const { ciphertext, tag } = aead.seal(key, 0, hex(vector.aad), hex(vector.plaintext))
      t.equal(print(ciphertext), print(hex(vector.ciphertext)))
      t.equal(print(tag), vector.tag)
      const sealed = hex(vector.ciphertext + vector.tag)
      t.equal(print(aead.open(key, 0, hex(vector.aad), sealed)), print(hex(vector.plaintext)))
      t.end()
    })
  }

  for (const suite of AEADS) {
    const key = aeadKey(suite, pattern(32), pattern(12))
    const aad = pattern(12, 5)

    for (const size of SIZES) {
      t.test(`${name}, ${suite}: the same bytes as borrowed, len=${size}`, t => {
        const plaintext = pattern(size)
        const expected = seal(key, 9, aad, plaintext)
        const whole = Buffer.concat([expected.ciphertext, expected.tag])
        for (const offset of OFFSETS) {
          const { ciphertext, tag } = aead.seal(key, 9, aad, placed(plaintext, offset))
          t.ok(Buffer.concat([ciphertext, tag]).equals(whole), `sealed at ${offset}`)
          t.ok(Buffer.from(open(key, 9, aad, Buffer.concat([ciphertext, tag])) ?? []).equals(plaintext))
          const opened = aead.open(key, 9, aad, placed(whole, offset))
          t.ok(opened && Buffer.from(opened).equals(plaintext), `opened at ${offset}`)
        }
        t.end()
      })
    }

    t.test(`${name}, ${suite}: only the right key, index, aad and bytes open`, t => {
      const { ciphertext, tag } = seal(key, 7, aad, pattern(100))
      const sealed = (): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.concat([ciphertext, tag]))
      t.equal(print(aead.open(key, 7, aad, sealed())), print(pattern(100)))
      t.equal(aead.open(key, 8, aad, sealed()), undefined)
      t.equal(aead.open(key, 7, pattern(12, 6), sealed()), undefined)
      t.equal(aead.open(aeadKey(suite, pattern(32, 1), pattern(12)), 7, aad, sealed()), undefined)
      t.equal(aead.open(aeadKey(suite, pattern(32), pattern(12, 1)), 7, aad, sealed()), undefined)
      for (let i = 0; i < 116; i++) {
        const changed = sealed()
        changed[i] = (changed[i] ?? 0) ^ 1
        t.equal(aead.open(key, 7, aad, changed), undefined, `byte ${i}`)
      }
      for (let size = 0; size < 116; size++)
        t.equal(aead.open(key, 7, aad, sealed().subarray(0, size)), undefined, `first ${size}`)
      t.end()
    })

    t.test(`${name}, ${suite}: a buffer becomes the result or is released`, t => {
      const plaintext = pattern(C)
      const { ciphertext, tag } = aead.seal(key, 0, aad, plaintext)
      t.equal(ciphertext.byteLength, C)
      t.ok(name === 'native' ? ciphertext.buffer === plaintext.buffer : plaintext.buffer.detached)
      const body = (): Uint8Array<ArrayBuffer> =>
        placed(Buffer.concat([pattern(8), ciphertext, tag]), 4).subarray(8) as Uint8Array<ArrayBuffer>
      const good = body()
      const opened = aead.open(key, 0, aad, good)
      t.ok(name === 'native' ? opened?.buffer === good.buffer : good.buffer.detached)
      const bad = body()
      t.equal(aead.open(key, 1, aad, bad), undefined)
      t.ok(bad.buffer.detached, 'nothing unverified stays')
      t.end()
    })
  }
}

t.test('the fastest there is, chosen once', t => {
  t.equal(ownedAead(), ownedAead())
  t.equal(ownedAead() === nodeAead, nativeAead() === undefined)
  t.equal(aeadBackend().name, nativeAead() ? 'native' : 'node:crypto')
  t.equal(aeadBackend().reason === undefined, nativeAead() !== undefined)
  t.end()
})

t.test('SFT_NATIVE=0 leaves it to node:crypto', t => {
  const module = new URL('../../src/workers/owned-aead.ts', import.meta.url).href
  const script = `import('${module}').then(({ aeadBackend }) => process.stdout.write(JSON.stringify(aeadBackend())))`
  const env = { ...process.env, NODE_OPTIONS: '', SFT_NATIVE: '0' }
  const { stdout } = spawnSync(process.execPath, ['-e', script], { env, encoding: 'utf8' })
  t.same(JSON.parse(stdout), { name: 'node:crypto', reason: 'SFT_NATIVE=0' })
  t.end()
})
