import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto'
import forge from 'node-forge'
import { allocate, release } from '../src/workers/buffers.ts'
import { AEADS, type Aead, u64 } from '../src/workers/construction.ts'
import { nativeAead } from '../src/workers/native/addon.ts'
import { inPlaceAead, nodeAead, type OwnedAead } from '../src/workers/owned-aead.ts'
import type { Micro, MicroCase, MicroRow } from './micro.ts'

/** AEADs of node:crypto by chunk size, ours around them, and node-forge as the warning: it makes certificates here, and nothing else. */

const ALGORITHMS = ['aes-256-gcm', 'aes-128-gcm', 'chacha20-poly1305'] as const
const KIB = [16, 64, 256, 1024] as const
const OPTIONS = { authTagLength: 16 }
const TAG_BYTES = 16

type Algorithm = (typeof ALGORITHMS)[number]

/** The bare call: a new cipher, one update, the output released at once. */
function bare(algorithm: Algorithm, size: number): Micro {
  const key = randomBytes(algorithm === 'aes-128-gcm' ? 16 : 32)
  const plaintext = randomBytes(size)
  let counter = 0
  const seal = () => {
    const iv = Buffer.alloc(12)
    iv.writeUInt32BE(counter++, 8)
    const cipher = createCipheriv(algorithm as 'aes-256-gcm', key, iv, OPTIONS)
    const ciphertext = cipher.update(plaintext)
    cipher.final()
    return { iv, ciphertext, tag: cipher.getAuthTag() }
  }
  return {
    check() {
      const { iv, ciphertext, tag } = seal()
      const decipher = createDecipheriv(algorithm as 'aes-256-gcm', key, iv, OPTIONS).setAuthTag(tag)
      requireEqual(Buffer.concat([decipher.update(ciphertext), decipher.final()]), plaintext)
    },
    step() {
      release(seal().ciphertext)
      return size
    }
  }
}

function ownKey(suite: Aead) {
  return { suite, key: createSecretKey(randomBytes(32)), iv: randomBytes(12) }
}

const RSFL = Buffer.from('RSFL', 'latin1')

/** As SPEC §7.2 has it. */
function aadOf(index: number): Uint8Array {
  return Buffer.concat([RSFL, u64(index)])
}

/** Ours: index, nonce and AAD as SPEC §7.2 has them, and a chunk of its own for every call, filled by a copy as a read would. */
function ownSeal(own: OwnedAead, suite: Aead, size: number): Micro {
  const key = ownKey(suite)
  const plaintext = randomBytes(size)
  let index = 0
  const seal = () => own.seal(key, index, aadOf(index++), copyOf(plaintext))
  return {
    check() {
      const { ciphertext, tag } = seal()
      requireEqual(own.open(key, index - 1, aadOf(index - 1), sealedOf(ciphertext, tag)), plaintext)
    },
    step() {
      release(seal().ciphertext)
      return size
    }
  }
}

function ownOpen(own: OwnedAead, suite: Aead, size: number): Micro {
  const key = ownKey(suite)
  const plaintext = randomBytes(size)
  const { ciphertext, tag } = own.seal(key, 0, aadOf(0), copyOf(plaintext))
  const sealed = sealedOf(ciphertext, tag)
  const open = () => own.open(key, 0, aadOf(0), copyOf(sealed))
  return {
    check: () => requireEqual(open(), plaintext),
    step() {
      const opened = open()
      if (opened) release(opened)
      return size
    }
  }
}

function sealedOf(ciphertext: Uint8Array, tag: Uint8Array): Uint8Array<ArrayBuffer> {
  const sealed = allocate(ciphertext.byteLength + TAG_BYTES)
  sealed.set(ciphertext)
  sealed.set(tag, ciphertext.byteLength)
  return sealed
}

function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = allocate(bytes.byteLength)
  copy.set(bytes)
  return copy
}

function forgeSeal(size: number): Micro {
  const key = forge.util.createBuffer(randomBytes(32))
  const plaintext = randomBytes(size).toString('latin1')
  const iv = randomBytes(12).toString('latin1')
  const seal = () => {
    const cipher = forge.cipher.createCipher('AES-GCM', key.bytes())
    cipher.start({ iv, tagLength: 128 })
    cipher.update(forge.util.createBuffer(plaintext))
    cipher.finish()
    return cipher
  }
  return {
    check() {
      const { output, mode } = seal()
      const decipher = forge.cipher.createDecipher('AES-GCM', key.bytes())
      decipher.start({ iv, tag: mode.tag, tagLength: 128 })
      decipher.update(output)
      if (!decipher.finish() || decipher.output.getBytes() !== plaintext) throw new Error('round trip failed')
    },
    step() {
      seal()
      return size
    }
  }
}

function requireEqual(opened: Uint8Array | undefined, plaintext: Uint8Array): void {
  if (!opened || Buffer.compare(opened, plaintext) !== 0) throw new Error('round trip failed')
}

function row(name: string, kib: number, prepare: (size: number) => Micro, more: Partial<MicroRow> = {}): MicroRow {
  return { name: `${name}, ${kib} KiB`, prepare: () => prepare(kib * 1024), ...more }
}

/** Our two ways beside each other; in place only where the addon is built. */
const native = nativeAead()
const OWN: readonly (readonly [string, OwnedAead])[] = [
  ['node:crypto', nodeAead],
  ...(native ? [['in place', inPlaceAead(native)] as const] : [])
]

function ownRows(name: string, own: OwnedAead, suite: Aead, kib: number): MicroRow[] {
  const long = kib !== 1024 || suite !== 'aes-256-gcm'
  return [
    row(`sft seal ${suite}, ${name}`, kib, size => ownSeal(own, suite, size), { long }),
    row(`sft open ${suite}, ${name}`, kib, size => ownOpen(own, suite, size), { long })
  ]
}

export const aead: MicroCase = {
  name: 'aead',
  title: 'AEAD in one thread, by chunk size',
  unit: 'MB/s',
  rows: [
    row('node aes-256-gcm', 1024, size => bare('aes-256-gcm', size), { baseline: true }),
    ...ALGORITHMS.flatMap(algorithm =>
      KIB.filter(kib => !(algorithm === 'aes-256-gcm' && kib === 1024)).map(kib =>
        row(`node ${algorithm}`, kib, size => bare(algorithm, size), {
          long: kib === 64 || algorithm === 'aes-128-gcm'
        })
      )
    ),
    ...AEADS.flatMap(suite => KIB.flatMap(kib => OWN.flatMap(([name, own]) => ownRows(name, own, suite, kib)))),
    row('warning: node-forge aes-256-gcm', 64, forgeSeal)
  ]
}
