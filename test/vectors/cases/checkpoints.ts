import type { Vector } from '../../fixtures/vector.ts'
import { type CheckpointOptions, frame, pss, sha256, text, type VectorStream } from '../encoder.ts'
import {
  ALL,
  alice,
  base,
  bob,
  c0,
  c1,
  c2,
  carol,
  d0,
  d1,
  d2,
  data,
  end,
  file,
  NOTHING,
  stream,
  vector
} from './base.ts'

/** Streams for bob and carol, read by bob unless told otherwise; carol is the one who writes what alice did not (SPEC §7.5). */

const several = stream('several', { recipients: [bob, carol] })
const other = stream('another to the same two', { recipients: [bob, carol] })
const plain = [d0, d1, d2]
const [s0, s1, s2] = plain.map((each, i) => several.chunk(i, each)) as [Buffer, Buffer, Buffer]
const bodies = bodiesOf(several)
const last = several.final(3, ALL.byteLength)
const first = several.checkpoint(bodies.slice(0, 1))
const middle = several.checkpoint(bodies.slice(0, 2))
const D01 = Buffer.concat([d0, d1])
const forged = data('what carol would rather have sent', d1.byteLength)
const [forgedChunk, forgedBody] = [several.chunk(1, forged), several.chunkBody(1, forged)]
const forgedBodies = bodies.with(1, forgedBody)
/** As many chunks as may wait for a signature, and one more. */
const MANY = 1025

function bodiesOf(of: VectorStream): Buffer[] {
  return plain.map((each, i) => of.chunkBody(i, each))
}

const final = (options: CheckpointOptions = {}, of = bodies): Buffer =>
  several.checkpoint(of, { final: true, ...options })
const byCarol = (message: Buffer, salt: Buffer): Buffer => pss(carol.privateKey, message, salt)

function good(name: string, comment: string, parts: readonly Buffer[], released: Buffer = ALL, of = several): Vector {
  return vector(name, 'ok', comment, file(of.header, ...parts), { released })
}

function refused(name: string, comment: string, parts: readonly Buffer[], released = NOTHING, code = 'SIGNATURE') {
  return vector(`checkpoint_${name}`, `ERR_SFT_${code}`, comment, file(several.header, ...parts), { released })
}

/** Everything as it should be, but for the checkpoint at the end. */
function withFinal(name: string, comment: string, options: CheckpointOptions): Vector {
  return refused(name, comment, [s0, s1, s2, final(options), last])
}

const emptyStream = stream('several, empty', { recipients: [bob, carol] })
const chacha = stream('several, other suite', { recipients: [bob, carol], suite: 2 })
const oneByte = stream('several, many chunks', { recipients: [bob, carol] })
const manyBodies = Array.from({ length: MANY }, (_, i) => oneByte.chunkBody(i, Buffer.of(i % 256)))

