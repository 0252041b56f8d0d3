import t from 'tap'
import { fileOffer } from '../../../src/auth/session/handshake-messages.ts'
import { Sessions } from '../../../src/auth/session/join.ts'
import { acceptPeer, joinSession, type SecureOptions, secure } from '../../../src/auth/session/secure.ts'
import type { SecureDuplex } from '../../../src/auth/session/secure-duplex.ts'
import type { Stripe } from '../../../src/auth/session/stripe.ts'
import { SftError } from '../../../src/streams/errors.ts'
import type { FrameType, ReceivedFrame, SealedChunk } from '../../../src/streams/types.ts'
import { asFrame, duplexPair, editFrames, type PairOptions } from '../../fixtures/duplex-pair.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'

const organisation = await makeOrganisation()
const [alice, bob] = [await organisation.issue('alice'), await organisation.issue('bob')]
const CHUNK = 2 ** 14
const sealed = (type: 'RSFL' | 'FINL', size: number): SealedChunk =>
  ({ type, body: [new Uint8Array(size)] }) as unknown as SealedChunk
const chunk = sealed('RSFL', CHUNK + 24)
const final = sealed('FINL', 40)

interface Pair {
  readonly a: SecureDuplex
  readonly b: SecureDuplex
  readonly ours: readonly Stripe[]
  readonly theirs: readonly Stripe[]
}

/** Two sessions with `count` stripes, in memory. */
async function striped(count: number, wire: PairOptions = {}, options: SecureOptions = {}): Promise<Pair> {
  const accept = acceptPeer(bob, new Sessions(), options)
  const [near, far] = duplexPair()
  const [a, b] = await Promise.all([secure('initiator', alice, { expect: 'bob', ...options })(near), accept(far)])
  await a.accepted()
  const ours: Stripe[] = []
  const theirs: Stripe[] = []
  for (let i = 0; i < count; i++) {
    const [left, right] = duplexPair(wire)
    const [asked, given] = await Promise.all([joinSession(a, options)(left), accept(right)])
    ours.push(asked)
    theirs.push(given as Stripe)
  }
  return { a, b: b as SecureDuplex, ours, theirs }
}

/** A push up to `STRM`, over the stripes that `a` has. */
async function begin({ a, b }: Pair): Promise<void> {
  await a.write('OFFR', fileOffer.encode({ request: 1, name: 'x', stripes: a.stripes.name('sending') }))
  const offer = await b.read()
  b.stripes.named('receiving', fileOffer.decode((offer as ReceivedFrame).body).stripes)
  await b.write('ACPT', new Uint8Array(1))
  await a.read()
  await a.write('STRM', new Uint8Array(1))
  await b.read()
  b.expectChunks(CHUNK)
}

async function take(source: AsyncIterable<ReceivedFrame>): Promise<FrameType[]> {
  const types: FrameType[] = []
  for await (const { type } of source) types.push(type)
  return types
}

t.test('one stream over three connections, twice; then CLOS on each', async t => {
  const pair = await striped(2)
  const { a, b } = pair
  for (let round = 0; round < 2; round++) {
    await begin(pair)
    t.same([a.stripes.connections, b.stripes.connections], [3, 3])
    const received = Promise.all(b.stripes.sources().map(take))
    for (let i = 0; i < 12; i++) await a.writeSealed(chunk)
    const finals = a.writeSealed(final)
    const first: (FrameType | undefined)[] = []
    do first.push((await b.read())?.type)
    while (first.at(-1) !== 'FINL')
    await finals
    const all = [first, ...(await received)]
    t.same(
      all.map(types => types.at(-1)),
      ['FINL', 'FINL', 'FINL'],
      'the same end on every connection'
    )
    t.equal(all.flat().filter(type => type === 'RSFL').length, 12)
    t.ok(
      all.every(types => types.length > 1),
      'each carries some'
    )
    t.same([a.stripes.carried, b.stripes.carried], [3, 3])
    await b.write('ACPT', new Uint8Array(1))
    await a.read()
  }
  const closed = a.close()
  t.equal(await b.read(), undefined)
  await Promise.all([closed, b.close()])
  await Promise.all([...pair.ours, ...pair.theirs].map(({ ended }) => ended))
  t.same(
    pair.theirs.map(({ said }) => said),
    ['CLOS', 'CLOS']
  )
})

