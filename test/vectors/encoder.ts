import {
  constants,
  createCipheriv,
  createHash,
  createHmac,
  hkdfSync,
  type KeyObject,
  privateEncrypt,
  publicEncrypt
} from 'node:crypto'
import type { Party } from './parties.ts'

/**
 * A second encoder of the sealed stream, written from SPEC §1, §3 and §7 alone: it imports nothing of src, and every step can be made
 * wrong. What is random in a stream comes from its name here, so that a vector is the same in every run: OAEP (RFC 8017 §7.1.1) and
 * PSS (§9.1.1) are padded by hand.
 */

export const MAGIC = Buffer.from('895346540d0a1a0a', 'hex')
export const C = 16_384

export const sha256 = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest()
export const text = (value: string): Buffer => Buffer.from(value, 'latin1')

export function integer(value: number, size: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * size, '0'), 'hex')
}

export const u64 = (value: number): Buffer => integer(value, 8)

export function varint(value: number): Buffer {
  return value < 0x80
    ? Buffer.of(value)
    : Buffer.concat([Buffer.of((value & 0x7f) | 0x80), varint(Math.floor(value / 128))])
}

/** SPEC §3. */
export function frame(type: string, body: Uint8Array): Buffer {
  return Buffer.concat([varint(4 + body.byteLength), text(type), body])
}

export type Field = readonly [tag: number, value: Uint8Array]

/** SPEC §1.1, without any of its rules: the fields as they are given. */
export function tlv(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.flatMap(([tag, value]) => [Buffer.of(tag), varint(value.byteLength), value]))
}

/** A TLV integer: minimal, zero is empty. */
export function tlvInteger(value: number): Buffer {
  const digits = value === 0 ? '' : value.toString(16)
  return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
}

export const CREATED: Field = [5, tlvInteger(1_767_225_600_000)]
export const METADATA: readonly Field[] = [[1, text('report.pdf')], [2, tlvInteger(1234)], CREATED]

function mgf1(seed: Buffer, size: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(size / 32) }, (_, i) => sha256(seed, integer(i, 4)))
  return Buffer.concat(blocks).subarray(0, size)
}

function xor(a: Uint8Array, b: Uint8Array): Buffer {
  return Buffer.from(a.map((byte, i) => byte ^ (b[i] as number)))
}

/** RSA-OAEP with SHA-256, its seed given. */
export function oaep(key: KeyObject, label: Uint8Array, seed: Buffer, message: Uint8Array): Buffer {
  const size = (key.asymmetricKeyDetails?.modulusLength as number) / 8
  const padding = Buffer.alloc(size - message.byteLength - 2 * 32 - 2)
  const block = Buffer.concat([sha256(label), padding, Buffer.of(1), message])
  const masked = xor(block, mgf1(seed, block.byteLength))
  const padded = Buffer.concat([Buffer.of(0), xor(seed, mgf1(masked, 32)), masked])
  return publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, padded)
}

/** RSASSA-PSS with SHA-256, its salt given. */
export function pss(key: KeyObject, message: Uint8Array, salt: Buffer): Buffer {
  const size = (key.asymmetricKeyDetails?.modulusLength as number) / 8
  const hash = sha256(Buffer.alloc(8), sha256(message), salt)
  const block = Buffer.concat([Buffer.alloc(size - salt.byteLength - 32 - 2), Buffer.of(1), salt])
  const masked = xor(block, mgf1(hash, block.byteLength))
  masked[0] = (masked[0] as number) & 0x7f
  return privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, Buffer.concat([masked, hash, Buffer.of(0xbc)]))
}

const AEADS = ['aes-256-gcm', 'aes-256-gcm', 'chacha20-poly1305'] as const

