import { constants, privateEncrypt, sign } from 'node:crypto'
import type { Vector } from '../../fixtures/vector.ts'
import { CREATED, type Field, METADATA, pss, type StreamOptions, sha256, text, tlv, tlvInteger } from '../encoder.ts'
import { certificate } from '../parties.ts'
import { alice, bob, carol, headerVector, NOTHING } from './base.ts'

type Options = Partial<StreamOptions>

function of(name: string, expect: string, comment: string, options: Options, rest = {}): Vector {
  return headerVector(name, `ERR_SFT_${expect}`, comment, options, rest)
}

/** A chain of these certificates. */
function chain(name: string, expect: string, comment: string, ...names: readonly string[]): Vector {
  return of(`chain_${name}`, expect, comment, { chain: names.map(certificate) })
}

function signature(name: string, comment: string, options: Options): Vector {
  return of(`signature_${name}`, 'SIGNATURE', comment, options)
}

/** Fields of the sealed part. */
function part(name: string, comment: string, fields: (fields: readonly Field[]) => readonly Field[]): Vector {
  return of(`part_${name}`, 'ENCODING', comment, { fields })
}

function metadata(name: string, comment: string, fields: readonly Field[]): Vector {
  return of(`metadata_${name}`, 'ENCODING', comment, { metadata: fields })
}

const without = (tag: number) => (fields: readonly Field[]) => fields.filter(([each]) => each !== tag)
const replaced = (tag: number, value: Uint8Array) => (fields: readonly Field[]) =>
  fields.map((field): Field => (field[0] === tag ? [tag, value] : field))
const aliceLeaf = certificate('alice')
const issuing = certificate('issuing')
const PKCS1 = Buffer.from('3031300d060960864801650304020105000420', 'hex')

