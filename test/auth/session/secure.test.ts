import t from 'tap'
import { type SecureOptions, secure } from '../../../src/auth/session/secure.ts'
import { duplexPair, scripted, tcpPair } from '../../fixtures/duplex-pair.ts'
import { attempt, SHORT } from '../../fixtures/handshake.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'

const organisation = await makeOrganisation()
const [alice, bob] = await Promise.all([organisation.issue('alice'), organisation.issue('bob')])
const sides = { initiator: alice, responder: bob }

t.test('impossible options are refused before anything is opened', t => {
  const options: SecureOptions[] = [
    { suites: [] },
    { groups: [] },
    { maxChunkSize: 100_000 },
    { maxChunkSize: 2 ** 21 }
  ]
  t.throws(() => secure('initiator', alice), { code: 'ERR_SFT_USAGE' }, 'nobody is expected')
  for (const each of options) t.throws(() => secure('responder', bob, each), { code: 'ERR_SFT_USAGE' })
  t.end()
})

t.test('the policy of a responder is asked once everything else holds, and told to the peer', async t => {
  const asked: string[] = []
  const accept = (answer: boolean) => (peer: { name: string }) => {
    asked.push(peer.name)
    return answer
  }
  t.strictSame(await attempt(sides, { responderOptions: { accept: accept(true) } }), {
    initiator: 'ok',
    responder: 'ok'
  })
  const refused = { initiator: 'ERR_SFT_REFUSED_BY_PEER', responder: 'ERR_SFT_SENDER' }
  for (const pair of [duplexPair(), await tcpPair()]) {
    t.strictSame(await attempt(sides, { pair, responderOptions: { accept: accept(false) } }), refused)
  }
  t.strictSame(asked, ['alice', 'alice', 'alice'])
  const expired = await organisation.issueFaulty('carol', 'expired')
  await attempt({ initiator: expired, responder: bob }, { responderOptions: { accept: accept(true) } })
  t.equal(asked.length, 3, 'an expired certificate is not asked about')
})

t.test('a policy that fails, or does not answer, refuses', async t => {
  const failing = await attempt(sides, {
    responderOptions: {
      accept: () => {
        throw new Error('no database')
      }
    }
  })
  t.strictSame(failing, { initiator: 'ERR_SFT_REFUSED_BY_PEER', responder: 'Error: no database' })
  const hanging = await attempt(sides, {
    initiatorOptions: { deadlines: { ...SHORT, handshake: 5000 } },
    responderOptions: { accept: () => new Promise(() => {}) }
  })
  t.equal(hanging.responder, 'ERR_SFT_TIMEOUT')
  t.not(hanging.initiator, 'ok')
})

t.test('the reason of a refusal is named', async t => {
  const [left, right] = duplexPair()
  const responder = secure('responder', bob, { accept: () => false, deadlines: SHORT })(right)
  const refused = t.rejects(responder, { code: 'ERR_SFT_SENDER' })
  const session = await secure('initiator', alice, { expect: 'bob' })(left)
  await t.rejects(session.read(), { code: 'ERR_SFT_REFUSED_BY_PEER', message: 'the peer refused: refused by policy' })
  await t.rejects(session.accepted(), { code: 'ERR_SFT_REFUSED_BY_PEER' })
  await t.rejects(session.write('RQFL', new Uint8Array(0)), { code: 'ERR_SFT_REFUSED_BY_PEER' })
  await refused
})

t.test('a responder may expect a name too', async t => {
  t.strictSame(await attempt(sides, { responderOptions: { expect: 'alice' } }), { initiator: 'ok', responder: 'ok' })
})

t.test('a signal ends the handshake, before and during it, and closes the transport', async t => {
  const during = new AbortController()
  const [left, right] = duplexPair()
  const waiting = secure('initiator', alice, { expect: 'bob', signal: during.signal })(left)
  const rejected = t.rejects(waiting, { code: 'ERR_SFT_CANCELLED' })
  await right.source.next()
  during.abort()
  await rejected
  const rest = []
  for await (const piece of right.source) rest.push(piece)
  t.ok(rest.length < 4, 'the source has ended')
  await t.rejects(secure('responder', bob, { signal: AbortSignal.abort() })(scripted()), { code: 'ERR_SFT_CANCELLED' })
})

t.test('M130: a transport that fails is one error, whatever it throws, and who dialled may try again', async t => {
  const failing = () => ({
    source: (async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      yield Uint8Array.of(5)
      throw new Error('reset')
    })(),
    sink: async () => {
      throw new Error('broken')
    }
  })
  await t.rejects(secure('responder', bob)(failing()), { code: 'ERR_SFT_HANDSHAKE', retryable: false })
  const lost = { code: 'ERR_SFT_CONNECTION_LOST', retryable: true }
  await t.rejects(secure('initiator', alice, { expect: 'bob' })(failing()), lost)
  const ended = { source: (async function* () {})(), sink: async () => {} }
  await t.rejects(secure('initiator', alice, { expect: 'bob' })(ended), lost)
})
