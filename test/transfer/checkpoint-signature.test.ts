import t from 'tap'
import { spkiHash } from '../../src/auth/certificates/keys.ts'
import type { Identity } from '../../src/auth/identity/identity.ts'
import {
  type Checkpoint,
  MAX_UNSIGNED_BYTES,
  type SignCheckpoint,
  sealCheckpoints
} from '../../src/streams/checkpoints.ts'
import { frame } from '../../src/streams/frame.ts'
import { MAGIC, type ParsedHeader, parseHeader } from '../../src/streams/header.ts'
import { stripMagic } from '../../src/streams/magic.ts'
import { seal } from '../../src/streams/seal.ts'
import type { Frame, ReceivedFrame, SealedChunk } from '../../src/streams/types.ts'
import { unframe } from '../../src/streams/unframe.ts'
import { checkpointSigner, checkpointVerifier } from '../../src/transfer/checkpoint-signature.ts'
import { openStream, sealStream } from '../../src/transfer/pipe.ts'
import { checkedKey, openHeader, unwrapSecret } from '../../src/transfer/stream-header.ts'
import { open as openBytes, seal as sealBytes } from '../../src/workers/aead.ts'
import { inlinePool } from '../../src/workers/pool.ts'
import type { StreamKey } from '../../src/workers/stream-key.ts'
import { asChunk, C, collect, cut, join, pattern } from '../fixtures/bytes.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

/** bob, who may open what alice sealed for him and carol, passes it on to carol, and not as it was. */

const organisation = await makeOrganisation()
const [alice, bob, carol] = (await Promise.all(['alice', 'bob', 'carol'].map(name => organisation.issue(name)))) as [
  Identity,
  Identity,
  Identity
]
const pool = inlinePool()
const own = (identity: Identity) => ({ identity, spkiHash: spkiHash(identity.publicKey), pool })
const recipients = [bob, carol].map(({ publicKey }) => ({ publicKey, spkiHash: spkiHash(publicKey) }))
const PARTS = [pattern(C, 1), pattern(C, 2), pattern(500, 3)]
const FORGED = pattern(C, 9)

/** Two lots, since alice pauses after the first chunk; then the rest and its end. */
async function* source(): AsyncGenerator<Uint8Array> {
  yield PARTS[0] as Uint8Array
  await new Promise(resolve => setTimeout(resolve, 250))
  yield* PARTS.slice(1)
}

/** A stream as bob has it: every frame, and the keys that he shares with carol. */
interface Opened {
  readonly header: ParsedHeader
  readonly strm: Frame
  readonly key: StreamKey
  /** After the header. */
  readonly frames: readonly Frame[]
}

async function openedByBob(bytes: Uint8Array): Promise<Opened> {
  const received: ReceivedFrame[] = await collect(unframe({ cap: 2 ** 20 })(stripMagic()([bytes])))
  const [strm, ...frames] = received.map(({ type, body }): Frame => ({ type, body: [body] })) as [Frame, ...Frame[]]
  const header = parseHeader(strm.body[0] as Uint8Array)
  const key = checkedKey(header, await unwrapSecret(header, own(bob)))
  return { header, strm, key, frames }
}

const sealed = await join(sealStream({ identity: alice, recipients, pool, chunkSize: C })(source()))
const other = await openedByBob(await join(sealStream({ identity: alice, recipients, pool, chunkSize: C })(source())))
const stream = await openedByBob(sealed)
const [r0, k0, r1, r2, final, end] = stream.frames as [Frame, Frame, Frame, Frame, Frame, Frame]

