import { createHmac } from 'node:crypto'
import t from 'tap'
import { joinRequest } from '../../../src/auth/session/handshake-messages.ts'
import { Sessions } from '../../../src/auth/session/join.ts'
import { acceptPeer, joinSession, secure } from '../../../src/auth/session/secure.ts'
import { Session } from '../../../src/auth/session/session.ts'
import { Stripe } from '../../../src/auth/session/stripe.ts'
import { Stripes } from '../../../src/auth/session/stripes.ts'
import { unframe } from '../../../src/streams/unframe.ts'
import { collect } from '../../fixtures/bytes.ts'
import { asFrame, duplexPair, editFrames, oneByteAtATime, record } from '../../fixtures/duplex-pair.ts'
import { SHORT } from '../../fixtures/handshake.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'

const organisation = await makeOrganisation()
const [alice, bob] = [await organisation.issue('alice'), await organisation.issue('bob')]
const CAP = 2 ** 21

/** A session of alice with bob, and bob's list of sessions. */
async function session() {
  const sessions = new Sessions()
  const accept = acceptPeer(bob, sessions)
  const [near, far] = duplexPair()
  const [dialled, accepted] = await Promise.all([secure('initiator', alice, { expect: 'bob' })(near), accept(far)])
  await dialled.accepted()
  return { dialled, accepted: accepted as Session, accept, sessions }
}

t.test('a join: JOIN in clear, JOIR as the first record, nothing else; one byte at a time', async t => {
  const { dialled, accepted, accept } = await session()
  t.ok(accepted instanceof Session)
  const forth: Uint8Array[] = []
  const back: Uint8Array[] = []
  const pairs = [duplexPair({ forth: record(forth), back: record(back) }), duplexPair({ forth: oneByteAtATime })]
  for (const [number, [near, far]] of pairs.entries()) {
    const [asked, given] = await Promise.all([joinSession(dialled)(near), accept(far)])
    t.ok(given instanceof Stripe)
    t.same([asked.number, given instanceof Stripe && given.number], [number + 1, number + 1])
  }
  const said = await collect(unframe({ cap: CAP })([Buffer.concat(forth)]))
  const answered = await collect(unframe({ cap: CAP })([Buffer.concat(back)]))
  t.same(
    [said.map(({ type }) => type), answered.map(({ type, body }) => [type, body.byteLength])],
    [['JOIN'], [['JOIR', 16]]]
  )
  const { sessionId, stripe, random, mac } = joinRequest.decode(said[0]?.body as Uint8Array)
  t.same(sessionId, dialled.sessionId)
  const text = Buffer.concat([Buffer.from('sft/1 join\0'), sessionId, Uint8Array.of(stripe), random])
  t.same(
    Buffer.from(mac),
    createHmac('sha256', dialled.stripes.secret).update(text).digest(),
    'SPEC §8.1, derived again'
  )
  t.same(dialled.stripes.secret, accepted.stripes.secret)
  await Promise.all([dialled.close(), accepted.close()])
  t.same(dialled.stripes.secret, new Uint8Array(32), 'zeroed with the session')
})

t.test('joining fails alone: a peer that changes, drops or adds a byte of either frame', async t => {
  const { dialled, accepted, accept } = await session()
  const flip = (at: number) =>
    editFrames(frame => {
      frame.body[at] = (frame.body[at] as number) ^ 1
      return [asFrame(frame)]
    })
  const silent = editFrames(() => [])
  const twice = editFrames(frame => [asFrame(frame), asFrame(frame)])
  const cases = [
    { forth: flip(5) },
    { forth: flip(36) },
    { forth: flip(60) },
    { forth: flip(100) },
    { back: flip(3) },
    { back: silent }
  ]
  for (const options of cases) {
    const [near, far] = duplexPair(options)
    const other = accept(far).catch(() => undefined)
    await t.rejects(joinSession(dialled, { deadlines: SHORT })(near), { name: 'SftError' })
    const given = await other
    if (given instanceof Stripe) await given.ended
  }
  const [near, far] = duplexPair({ forth: twice })
  const [asked] = await Promise.all([joinSession(dialled, { deadlines: SHORT })(near), accept(far)])
  await asked.ended
  t.pass('JOIN a second time on the same connection ends it')
  await Promise.all([dialled.close(), accepted.close()])
})

t.test('a JOIN that finds no session, in the words of the code', t => {
  const sessions = new Sessions()
  const fields = { sessionId: new Uint8Array(32), stripe: 1, random: new Uint8Array(32), mac: new Uint8Array(32) }
  t.throws(() => sessions.admit(joinRequest.encode(fields)), { code: 'ERR_SFT_HANDSHAKE' })
  t.throws(() => sessions.admit(new Uint8Array(3)), { code: 'ERR_SFT_ENCODING' })
  t.end()
})

t.test('a responder without a list takes no JOIN', async t => {
  const { dialled, accepted } = await session()
  const [near, far] = duplexPair()
  const refused = t.rejects(secure('responder', bob, { deadlines: SHORT })(far), { code: 'ERR_SFT_HANDSHAKE' })
  await t.rejects(joinSession(dialled, { deadlines: SHORT })(near), { code: 'ERR_SFT_CONNECTION_LOST' })
  await refused
  await Promise.all([dialled.close(), accepted.close()])
})

t.test('after the end of the session nothing joins, on either side', async t => {
  const { dialled, accepted, accept, sessions } = await session()
  const { sessionId } = dialled
  const secret = Uint8Array.from(dialled.stripes.secret)
  const random = new Uint8Array(32)
  const text = Buffer.concat([Buffer.from('sft/1 join\0'), sessionId, Uint8Array.of(1), random])
  const mac = createHmac('sha256', secret).update(text).digest()
  await Promise.all([dialled.close(), accepted.close()])
  t.throws(() => sessions.admit(joinRequest.encode({ sessionId, stripe: 1, random, mac })), {
    code: 'ERR_SFT_HANDSHAKE'
  })
  const [near, far] = duplexPair()
  const refused = t.rejects(accept(far))
  await t.rejects(joinSession(dialled, { deadlines: SHORT })(near), { code: 'ERR_SFT_LIMIT' })
  await refused
})

t.test('a number serves once (M38)', t => {
  const stripes = new Stripes({
    role: 'responder',
    suite: 'aes-256-gcm',
    sessionId: new Uint8Array(32),
    secret: new Uint8Array(32),
    deadlines: SHORT,
    maxChunkSize: () => 2 ** 14,
    fail: () => {}
  })
  t.same(
    [0, 16, 3, 3].map(number => stripes.reserve(number)),
    [false, false, true, false]
  )
  t.same(
    Array.from({ length: 15 }, () => stripes.reserveNext()),
    [1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, undefined]
  )
  t.end()
})