/** `key[32] ‖ iv[12]`, nonce = iv ⊕ n. */
export function seal(suite: number, secret: Buffer, n: number, aad: Uint8Array, plaintext: Uint8Array): Buffer {
  const nonce = xor(secret.subarray(32), Buffer.concat([Buffer.alloc(4), u64(n)]))
  const name = (AEADS[suite] ?? 'aes-256-gcm') as 'aes-256-gcm'
  const cipher = createCipheriv(name, secret.subarray(0, 32), nonce, { authTagLength: 16 })
  cipher.setAAD(aad, { plaintextLength: plaintext.byteLength })
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** What of a stream is not as usual; every function is given the right value. */
export interface StreamOptions {
  suite?: number
  variable?: boolean
  power?: number
  firstChunk?: number
  recipients?: readonly Party[]
  sender: Party
  /** Body up to the commitment; keys are derived from what comes back. */
  clear?: (clear: Buffer) => Buffer
  stanzas?: (stanzas: readonly Buffer[], wrap: (recipient: Party, change?: WrapOptions) => Buffer) => readonly Buffer[]
  commitment?: (commitment: Buffer) => Buffer
  chain?: readonly Uint8Array[]
  metadata?: readonly Field[]
  /** The recipients' hashes in the sealed part, which are signed. */
  hashes?: (hashes: Buffer) => Buffer
  signed?: (text: Buffer) => Buffer
  sign?: (message: Buffer, salt: Buffer) => Buffer
  fields?: (fields: readonly Field[]) => readonly Field[]
  part?: (part: Buffer) => Buffer
  tail?: (tail: Buffer, context: { hdr: Buffer; part: Buffer; bound: Buffer; suite: number }) => Buffer
}

export interface WrapOptions {
  label?: Buffer
  key?: Buffer
  hint?: Buffer
  kem?: number
  ciphertext?: (ciphertext: Buffer) => Buffer
}

/** A checkpoint, and what of it is not as usual. */
export interface CheckpointOptions {
  /** Kind 1, in the context of the end. Default: kind 0. */
  final?: boolean
  counter?: number
  /** What is signed, if it is not these bodies. */
  root?: Buffer
  bytes?: number
  signed?: (text: Buffer) => Buffer
  sign?: (message: Buffer, salt: Buffer) => Buffer
  kind?: number
  label?: string
  /** The plaintext of the frame: kind and signature. */
  part?: (part: Buffer) => Buffer
}

export interface VectorStream {
  /** `STRM`, `RSFL` and `FINL`: whole frames. */
  readonly header: Buffer
  /** The body of `STRM`, and where its commitment starts. */
  readonly body: Buffer
  readonly commitmentAt: number
  chunk(
    index: number,
    data: Uint8Array,
    options?: { suite?: number; nonce?: number; aad?: Buffer; claim?: number }
  ): Buffer
  chunkBody(index: number, data: Uint8Array): Buffer
  /** `CKPT` behind these `RSFL` bodies, which are all that came before. */
  checkpoint(bodies: readonly Buffer[], options?: CheckpointOptions): Buffer
  final(
    end: number,
    bytes: number,
    first?: number,
    options?: { nonce?: number; extra?: Buffer; label?: string }
  ): Buffer
}

/** MTH of RFC 6962 §2.1, as it is defined there. */
export function treeHash(entries: readonly Uint8Array[]): Buffer {
  if (entries.length === 0) return sha256()
  if (entries.length === 1) return sha256(Buffer.of(0), entries[0] as Uint8Array)
  let k = 1
  while (k * 2 < entries.length) k *= 2
  return sha256(Buffer.of(1), treeHash(entries.slice(0, k)), treeHash(entries.slice(k)))
}

/** Chain on the wire (SPEC §4.3). */
export function encodeChain(chain: readonly Uint8Array[]): Buffer {
  return Buffer.concat(chain.flatMap(der => [integer(der.byteLength, 2), der]))
}

/** Everything random of the stream comes from `name`. */
export function makeStream(name: string, options: StreamOptions): VectorStream {
  const random = (what: string): Buffer => sha256(text(`sft vector ${name}: ${what}`))
  const [id, secret] = [random('stream id'), random('key')]
  const suite = options.suite ?? 1
  const clear = clearPart(id, secret, suite, options, random)
  const h0 = sha256(clear)
  const derive = (label: string, size: number, context: Buffer = Buffer.alloc(0)): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, id, Buffer.concat([text(label), h0, context]), size))
  const commitment = derive('sft/1 commit', 32)
  const bound = Buffer.concat([clear, options.commitment?.(commitment) ?? commitment])
  const part = sealedPart(h0, bound.subarray(clear.byteLength), options, random)
  const hdr = derive('sft/1 hdr', 44)
  const tail = seal(suite, hdr, 0, bound, part)
  const body = Buffer.concat([bound, options.tail?.(tail, { hdr, part, bound, suite }) ?? tail])
  const chunkBody: VectorStream['chunk'] = (index, data, o = {}) => {
    const key = derive('sft/1 chunk', 44, integer(Math.floor(index / 65_536), 4))
    const aad = o.aad ?? Buffer.concat([text('RSFL'), u64(index)])
    return Buffer.concat([u64(o.claim ?? index), seal(o.suite ?? suite, key, o.nonce ?? index, aad, data)])
  }
  const checkpoint: VectorStream['checkpoint'] = (bodies, o = {}) => {
    const { final = false, counter = 0, root = treeHash(bodies) } = o
    const bytes = o.bytes ?? bodies.reduce((sum, { byteLength }) => sum + byteLength - 24, 0)
    const context = text(final ? 'sft/1 final\0' : 'sft/1 ckpt\0')
    const usual = Buffer.concat([context, h0, commitment, u64(bodies.length), u64(bytes), root])
    const message = o.signed?.(usual) ?? usual
    const sign = o.sign ?? ((each, salt) => pss(options.sender.privateKey, each, salt))
    const kind = Buffer.of(o.kind ?? (final ? 1 : 0))
    const part = Buffer.concat([kind, sign(message, random(`salt of checkpoint ${counter}`))])
    const secret = derive(o.label ?? 'sft/1 ckpt', 44)
    return frame('CKPT', seal(suite, secret, counter, text('CKPT'), o.part?.(part) ?? part))
  }
  return {
    header: frame('STRM', body),
    checkpoint,
    body,
    commitmentAt: clear.byteLength,
    chunkBody,
    chunk: (index, data, o) => frame('RSFL', chunkBody(index, data, o)),
    final: (
      end,
      bytes,
      first = options.firstChunk ?? 0,
      { nonce = end, extra = Buffer.alloc(0), label = 'sft/1 fin' } = {}
    ) => {
      const plaintext = Buffer.concat([u64(end), u64(bytes), u64(first), extra])
      return frame('FINL', seal(suite, derive(label, 44), nonce, text('FINL'), plaintext))
    }
  }
}