export const CHECKPOINTS: readonly Vector[] = [
  good('ok_checkpoints', 'a checkpoint after each chunk', [
    s0,
    first,
    s1,
    several.checkpoint(bodies.slice(0, 2), { counter: 1 }),
    s2,
    several.checkpoint(bodies, { counter: 2 }),
    final({ counter: 3 }),
    last
  ]),
  good(
    'ok_checkpoint_empty',
    'an empty file for two: the hash of no chunk is signed',
    [emptyStream.checkpoint([], { final: true }), emptyStream.final(0, 0)],
    NOTHING,
    emptyStream
  ),
  good(
    'ok_checkpoint_chacha',
    'in the other suite',
    [
      ...plain.map((each, i) => chacha.chunk(i, each)),
      chacha.checkpoint(bodiesOf(chacha), { final: true }),
      chacha.final(3, ALL.byteLength)
    ],
    ALL,
    chacha
  ),
  refused('rewritten', 'a chunk that the other recipient wrote, under the signature of the true one', [
    s0,
    forgedChunk,
    s2,
    final(),
    last
  ]),
  refused('rewritten_without', 'the same, and no checkpoint', [s0, forgedChunk, s2, last]),
  refused('rewritten_signed', 'the same, signed by who wrote it', [
    s0,
    forgedChunk,
    s2,
    final({ sign: byCarol }, forgedBodies),
    last
  ]),
  refused(
    'rewritten_later',
    'the same after a checkpoint, which covers the first chunk only',
    [s0, first, forgedChunk, s2, final({ counter: 1 }), last],
    d0
  ),
  refused('rewritten_last', 'the first chunk rewritten after it was signed', [
    several.chunk(0, data('other', d0.byteLength)),
    first,
    s1,
    s2,
    final({ counter: 1 }),
    last
  ]),
  refused('none', 'no checkpoint at all', [s0, s1, s2, last]),
  refused('none_of_empty', 'an empty file without a signature', [several.final(0, 0)]),
  refused('not_final', 'the last one says that more follows', [s0, s1, s2, several.checkpoint(bodies), last], ALL),
  refused('not_final_relabelled', 'the same, called final: another context was signed', [
    s0,
    s1,
    s2,
    several.checkpoint(bodies, { kind: 1 }),
    last
  ]),
  refused('final_relabelled', 'the final one, called one of many', [s0, s1, s2, final({ kind: 0 }), last]),
  refused(
    'cut',
    'the end cut off behind a checkpoint, and sealed anew',
    [s0, s1, middle, several.final(2, D01.byteLength)],
    D01
  ),
  refused('cut_before', 'the end cut off before its checkpoint', [s0, s1, several.final(2, D01.byteLength)]),
  refused(
    'appended',
    'a chunk after the final checkpoint',
    [s0, s1, s2, final(), several.chunk(3, forged), several.final(4, ALL.byteLength + forged.byteLength)],
    ALL
  ),
  refused('after_final', 'a checkpoint after the final one', [s0, s1, s2, final(), final({ counter: 1 }), last], ALL),
  refused(
    'of_nothing',
    'the same checkpoint once more, without a chunk between',
    [s0, first, several.checkpoint(bodies.slice(0, 1), { counter: 1 }), s1, s2, final({ counter: 2 }), last],
    d0
  ),
  refused('of_nothing_first', 'a checkpoint before any chunk', [
    several.checkpoint([]),
    s0,
    s1,
    s2,
    final({ counter: 1 }),
    last
  ]),
  refused('early', 'in front of the last chunk that it covers', [s0, middle, s1, s2, final({ counter: 1 }), last]),
  refused('late', 'behind a chunk that it does not cover', [s0, s1, first, s2, final({ counter: 1 }), last]),
  refused('swapped', 'two checkpoints swapped', [
    s0,
    several.checkpoint(bodies.slice(0, 2), { counter: 1 }),
    s1,
    first,
    s2,
    final({ counter: 2 }),
    last
  ]),
  withFinal('counter', 'sealed under the counter of the next one', { counter: 1 }),
  withFinal('other_key', 'sealed under the key of FINL', { label: 'sft/1 fin' }),
  withFinal('other_signature', "carol's signature", { sign: byCarol }),
  withFinal('other_root', 'over another root', { root: sha256(text('another')) }),
  withFinal('other_bytes', 'over another number of bytes', { bytes: ALL.byteLength - 1 }),
  withFinal('other_chunks', 'over another number of chunks', {
    signed: bytes => Buffer.concat([bytes.subarray(0, 83), Buffer.of(4), bytes.subarray(84)])
  }),
  withFinal('other_context', 'in the context of the header', {
    signed: bytes => Buffer.concat([text('sft/1 stream\0'), bytes.subarray(12)])
  }),
  withFinal('flat_root', 'over the hash of all bodies, not of their tree', { root: sha256(...bodies) }),
  withFinal('no_salt', 'a signature without salt', { sign: message => pss(alice.privateKey, message, NOTHING) }),
  withFinal('empty_signature', 'an empty signature', { sign: () => NOTHING }),
  withFinal('no_part', 'nothing inside the seal', { part: () => NOTHING }),
  withFinal('unknown_kind', 'a kind that nobody knows', { kind: 2 }),
  withFinal('trailing', 'a byte after the signature', { part: bytes => Buffer.concat([bytes, Buffer.of(0)]) }),
  withFinal('other_stream', 'of a stream with the same bytes for the same two, sealed anew', {
    sign: () => signatureOf(other)
  }),
  refused('replayed', 'the frame of another stream', [
    s0,
    s1,
    s2,
    other.checkpoint(bodiesOf(other), { final: true }),
    last
  ]),
  refused('no_body', 'without a body', [s0, s1, s2, frame('CKPT', NOTHING), last]),
  vector(
    'checkpoint_too_late',
    'ERR_SFT_SIGNATURE',
    'one chunk more than may wait for a signature, and one that covers them all',
    file(
      oneByte.header,
      ...manyBodies.map(body => frame('RSFL', body)),
      oneByte.checkpoint(manyBodies, { final: true }),
      oneByte.final(MANY, MANY)
    )
  ),
  refused(
    'chunk_size',
    'a chunk without room for its tag',
    [frame('RSFL', bodies[0]?.subarray(0, 20) as Buffer), last],
    NOTHING,
    'CHUNK_SIZE'
  ),
  refused(
    'wrong_end',
    'all chunks are signed, and the end says otherwise',
    [s0, s1, s2, final(), several.final(3, 1)],
    ALL,
    'FINAL'
  ),
  refused('cut_stream', 'the input ends behind a checkpoint', [s0, s1, middle, s2], D01, 'TRUNCATED'),
  vector(
    'checkpoint_for_one',
    'ERR_SFT_FRAME_TYPE',
    'a true checkpoint in a stream for one recipient',
    file(base.header, c0, c1, c2, base.checkpoint(bodiesOf(base), { final: true }), end),
    { released: ALL }
  )
]

/** The signature that alice gave for the end of another stream. */
function signatureOf(of: VectorStream): Buffer {
  let signature = NOTHING
  of.checkpoint(bodiesOf(of), {
    final: true,
    part: part => {
      signature = part.subarray(1)
      return part
    }
  })
  return signature
}
