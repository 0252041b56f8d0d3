import type { Vector } from '../../fixtures/vector.ts'
import { C, CREATED, text, tlvInteger } from '../encoder.ts'
import { certificate } from '../parties.ts'
import { alice, bob, carol, data, f0, f1, file, flip, headerVector, regular, stream, vector } from './base.ts'

/** A stream of a regular file of `size` bytes. */
function ofFile(name: string, comment: string, size: number, suite = 1): Vector {
  const plain = data(name, size)
  const made = stream(name, { variable: false, suite })
  const parts = Array.from({ length: Math.ceil(size / C) }, (_, i) => made.chunk(i, plain.subarray(i * C, (i + 1) * C)))
  const bytes = file(made.header, ...parts, made.final(parts.length, size))
  return vector(name, 'ok', comment, bytes, { released: plain })
}

/** Chunks of these sizes in a stream that says so. */
function ofSizes(name: string, comment: string, sizes: readonly number[], options = {}): Vector {
  const plain = sizes.map((size, i) => data(`${name} ${i}`, size))
  const made = stream(name, options)
  const total = Buffer.concat(plain)
  const parts = plain.map((each, i) => made.chunk(i, each))
  const bytes = file(made.header, ...parts, made.final(parts.length, total.byteLength))
  return vector(name, 'ok', comment, bytes, { released: total })
}

const many = Array.from({ length: 63 }, () => carol)

export const GOOD: readonly Vector[] = [
  ofFile('ok_empty', 'an empty file is FINL at 0', 0),
  ofFile('ok_one_byte', 'one byte', 1),
  ofFile('ok_short', 'one chunk that is not full', 1000),
  ofFile('ok_one_chunk', 'one full chunk, nothing after it', C),
  ofFile('ok_chunk_and_one', 'a full chunk and one byte', C + 1),
  ofFile('ok_exact_multiple', 'two full chunks', 2 * C),
  ofFile('ok_chacha_empty', 'an empty file in the other suite', 0, 2),
  ofFile('ok_chacha_chunk', 'a full chunk and a byte in the other suite', C + 1, 2),
  ofSizes('ok_var', 'chunks of several sizes', [100, 1, 50]),
  ofSizes('ok_var_chacha', 'chunks of several sizes in the other suite', [100, 1, 50], { suite: 2 }),
  ofSizes('ok_var_full', 'a full chunk between short ones', [3, C, 4]),
  ofSizes('ok_var_empty', 'no chunk at all from a source that varies', []),
  ofSizes('ok_large_chunk_size', 'the largest chunk size, little in it', [100], { power: 20 }),
  headerVector('ok_two_recipients_first', 'ok', 'the reader is the first of two', { recipients: [bob, carol] }),
  headerVector('ok_two_recipients_second', 'ok', 'the reader is the second of two', { recipients: [carol, bob] }),
  headerVector(
    'ok_two_recipients_other',
    'ok',
    'the same for the other reader',
    { recipients: [bob, carol] },
    {
      identity: 'carol'
    }
  ),
  headerVector('ok_64_stanzas', 'ok', 'as many stanzas as a header holds', { recipients: [...many, bob] }),
  headerVector('ok_hint_of_another', 'ok', "a stanza with the reader's hint that does not open, before one that does", {
    recipients: [bob, bob],
    stanzas: ([one, two]) => [flip(one as Buffer, -1), two as Buffer]
  }),
  headerVector('ok_to_oneself', 'ok', 'a sender who is a recipient', { recipients: [alice] }, { identity: 'alice' }),
  headerVector('ok_first_chunk', 'ok', 'a stream that starts at chunk 5', { firstChunk: 5 }),
  headerVector('ok_group_change', 'ok', 'chunks 65535, 65536, 65537: two group keys', { firstChunk: 65_535 }),
  headerVector('ok_sender_named', 'ok', 'the sender that the reader asked for', {}, { from: 'alice' }),
  headerVector('ok_chain_of_one', 'ok', 'a leaf signed by the root itself', {
    chain: [certificate('alice by the root')]
  }),
  headerVector('ok_metadata_least', 'ok', 'only the field that is required', { metadata: [CREATED] }),
  headerVector('ok_metadata_all', 'ok', 'every field', {
    metadata: [[1, Buffer.from('naïve.txt')], [2, tlvInteger(0)], [3, tlvInteger(1)], [4, tlvInteger(0o644)], CREATED]
  }),
  headerVector('ok_unknown_field', 'ok', 'a field from 0x80 on is skipped when unknown, in both bodies', {
    metadata: [CREATED, [0x80, text('later')]],
    fields: fields => [...fields, [0xff, text('later')]]
  }),
  vector(
    'ok_regular_two',
    'ok',
    'two full chunks and a short one',
    file(regular.header, regular.chunk(0, f0), regular.chunk(1, f1), regular.final(2, 2 * C)),
    { released: Buffer.concat([f0, f1]) }
  ),
  headerVector(
    'ok_clock_late',
    'ok',
    'four minutes after the end of every certificate',
    {},
    {
      now: '2120-01-01T00:04:00Z'
    }
  ),
  headerVector(
    'ok_clock_early',
    'ok',
    'four minutes before the start of every certificate',
    {},
    {
      now: '2019-12-31T23:56:00Z'
    }
  )
]
