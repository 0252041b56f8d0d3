import { constants, publicEncrypt } from 'node:crypto'
import type { Vector } from '../../fixtures/vector.ts'
import { frame, type StreamOptions, seal, sha256, text, type WrapOptions } from '../encoder.ts'
import { base, bob, c0, c1, c2, carol, chunks, end, file, flip, headerVector, NOTHING, stream, vector } from './base.ts'

type Options = Partial<StreamOptions>

function of(name: string, expect: string, comment: string, options: Options, identity?: string): Vector {
  return headerVector(name, `ERR_SFT_${expect}`, comment, options, identity === undefined ? {} : { identity })
}

/** The one stanza wrapped in another way. */
function wrapped(name: string, comment: string, change: WrapOptions): Vector {
  return of(`recipient_${name}`, 'NOT_RECIPIENT', comment, { stanzas: (_, wrap) => [wrap(bob, change)] })
}

/** Bytes of the header set before anything is derived, so that the rest fits them. */
function set(name: string, expect: string, comment: string, at: number, ...values: number[]): Vector {
  const clear = (bytes: Buffer): Buffer => {
    const changed = Buffer.from(bytes)
    changed.set(values, at)
    return changed
  }
  return of(name, expect, comment, { clear })
}

/** The body of a good header, changed on the way. */
function changed(name: string, expect: string, comment: string, change: (body: Buffer) => Buffer): Vector {
  return vector(name, `ERR_SFT_${expect}`, comment, file(frame('STRM', change(base.body)), c0, c1, c2, end))
}

const at =
  (offset: number, mask = 1) =>
  (body: Buffer) =>
    flip(body, offset, mask)
const inCommitment = base.commitmentAt
const inTail = base.commitmentAt + 32
const other = stream('another header')
const two = stream('two recipients', { recipients: [carol, bob] })
const STANZA = 7 + 256

function pkcs1(ciphertextOf: Buffer): Buffer {
  return publicEncrypt({ key: bob.publicKey, padding: constants.RSA_NO_PADDING }, ciphertextOf)
}

/** PKCS#1 v1.5 padding of 32 bytes, its filling fixed. */
const pkcs1Block = Buffer.concat([Buffer.of(0, 2), Buffer.alloc(256 - 3 - 32, 0x5a), Buffer.of(0), sha256(text('key'))])