type Random = (what: string) => Buffer

function clearPart(id: Buffer, secret: Buffer, suite: number, options: StreamOptions, random: Random): Buffer {
  const { recipients = [], power = 14, variable = false, firstChunk = 0 } = options
  let count = 0
  const wrap = (recipient: Party, change: WrapOptions = {}): Buffer => {
    const label = change.label ?? Buffer.concat([text('sft/1 wrap'), id])
    const wrapped = oaep(recipient.publicKey, label, random(`seed ${count++}`), change.key ?? secret)
    const ciphertext = change.ciphertext?.(wrapped) ?? wrapped
    const hint = change.hint ?? createHmac('sha256', id).update(recipient.spkiHash).digest().subarray(0, 4)
    return Buffer.concat([Buffer.of(change.kem ?? 1), hint, integer(ciphertext.byteLength, 2), ciphertext])
  }
  const usual = recipients.map(recipient => wrap(recipient))
  const stanzas = options.stanzas?.(usual, wrap) ?? usual
  const fixed = Buffer.of(1, suite, power, variable ? 1 : 0)
  const clear = Buffer.concat([fixed, id, u64(firstChunk), Buffer.of(stanzas.length), ...stanzas])
  return options.clear?.(clear) ?? clear
}

function sealedPart(h0: Buffer, commitment: Buffer, options: StreamOptions, random: Random): Buffer {
  const { sender, recipients = [] } = options
  const chain = options.chain ?? sender.chain
  const metadata = tlv(options.metadata ?? METADATA)
  const usual = Buffer.concat(recipients.map(({ spkiHash }) => spkiHash))
  const hashes = options.hashes?.(usual) ?? usual
  const signed = Buffer.concat([
    text('sft/1 stream\0'),
    h0,
    commitment,
    sha256(hashes),
    sha256(metadata),
    sha256(chain[0] ?? Buffer.alloc(0))
  ])
  const message = options.signed?.(signed) ?? signed
  const sign = options.sign ?? ((bytes, salt) => pss(sender.privateKey, bytes, salt))
  const fields: Field[] = [
    [1, encodeChain(chain)],
    [2, metadata],
    [3, hashes],
    [4, sign(message, random('salt'))]
  ]
  const part = tlv(options.fields?.(fields) ?? fields)
  return options.part?.(part) ?? part
}