function chunk(index: number, data: Uint8Array): Frame {
  const aad = Buffer.concat([Buffer.from('RSFL'), u64(index)])
  const { ciphertext, tag } = sealBytes(stream.key.chunk(index), index, aad, data)
  return { type: 'RSFL', body: [u64(index), ciphertext, tag] }
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

/** The end of these bytes, which bob can seal as well as alice. */
function endOf(chunks: number, bytes: number): Frame {
  const plaintext = Buffer.concat([u64(chunks), u64(bytes), u64(0)])
  const { ciphertext, tag } = sealBytes(stream.key.final, chunks, Buffer.from('FINL'), plaintext)
  return { type: 'FINL', body: [ciphertext, tag] }
}

/** A signature that alice gave, sealed under another counter, or as another kind. */
function resealed({ body }: Frame, from: { key: StreamKey; counter: number }, counter: number, kind?: number): Frame {
  const plaintext = openBytes(from.key.checkpoint, from.counter, Buffer.from('CKPT'), Buffer.concat(body)) as Uint8Array
  if (kind !== undefined) plaintext[0] = kind
  const { ciphertext, tag } = sealBytes(stream.key.checkpoint, counter, Buffer.from('CKPT'), plaintext)
  return { type: 'CKPT', body: [ciphertext, tag] }
}

/** What carol makes of it: the code, and what came out. */
async function carolReads(frames: readonly Frame[]): Promise<{ code: string; released: Buffer }> {
  const bytes = await join(frame()([stream.strm, ...frames]))
  const released: Uint8Array[] = []
  try {
    for await (const piece of openStream({ identity: carol, pool })([MAGIC, bytes])) released.push(piece)
  } catch (error) {
    return { code: String((error as { code?: string }).code ?? error), released: Buffer.concat(released) }
  }
  return { code: 'ok', released: Buffer.concat(released) }
}

/** bob seals the chunks anew and signs as `signer`. */
function signedBy(signer: Identity, chunks: readonly Frame[]): Promise<Frame[]> {
  const sign = checkpointSigner(signer, stream.header.bound)
  return collect(sealCheckpoints(stream.key, { sign, chunkSize: C })([...chunks, end] as SealedChunk[]))
}

t.test('what alice sealed, both read; the kit makes frames that are good', async t => {
  const plaintext = Buffer.concat(PARTS)
  t.equal(stream.frames.map(({ type }) => type).join(' '), 'RSFL CKPT RSFL RSFL CKPT FINL')
  for (const identity of [bob, carol])
    t.ok((await join(openStream({ identity, pool })(cut(sealed, 1000)))).equals(plaintext), identity.name)
  const same = [
    chunk(0, PARTS[0] as Uint8Array),
    k0,
    ...[1, 2].map(i => chunk(i, PARTS[i] as Uint8Array)),
    resealed(final, { key: stream.key, counter: 1 }, 1),
    endOf(3, plaintext.byteLength)
  ]
  t.match(await carolReads(same), { code: 'ok', released: plaintext })
  const fewer = [r0, r1, r2, resealed(final, { key: stream.key, counter: 1 }, 0), end]
  t.match(
    await carolReads(fewer),
    { code: 'ok', released: plaintext },
    'checkpoints may be left out, within the limits'
  )
})

t.test('bob can not change what carol receives (M73)', async t => {
  const first = PARTS[0] as Uint8Array
  const two = 2 * C
  const at = (counter: number) => ({ key: stream.key, counter })
  const cases: [string, readonly Frame[], Uint8Array?][] = [
    ['a chunk rewritten under what alice signed', [r0, k0, chunk(1, FORGED), r2, final, end], first],
    ['the first one', [chunk(0, FORGED), k0, r1, r2, final, end]],
    ['the last one', [r0, k0, r1, chunk(2, FORGED.subarray(0, 500)), final, end], first],
    ['without a checkpoint', [chunk(0, FORGED), r1, r2, end]],
    ['without one behind it', [r0, k0, chunk(1, FORGED), r2, end], first],
    ['signed by himself', await signedBy(bob, [r0, chunk(1, FORGED), r2])],
    ['true chunks, signed by himself', await signedBy(bob, [r0, r1, r2])],
    [
      'a chunk more behind the end',
      [r0, k0, r1, r2, final, chunk(3, FORGED), endOf(4, 3 * C + 500)],
      Buffer.concat(PARTS)
    ],
    ['cut at a checkpoint', [r0, k0, endOf(1, C)], first],
    ['cut at a checkpoint, called the last', [r0, resealed(k0, at(0), 0, 1), endOf(1, C)]],
    ['cut elsewhere', [r0, k0, r1, endOf(2, two)], first],
    ['emptied', [endOf(0, 0)]],
    ['emptied, with a signature for more', [resealed(final, at(1), 0), endOf(0, 0)]],
    ['chunks swapped', [r0, k0, chunk(1, PARTS[2] as Uint8Array), chunk(2, PARTS[1] as Uint8Array), final, end], first],
    [
      'of another stream that alice sealed for them',
      [r0, resealed(other.frames[1] as Frame, { ...other, counter: 0 }, 0), r1, r2, final, end]
    ],
    [
      'the final one of another',
      [r0, k0, r1, r2, resealed(other.frames[4] as Frame, { ...other, counter: 1 }, 1), end],
      first
    ],
    ['a checkpoint for ever', [r0, k0, resealed(k0, at(0), 1), r1, r2, resealed(final, at(1), 2), end], first]
  ]
  for (const [name, frames, released = new Uint8Array(0)] of cases) {
    const read = await carolReads(frames)
    t.equal(read.code, 'ERR_SFT_SIGNATURE', name)
    t.ok(
      read.released.equals(released),
      `${name}: ${read.released.byteLength} bytes were alice's, and no other came out`
    )
  }
})

t.test('a stream for one has no checkpoint, and takes none (M75)', async t => {
  const seals = (to: typeof recipients) =>
    join(sealStream({ identity: alice, recipients: to, pool, chunkSize: C })(PARTS))
  const [only] = recipients as [(typeof recipients)[0], (typeof recipients)[0]]
  for (const to of [[only], [only, { ...only }]]) {
    const { header, frames } = await openedByBob(await seals(to))
    t.equal(header.stanzas.length, 1)
    t.equal(frames.map(({ type }) => type).join(' '), 'RSFL RSFL RSFL FINL')
  }
  for (const to of [[], Array.from({ length: 65 }, (_, i) => ({ ...only, spkiHash: pattern(32, i) }))])
    await t.rejects(seals(to), { code: 'ERR_SFT_USAGE' }, `${to.length} recipients`)
  const bytes = await seals([only])
  const { key, header, strm, frames } = await openedByBob(bytes)
  const sign: SignCheckpoint = checkpointSigner(alice, header.bound)
  const chunks = await collect(seal(pool, key)(PARTS.map(each => asChunk(Uint8Array.from(each)))))
  const signed = await collect(sealCheckpoints(key, { sign, chunkSize: MAX_UNSIGNED_BYTES })(chunks))
  t.equal(frames.length, 4)
  const withThem = await join(frame()([strm, ...signed]))
  await t.rejects(collect(openStream({ identity: bob, pool })([MAGIC, withThem])), { code: 'ERR_SFT_FRAME_TYPE' })
})

t.test('a signature is for one checkpoint of one stream', async t => {
  const { sender } = await openHeader(stream.header, own(carol))
  const checkpoint: Checkpoint = { final: false, chunks: 3, bytes: 99, root: pattern(32) }
  const signature = await checkpointSigner(alice, stream.header.bound)(checkpoint)
  const verify = checkpointVerifier(sender, stream.header.bound)
  t.ok(verify(checkpoint, signature))
  for (const change of [{ final: true }, { chunks: 4 }, { bytes: 98 }, { root: pattern(32, 1) }])
    t.notOk(verify({ ...checkpoint, ...change }, signature), JSON.stringify(change))
  t.notOk(checkpointVerifier(sender, other.header.bound)(checkpoint, signature), 'another stream')
  t.notOk(checkpointVerifier({ ...sender, publicKey: bob.publicKey }, stream.header.bound)(checkpoint, signature))
})