export const HEADER: readonly Vector[] = [
  of('recipient_wrong', 'NOT_RECIPIENT', 'a stream to bob, opened by carol', {}, 'carol'),
  of('recipient_none', 'NOT_RECIPIENT', 'no stanza at all', { recipients: [] }),
  of('recipient_other_hint', 'NOT_RECIPIENT', "carol's key under bob's hint", {
    stanzas: ([own], wrap) => [wrap(carol, { hint: (own as Buffer).subarray(1, 5) })]
  }),
  wrapped('wrong_hint', 'a stanza that would open, under a wrong hint', { hint: Buffer.alloc(4) }),
  wrapped('wrong_label', 'wrapped under the label of another stream', {
    label: Buffer.concat([text('sft/1 wrap'), sha256()])
  }),
  wrapped('label_of_block', 'wrapped under the label of another use', { label: text('sft/1 block') }),
  wrapped('no_label', 'wrapped without a label', { label: NOTHING }),
  wrapped('short_key', 'a key of 31 bytes inside', { key: sha256(text('short')).subarray(0, 31) }),
  wrapped('long_key', 'a key of 33 bytes inside', { key: Buffer.concat([sha256(text('long')), Buffer.of(0)]) }),
  wrapped('no_key', 'nothing inside', { key: NOTHING }),
  wrapped('ciphertext_changed', 'a bit of the ciphertext changed', { ciphertext: bytes => flip(bytes, 100) }),
  wrapped('ciphertext_cut', 'a ciphertext of 255 bytes', { ciphertext: bytes => bytes.subarray(1) }),
  wrapped('ciphertext_longer', 'a ciphertext of 257 bytes', {
    ciphertext: bytes => Buffer.concat([Buffer.of(0), bytes])
  }),
  wrapped('ciphertext_empty', 'an empty ciphertext', { ciphertext: () => NOTHING }),
  wrapped('ciphertext_above_modulus', 'a ciphertext above the modulus', {
    ciphertext: bytes => Buffer.alloc(bytes.byteLength, 0xff)
  }),
  wrapped('pkcs1', 'wrapped with PKCS#1 v1.5 padding', { ciphertext: () => pkcs1(pkcs1Block) }),
  of('recipient_65_stanzas', 'HEADER', 'one stanza more than a header holds', {
    recipients: Array.from({ length: 65 }, () => bob)
  }),
  set('header_version_0', 'VERSION', 'version 0', 0, 0),
  set('header_version_2', 'VERSION', 'version 2', 0, 2),
  set('header_suite_0', 'HEADER', 'suite 0', 1, 0),
  set('header_suite_4', 'HEADER', 'a suite that nobody knows', 1, 4),
  set('header_chunk_size_13', 'HEADER', 'chunks of 8 KiB', 2, 13),
  set('header_chunk_size_21', 'HEADER', 'chunks of 2 MiB', 2, 21),
  set('header_chunk_size_255', 'HEADER', 'chunks of 2^255 bytes', 2, 255),
  set('header_strict_chunk_size', 'HEADER', 'the strict suite with chunks of 128 KiB', 1, 3, 17),
  of('header_strict_two_stanzas', 'HEADER', 'the strict suite for two', { suite: 3, recipients: [carol, bob] }),
  set('header_flag_2', 'HEADER', 'an unknown flag', 3, 2),
  set('header_flag_top', 'HEADER', 'an unknown flag beside VAR', 3, 0x81),
  set('header_first_chunk', 'HEADER', 'a first chunk above 2^53', 36, 0x80),
  set('header_kem_0', 'HEADER', 'kem 0', 45, 0),
  set('header_kem_2', 'HEADER', 'a kem that nobody knows', 45, 2),
  set('header_stanza_missing', 'HEADER', 'a count of 64, one stanza: what follows it is no kem', 44, 64),
  set('header_stanza_length', 'HEADER', 'a stanza longer than the header', 50, 0xff),
  changed('header_empty', 'HEADER', 'a header without a body', () => NOTHING),
  changed('header_only_version', 'HEADER', 'a header of one byte', body => body.subarray(0, 1)),
  changed('header_ends_in_id', 'HEADER', 'a header that ends inside the stream id', body => body.subarray(0, 20)),
  changed('header_ends_in_stanza', 'HEADER', 'a header that ends inside a stanza', body => body.subarray(0, 100)),
  changed('header_ends_in_commitment', 'HEADER', 'a header that ends inside the commitment', body =>
    body.subarray(0, inTail - 1)
  ),
  changed('commitment_changed', 'COMMITMENT', 'a bit of the commitment changed', at(inCommitment)),
  changed('commitment_last_byte', 'COMMITMENT', 'its last bit changed', at(inTail - 1)),
  of('commitment_zero', 'COMMITMENT', 'a commitment of zeros', { commitment: () => Buffer.alloc(32) }),
  of('commitment_of_another', 'COMMITMENT', 'the commitment of another key', {
    commitment: () => other.body.subarray(other.commitmentAt, other.commitmentAt + 32)
  }),
  changed('commitment_suite', 'COMMITMENT', 'the suite changed on the way', at(1, 3)),
  changed('commitment_chunk_size', 'COMMITMENT', 'the chunk size changed on the way', at(2)),
  changed('commitment_flag', 'COMMITMENT', 'VAR changed on the way', at(3)),
  changed('commitment_first_chunk', 'COMMITMENT', 'the first chunk changed on the way', at(43)),
  changed('recipient_stream_id', 'NOT_RECIPIENT', 'the stream id changed on the way', at(4)),
  vector(
    'commitment_other_stanza',
    'ERR_SFT_COMMITMENT',
    "a bit of somebody else's stanza changed on the way",
    file(frame('STRM', flip(two.body, 45 + 100)), ...chunks(two))
  ),
  vector(
    'commitment_stanza_added',
    'ERR_SFT_COMMITMENT',
    'a stanza added on the way',
    file(
      frame(
        'STRM',
        Buffer.concat([
          flip(base.body.subarray(0, 45), 44, 3),
          base.body.subarray(45, 45 + STANZA),
          base.body.subarray(45)
        ])
      ),
      c0,
      c1,
      c2,
      end
    )
  ),
  vector(
    'commitment_stanza_removed',
    'ERR_SFT_COMMITMENT',
    "somebody else's stanza removed on the way",
    file(
      frame('STRM', Buffer.concat([flip(two.body.subarray(0, 45), 44, 3), two.body.subarray(45 + STANZA)])),
      ...chunks(two)
    )
  ),
  changed('header_auth_first_byte', 'HEADER_AUTH', 'the first bit of the sealed part changed', at(inTail)),
  changed('header_auth_tag', 'HEADER_AUTH', 'its tag changed', at(-1)),
  changed('header_auth_cut', 'HEADER_AUTH', 'its last byte missing', body => body.subarray(0, -1)),
  changed('header_auth_longer', 'HEADER_AUTH', 'a byte more', body => Buffer.concat([body, Buffer.of(0)])),
  changed('header_auth_short', 'HEADER_AUTH', 'shorter than a tag', body => body.subarray(0, inTail + 15)),
  changed('header_auth_none', 'HEADER_AUTH', 'no sealed part', body => body.subarray(0, inTail)),
  changed('header_auth_spliced', 'HEADER_AUTH', 'the sealed part of another stream', body =>
    Buffer.concat([body.subarray(0, inTail), other.body.subarray(inTail)])
  ),
  of('header_auth_nonce', 'HEADER_AUTH', 'sealed under nonce 1', {
    tail: (_, { hdr, part, bound, suite }) => seal(suite, hdr, 1, bound, part)
  }),
  of('header_auth_aad', 'HEADER_AUTH', 'sealed without the commitment in the AAD', {
    tail: (_, { hdr, part, bound, suite }) => seal(suite, hdr, 0, bound.subarray(0, -32), part)
  }),
  of('header_auth_suite', 'HEADER_AUTH', 'sealed in the other suite', {
    tail: (_, { hdr, part, bound }) => seal(2, hdr, 0, bound, part)
  }),
  vector(
    'splice_stanza',
    'ERR_SFT_NOT_RECIPIENT',
    'a stanza of another stream to the same recipient, under the right hint',
    file(
      frame('STRM', Buffer.concat([base.body.subarray(0, 52), other.body.subarray(52, 308), base.body.subarray(308)])),
      c0
    )
  ),
  vector('splice_header', 'ERR_SFT_CHUNK_AUTH', 'the header of another stream', file(other.header, c0, c1, c2, end))
]
