import t from 'tap'
import { open, seal } from '../../src/workers/aead.ts'
import { SUITES, type Suite } from '../../src/workers/construction.ts'
import { aeadKey, C, hex, pattern, print } from '../fixtures/bytes.ts'

interface Vector {
  readonly suite: Suite
  readonly key: string
  readonly iv: string
  readonly aad: string
  readonly plaintext: string
  readonly ciphertext: string
  readonly tag: string
}

const VECTORS: Readonly<Record<string, Vector>> = {
  'NIST GCM test case 14': {
    suite: 'aes-256-gcm',
    key: '00'.repeat(32),
    iv: '00'.repeat(12),
    aad: '',
    plaintext: '00'.repeat(16),
    ciphertext: 'cea7403d4d606b6e074ec5d3baf39d18',
    tag: 'd0d1c8a799996bf0265b98b5d48ab919'
  },
  'NIST GCM test case 16': {
    suite: 'aes-256-gcm',
    key: 'feffe9928665731c6d6a8f9467308308'.repeat(2),
    iv: 'cafebabefacedbaddecaf888',
    aad: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    plaintext:
      'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
    ciphertext:
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662',
    tag: '76fc6ece0f4e1768cddf8853bb2d551b'
  },
  'RFC 8439 §2.8.2': {
    suite: 'chacha20-poly1305',
    key: '808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f',
    iv: '070000004041424344454647',
    aad: '50515253c0c1c2c3c4c5c6c7',
    plaintext: Buffer.from(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
    ).toString('hex'),
    ciphertext:
      'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116',
    tag: '1ae10b594f09e26a7e902ecbd0600691'
  }
}

for (const [name, vector] of Object.entries(VECTORS)) {
  t.test(name, t => {
    const key = aeadKey(vector.suite, vector.key, vector.iv)
    const { ciphertext, tag } = seal(key, 0, hex(vector.aad), hex(vector.plaintext))
    t.equal(print(ciphertext), print(hex(vector.ciphertext)))
    t.equal(print(tag), vector.tag)
    t.equal(print(open(key, 0, hex(vector.aad), hex(vector.ciphertext + vector.tag))), print(hex(vector.plaintext)))
    t.end()
  })
}

for (const suite of SUITES) {
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