export const SENDER: readonly Vector[] = [
  chain(
    'wrong_root',
    'CERT_UNTRUSTED',
    'the sender of an organisation of the same name',
    'strange alice',
    'strange issuing'
  ),
  chain('strange_leaf', 'CERT_UNTRUSTED', 'a leaf of the other behind our issuing CA', 'strange alice', 'issuing'),
  chain('self_signed', 'CERT_UNTRUSTED', 'a leaf that signed itself', 'self-signed alice'),
  chain('no_issuing', 'CERT_UNTRUSTED', 'a leaf without its issuing CA', 'alice'),
  chain('reversed', 'CERT_UNTRUSTED', 'issuing CA first', 'issuing', 'alice'),
  chain('expired', 'CERT_EXPIRED', 'a leaf that ended in 2021', 'expired alice', 'issuing'),
  chain('not_yet_valid', 'CERT_EXPIRED', 'a leaf that starts in 2110', 'future alice', 'issuing'),
  of(
    'chain_clock_late',
    'CERT_EXPIRED',
    'six minutes after the end of every certificate',
    {},
    { now: '2120-01-01T00:06:00Z' }
  ),
  of('chain_clock_early', 'CERT_EXPIRED', 'six minutes before their start', {}, { now: '2019-12-31T23:54:00Z' }),
  chain('for_tls', 'CERT_USAGE', 'a leaf with the EKU of a TLS server', 'alice for TLS', 'issuing'),
  chain('no_eku', 'CERT_USAGE', 'a leaf without an EKU', 'alice without EKU', 'issuing'),
  chain('ca_leaf', 'CERT_USAGE', 'a leaf that says it is a CA', 'alice as a CA', 'issuing'),
  chain('issuing_as_leaf', 'CERT_USAGE', 'the issuing CA as the sender', 'issuing'),
  chain('root_as_leaf', 'CERT_USAGE', 'the root as the sender', 'root'),
  chain('root_as_issuing', 'CERT_USAGE', 'the root in the chain, below itself', 'alice by the root', 'root'),
  chain('signed_by_leaf', 'CERT_USAGE', 'a leaf signed by another leaf', 'alice by mallory', 'mallory'),
  chain('another_cn', 'CERT_USAGE', 'a CN that is not the name of the SAN', 'alice with another CN', 'issuing'),
  chain(
    'another_organisation',
    'CERT_NAME',
    'a leaf for another organisation',
    'alice of another organisation',
    'issuing'
  ),
  chain('empty', 'CERT_INVALID', 'no certificate'),
  chain('of_three', 'CERT_INVALID', 'the root sent as well', 'alice', 'issuing', 'root'),
  of('chain_garbage', 'CERT_INVALID', 'no certificate but bytes', { chain: [text('garbage'), issuing] }),
  of('chain_trailing_byte', 'CERT_INVALID', 'a byte after the DER', {
    chain: [Buffer.concat([aliceLeaf, Buffer.of(0)]), issuing]
  }),
  of('chain_empty_certificate', 'CERT_INVALID', 'a certificate of no bytes', { chain: [NOTHING, issuing] }),
  of('chain_large', 'CERT_INVALID', 'a certificate of more than 3,072 bytes', {
    chain: [Buffer.alloc(3073, 0x30), issuing]
  }),
  of('chain_cut', 'CERT_INVALID', 'a length longer than the chain', {
    fields: replaced(1, Buffer.concat([Buffer.of(0xff, 0xff), aliceLeaf]))
  }),
  of('sender_unwanted', 'SENDER', 'alice, when only carol is accepted', {}, { from: 'carol' }),
  of('sender_prefix', 'SENDER', 'a name that only begins like the wanted one', {}, { from: 'alice2' }),
  signature('forged', "carol's signature under alice's certificate", {
    sign: (bytes, salt) => pss(carol.privateKey, bytes, salt)
  }),
  signature('zeros', 'a signature of zeros', { sign: () => Buffer.alloc(256) }),
  signature('empty', 'an empty signature', { sign: () => NOTHING }),
  signature('changed', 'a bit of the signature changed', {
    sign: (bytes, salt) => {
      const good = pss(alice.privateKey, bytes, salt)
      good[9] = (good[9] as number) ^ 1
      return good
    }
  }),
  signature('pkcs1', 'a PKCS#1 v1.5 signature', { sign: bytes => sign('sha256', bytes, alice.privateKey) }),
  signature('raw', 'the hash, raised without PSS', {
    sign: bytes =>
      privateEncrypt(
        { key: alice.privateKey, padding: constants.RSA_PKCS1_PADDING },
        Buffer.concat([PKCS1, sha256(bytes)])
      )
  }),
  signature('salt_20', 'a salt of 20 bytes, which others accept', {
    sign: (bytes, salt) => pss(alice.privateKey, bytes, salt.subarray(0, 20))
  }),
  signature('no_salt', 'no salt', { sign: bytes => pss(alice.privateKey, bytes, NOTHING) }),
  signature('long_salt', 'the longest salt', { sign: bytes => pss(alice.privateKey, bytes, Buffer.alloc(222, 7)) }),
  signature('context', 'signed in the context of a handshake', {
    signed: bytes => Buffer.concat([Buffer.alloc(64, 0x20), text('sft/1 initiator\0'), bytes])
  }),
  signature('no_separator', 'a context without its zero', {
    signed: bytes => Buffer.concat([text('sft/1 stream'), bytes.subarray(13)])
  }),
  signature('other_header', 'over another H0', {
    signed: bytes => Buffer.concat([bytes.subarray(0, 13), sha256(), bytes.subarray(45)])
  }),
  signature('other_metadata', 'over other metadata', { fields: replaced(2, tlv([[1, text('other.pdf')], CREATED])) }),
  signature('other_recipients', 'over other recipients than the sealed part names', {
    fields: replaced(3, Buffer.from(carol.spkiHash))
  }),
  signature('without_reader', 'the reader has a stanza, but was not signed', { hashes: () => carol.spkiHash }),
  signature('forwarded', 'a stanza for the reader added by another recipient', {
    recipients: [carol, bob],
    hashes: hashes => hashes.subarray(0, 32)
  }),
  signature('too_many_recipients', 'more recipients signed than there are stanzas', {
    hashes: hashes => Buffer.concat([hashes, carol.spkiHash])
  }),
  signature('recipients_cut', 'a hash of 31 bytes', { hashes: hashes => hashes.subarray(0, 31) }),
  signature('no_recipients', 'no recipient signed', { hashes: () => NOTHING }),
  part('unknown_critical', 'an unknown field below 0x80', fields => [...fields, [5, text('new')]]),
  part('order', 'two fields swapped', ([a, b, c, d]) => [b, a, c, d] as Field[]),
  part('duplicate', 'the signature twice', fields => [...fields, fields[3] as Field]),
  part('no_chain', 'no chain', without(1)),
  part('no_metadata', 'no metadata', without(2)),
  part('no_hashes', 'no recipients', without(3)),
  part('no_signature', 'no signature', without(4)),
  part('long_signature', 'a signature of more than 512 bytes', replaced(4, Buffer.alloc(513))),
  of('part_empty', 'ENCODING', 'an empty sealed part', { part: () => NOTHING }),
  of('part_trailing', 'ENCODING', 'a byte after the last field', {
    part: bytes => Buffer.concat([bytes, Buffer.of(0x90)])
  }),
  of('part_cut', 'ENCODING', 'a field longer than its body', { part: bytes => bytes.subarray(0, -1) }),
  of('part_not_minimal', 'ENCODING', 'a field length that is not minimal', {
    part: bytes => Buffer.concat([bytes, Buffer.of(0x90, 0x81, 0x00, 0x00)])
  }),
  of('part_long_length', 'ENCODING', 'a field length of five bytes', {
    part: bytes => Buffer.concat([bytes, Buffer.of(0x90, 0x80, 0x80, 0x80, 0x80, 0x01)])
  }),
  metadata('empty', 'no metadata at all', []),
  metadata('no_created', 'without the time it was made', METADATA.slice(0, 2)),
  metadata('long_name', 'a name of 256 bytes', [[1, Buffer.alloc(256, 0x61)], CREATED]),
  metadata('not_utf8', 'a name that is no UTF-8', [[1, Buffer.of(0xc3, 0x28)], CREATED]),
  metadata('leading_zero', 'a size with a leading zero', [[2, Buffer.of(0, 5)], CREATED]),
  metadata('zero_as_byte', 'a size of zero in one byte', [[2, Buffer.of(0)], CREATED]),
  metadata('large_integer', 'a size of 2^53', [[2, tlvInteger(2 ** 53)], CREATED]),
  metadata('nine_bytes', 'a size of nine bytes', [[2, Buffer.alloc(9, 1)], CREATED]),
  metadata('unknown_critical', 'an unknown field below 0x80', [CREATED, [6, text('new')]]),
  metadata('order', 'fields out of order', [CREATED, [1, text('name')]])
]