t.test('an ABRT reaches the other side by whatever connection is first', async t => {
  const pair = await striped(2)
  const error = new SftError('ERR_SFT_SOURCE_CHANGED', 'changed')
  await begin(pair)
  const sources = pair.b.stripes.sources()
  const taking = Promise.all(sources.map(source => t.rejects(take(source), { code: 'ERR_SFT_SOURCE_CHANGED' })))
  await pair.a.abort('source changed', error)
  await taking
  await t.rejects(pair.b.read(), { code: 'ERR_SFT_SOURCE_CHANGED' })
  await t.rejects(pair.a.writeSealed(chunk), error)
  t.same(
    pair.theirs.map(({ said }) => said),
    ['ABRT', 'ABRT']
  )
})

t.test('a stripe at rest says PING, and is not given up', async t => {
  const types: FrameType[] = []
  const forth = editFrames(frame => {
    types.push(frame.type)
    return [asFrame(frame)]
  })
  const pair = await striped(1, { forth }, { deadlines: { ping: 30, idle: 2000 } })
  while (types.filter(type => type === 'PING').length < 3) await new Promise(resolve => setTimeout(resolve, 10))
  await begin(pair)
  t.equal(pair.a.stripes.connections, 2)
  await Promise.all([pair.a.abort('cancelled', new SftError('ERR_SFT_CANCELLED', 'done')), pair.b.close()])
})

t.test('a stripe that is silent at rest is forgotten, and no request names it (M40, M43)', async t => {
  const silence = editFrames(frame => (frame.type === 'PING' ? [] : [asFrame(frame)]))
  const pair = await striped(1, { back: silence }, { deadlines: { ping: 20, idle: 60, close: 50 } })
  const reading = pair.b.read().catch(() => undefined)
  await pair.ours[0]?.ended
  t.equal(pair.a.stripes.name('sending'), undefined)
  await Promise.all([pair.a.close(), pair.b.close(), reading])
})

t.test('a stripe that is silent in a stream ends the session (M22, M43)', async t => {
  const silence = editFrames(frame => (frame.type === 'PING' ? [] : [asFrame(frame)]))
  const pair = await striped(1, { forth: silence }, { deadlines: { ping: 20, idle: 200, close: 50 } })
  await begin(pair)
  await t.rejects(pair.b.read(), { code: 'ERR_SFT_TIMEOUT' })
  await t.rejects(pair.a.read(), { code: 'ERR_SFT_CONNECTION_LOST' }, 'and on the other side, too')
})

t.test('what a request names must be there (M40)', async t => {
  const unknown = await striped(1)
  t.throws(() => unknown.b.stripes.named('receiving', Uint8Array.of(1, 7)), { code: 'ERR_SFT_PROTOCOL' })
  await t.rejects(unknown.b.read(), { code: 'ERR_SFT_PROTOCOL' })
  await t.rejects(unknown.a.read(), { code: 'ERR_SFT_PROTOCOL' }, 'told')
  const gone = await striped(1)
  const name = gone.a.stripes.name('sending')
  await gone.theirs[0]?.end(undefined, new Uint8Array(0), new SftError('ERR_SFT_CONNECTION_LOST', 'gone'))
  await t.rejects(gone.a.read(), { code: 'ERR_SFT_CONNECTION_LOST' }, 'it was named')
  t.same(name, Uint8Array.of(1))
  await gone.b.close()
})

t.test('no (key, nonce) pair twice: every stripe and direction has keys of its own (guarantee 9)', async t => {
  const seen = new Set<string>()
  const collect = editFrames(frame => {
    if (frame.type === 'PING' || frame.type === 'JOIR') seen.add(Buffer.from(frame.body).toString('hex'))
    return [asFrame(frame)]
  })
  const deadlines = { ping: 15 }
  const pair = await striped(4, { forth: collect, back: collect }, { deadlines })
  // an empty record is its tag: the same key, sequence and type would give the same bytes
  while (seen.size < 40) await new Promise(resolve => setTimeout(resolve, 10))
  t.ok(seen.size >= 40)
  await Promise.all([pair.a.close(), pair.b.close()])
})
