import type { NativeAead } from './addon.ts'

/** Known answers for the addon before its first use, one a suite: what it must give, give back, and refuse. */

interface KnownAnswer {
  readonly suite: number
  readonly key: string
  readonly nonce: string
  readonly aad: string
  readonly plaintext: string
  readonly ciphertext: string
  readonly tag: string
}

const KNOWN_ANSWERS: readonly KnownAnswer[] = [
  {
    // McGrew and Viega, The Galois/Counter Mode of Operation, test case 16
    suite: 1,
    key: 'feffe9928665731c6d6a8f9467308308'.repeat(2),
    nonce: 'cafebabefacedbaddecaf888',
    aad: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    plaintext:
      'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
    ciphertext:
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662',
    tag: '76fc6ece0f4e1768cddf8853bb2d551b'
  },
  {
    // RFC 8439 §2.8.2
    suite: 2,
    key: '808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f',
    nonce: '070000004041424344454647',
    aad: '50515253c0c1c2c3c4c5c6c7',
    plaintext: Buffer.from(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
    ).toString('hex'),
    ciphertext:
      'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116',
    tag: '1ae10b594f09e26a7e902ecbd0600691'
  }
]

/** True for an addon that seals and opens every known answer, and refuses and wipes it under a tag with one bit changed. */
export function passes(aead: NativeAead): boolean {
  return KNOWN_ANSWERS.every(answer => sealsAndOpens(aead, answer) && refuses(aead, answer))
}

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex')

function sealsAndOpens(aead: NativeAead, answer: KnownAnswer): boolean {
  const { suite } = answer
  const [key, nonce, aad, data] = [answer.key, answer.nonce, answer.aad, answer.plaintext].map(bytes) as Four
  const tag = Buffer.alloc(16)
  aead.seal(suite, key, nonce, aad, data, tag)
  if (data.toString('hex') !== answer.ciphertext || tag.toString('hex') !== answer.tag) return false
  return aead.open(suite, key, nonce, aad, data, tag) === true && data.toString('hex') === answer.plaintext
}

function refuses(aead: NativeAead, answer: KnownAnswer): boolean {
  const [key, nonce, aad, data] = [answer.key, answer.nonce, answer.aad, answer.ciphertext].map(bytes) as Four
  const tag = bytes(answer.tag)
  tag[15] = (tag[15] as number) ^ 1
  return aead.open(answer.suite, key, nonce, aad, data, tag) === false && data.every(byte => byte === 0)
}

type Four = [Buffer, Buffer, Buffer, Buffer]
