import t from 'tap'
import {
  askForFile,
  classicChannel,
  greetRequester,
  greetServer,
  readRequest
} from '../../../src/auth/classic/greeting.ts'
import { encodeClassic } from '../../../src/auth/classic/wire.ts'
import { cut } from '../../fixtures/bytes.ts'
import { classicIdentity, makeClassicSystem } from '../../fixtures/classic.ts'

const system = await makeClassicSystem()
const user1 = await classicIdentity(system, 'user1')
const user2 = await classicIdentity(system, 'user2')

/** A channel that hears what is given, and notes what is said. */
function hearing(bytes: Uint8Array, step = bytes.byteLength || 1) {
  const said: Uint8Array[] = []
  return { said, ...classicChannel(cut(bytes, step), message => said.push(message)) }
}

for (const step of [1, 65536]) {
  t.test(`both sides, step=${step}`, async t => {
    const requester = hearing(encodeClassic('RSCV', user2.pem), step)
    const server = await greetServer(requester, user1, { alias: 'user2' })
    askForFile(requester, server, 'näme of a file')
    t.equal(requester.said.length, 2, 'each message in one write')
    const responder = hearing(Buffer.concat(requester.said), step)
    t.equal((await greetRequester(responder, user2)).alias, 'user1')
    t.equal((await readRequest(responder, user2)).name, 'näme of a file')
    t.same(Buffer.concat(responder.said), Buffer.from(encodeClassic('RSCV', user2.pem)))
  })
}

t.test('a refusal is told to the other side, and raised on this one', async t => {
  const stranger = await classicIdentity(await makeClassicSystem(), 'user1')
  const responder = hearing(encodeClassic('SECE', stranger.pem))
  await t.rejects(greetRequester(responder, user2), { code: 'ERR_SFT_CERT_UNTRUSTED' })
  t.same(Buffer.concat(responder.said), Buffer.from(encodeClassic('RSCI')))
  await t.rejects(greetServer(hearing(encodeClassic('RSCI')), user1), { code: 'ERR_SFT_REFUSED_BY_PEER' })
  await t.rejects(greetServer(hearing(new Uint8Array(0)), user1), { code: 'ERR_SFT_BUSY' })
  await t.rejects(greetRequester(hearing(new Uint8Array(0)), user2), { code: 'ERR_SFT_TRUNCATED' })
})

t.test('a request that is none', async t => {
  for (const payload of [new Uint8Array(0), new Uint8Array(256), new Uint8Array(512)])
    t.equal((await readRequest(hearing(encodeClassic('RQFL', payload)), user2)).name, undefined)
})
