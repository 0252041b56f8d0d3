import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { issueServer } from '../../../src/auth/certificates/issuance.ts'
import { storePrivateKey } from '../../../src/auth/certificates/keys.ts'
import { encodePem } from '../../../src/auth/certificates/pem.ts'
import { fetchLists, followLists } from '../../../src/auth/client/list-client.ts'
import { informed, type SignedList, signList } from '../../fixtures/lists.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

const organisation = await makeOrganisation()
const alice = await organisation.issue('alice')
const { issuerId } = signList(organisation, 1)
const entry = ({ issuer, der }: SignedList) => ({
  issuer: encodePem('CERTIFICATE', issuer),
  list: encodePem('X509 CRL', der)
})

/** An auth server that answers as it is told; its address, and the requests that came. */
async function serve(t: Test, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const { publicKey, privateKey } = await testKey()
  const certificate = issueServer(organisation.issuing, { publicKey, hosts: ['127.0.0.1'] })
  const cert = certificate.toString() + organisation.issuing.certificate.toString()
  const asked: string[] = []
  const server = createServer({ key: storePrivateKey(privateKey, undefined), cert }, (request, response) => {
    asked.push(`${request.url} ${request.headers['if-none-match'] ?? ''}`)
    answer(request, response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

const json = (response: ServerResponse, body: unknown, tag = '"a"'): void =>
  void response.setHeader('etag', tag).end(JSON.stringify(body))

t.test('learns what the server has, and nothing that is older', async t => {
  const lists = [signList(organisation, 5)]
  const { url } = await serve(t, (_, response) => json(response, { lists: lists.map(entry) }))
  const member = await informed(alice)
  await fetchLists(member, { url })
  t.equal(member.revocations.numberOf(issuerId), 5)
  lists[0] = signList(organisation, 4)
  await fetchLists(member, { url })
  t.equal(member.revocations.numberOf(issuerId), 5, 'a server that was set back')
})

t.test('a server that answers with anything else is a coded error', async t => {
  const other = await makeOrganisation()
  for (const [title, code, body] of [
    ['no JSON', 'ERR_SFT_PROTOCOL', '{'],
    ['no lists', 'ERR_SFT_PROTOCOL', '{}'],
    ['an entry that is none', 'ERR_SFT_PROTOCOL', '{"lists":[null]}'],
    ['no PEM', 'ERR_SFT_CERT_INVALID', '{"lists":[{"issuer":"x","list":"y"}]}'],
    ['another organisation', 'ERR_SFT_CERT_UNTRUSTED', JSON.stringify({ lists: [entry(signList(other, 9))] })],
    ['an answer without end', 'ERR_SFT_LIMIT', 'x'.repeat(9 * 2 ** 20)]
  ] as const) {
    const { url } = await serve(t, (_, response) => void response.end(body))
    const member = await informed(alice)
    await t.rejects(fetchLists(member, { url }), { code }, title)
    t.strictSame(member.revocations.lists, [], title)
  }
  const { url } = await serve(t, (_, response) => void response.writeHead(500).end())
  await t.rejects(fetchLists(alice, { url }), { code: 'ERR_SFT_PROTOCOL' })
  await t.rejects(fetchLists(alice, { url: 'https://127.0.0.1:9' }), { code: 'ERR_SFT_CONNECT' })
  await t.rejects(fetchLists(alice, { url: 'http://127.0.0.1' }), { code: 'ERR_SFT_USAGE' })
  const { url: silent } = await serve(t, () => {})
  await t.rejects(fetchLists(alice, { url: silent, timeout: 100 }), { code: 'ERR_SFT_TIMEOUT' })
})

t.test('follows: a long poll with the last tag, a pause after a failure, and an end at the signal', async t => {
  let number = 1
  let broken = false
  const waiting: ServerResponse[] = []
  const { url, asked } = await serve(t, (request, response) => {
    if (broken) response.destroy()
    else if (request.headers['if-none-match'] === `"${number}"`) waiting.push(response)
    else json(response, { lists: [entry(signList(organisation, number))] }, `"${number}"`)
  })
  const member = await informed(alice)
  const stop = new AbortController()
  const faults: unknown[] = []
  let turns = 0
  const following = followLists(member, {
    url,
    signal: stop.signal,
    onFault: error => faults.push(error),
    onTurn: async () => void turns++
  })
  while (waiting.length === 0) await delay(10)
  t.equal(member.revocations.numberOf(issuerId), 1)
  t.strictSame(asked, ['/v2/lists ', '/v2/lists?wait=50 "1"'])
  number = 2
  waiting.pop()?.writeHead(304).end()
  while (waiting.length === 0) await delay(10)
  t.equal(member.revocations.numberOf(issuerId), 2)
  broken = true
  waiting.pop()?.destroy()
  while (asked.length < 6) await delay(10)
  t.match(faults, [{ code: 'ERR_SFT_CONNECTION_LOST' }], 'told once')
  broken = false
  number = 3
  while (waiting.length === 0) await delay(10)
  t.equal(member.revocations.numberOf(issuerId), 3)
  t.ok(turns >= 6, 'before each question')
  stop.abort()
  await following
  t.equal(faults.length, 1)
})
