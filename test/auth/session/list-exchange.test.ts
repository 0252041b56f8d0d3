import { randomBytes } from 'node:crypto'
import t from 'tap'
import type { Identity } from '../../../src/auth/identity/identity.ts'
import { fileRequest } from '../../../src/auth/session/handshake-messages.ts'
import { announce, ListExchange } from '../../../src/auth/session/list-exchange.ts'
import { listNumbers, listPiece } from '../../../src/auth/session/list-messages.ts'
import type { Attempt, Sides } from '../../fixtures/handshake.ts'
import { attempt, connected } from '../../fixtures/handshake.ts'
import { informed, signList } from '../../fixtures/lists.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'

const organisation = await makeOrganisation()
const alice = await organisation.issue('alice')
const bob = await organisation.issue('bob')
const REQUEST = fileRequest.encode({ request: 1, path: 'a', offset: 0 })
const { issuerId } = signList(organisation, 1)
const stale = signList(organisation, 1, { nextUpdate: new Date(Date.now() - 3_600_000) })

/** Both sides after the first request, whoever knows what. */
async function begin(initiator: Identity, responder: Identity, options: Attempt = {}) {
  const [a, b] = await connected({ initiator, responder }, options)
  const [, asked] = await Promise.all([a.write('RQFL', REQUEST), b.read()])
  t.match(asked, { type: 'RQFL' })
  return [a, b] as const
}

t.test('M54: whoever has the older list gets the newer one before the first request', async t => {
  const newer = signList(organisation, 9)
  for (const [title, first, second] of [
    ['the initiator', await informed(alice, signList(organisation, 2)), await informed(bob, newer)],
    ['the responder', await informed(alice, newer), await informed(bob, signList(organisation, 2))],
    ['an initiator without any', await informed(alice), await informed(bob, newer)],
    ['a responder without any', await informed(alice, newer), await informed(bob)],
    ['an initiator whose own is over', await informed(alice, stale), await informed(bob, newer)],
    ['a responder whose own is over', await informed(alice, newer), await informed(bob, stale)]
  ] as const) {
    const [a, b] = await begin(first, second)
    t.equal(first.revocations.numberOf(issuerId), 9, title)
    t.equal(second.revocations.numberOf(issuerId), 9, title)
    await Promise.all([a.close(), b.close()])
  }
})

t.test('M54: a list of a megabyte arrives in pieces', async t => {
  const serials = Array.from({ length: 20_000 }, () => `5f${randomBytes(15).toString('hex')}`)
  const long = signList(organisation, 3, { serials })
  t.ok(long.der.byteLength > 700_000, `${long.der.byteLength} bytes`)
  const [first, second] = [await informed(alice, long), await informed(bob)]
  const [a, b] = await begin(first, second)
  t.equal(second.revocations.get(issuerId)?.list.entries.length, 20_000)
  await Promise.all([a.close(), b.close()])
})

t.test('M52: without a good list on either side nothing begins, and both say so', async t => {
  const sides: Sides = { initiator: await informed(alice, stale), responder: await informed(bob) }
  t.strictSame(await attempt(sides), { initiator: 'ERR_SFT_CRL', responder: 'ERR_SFT_REFUSED_BY_PEER' })
  const lenient: Sides = { initiator: alice, responder: await informed(bob) }
  t.strictSame(await attempt(lenient), { initiator: 'ERR_SFT_REFUSED_BY_PEER', responder: 'ERR_SFT_CRL' })
})

t.test('A21: a revoked peer is refused by who knows, and by who learns it from the other', async t => {
  const clean = signList(organisation, 1)
  const withBob = signList(organisation, 2, { revoked: [bob] })
  const refused = { initiator: 'ERR_SFT_CERT_REVOKED', responder: 'ERR_SFT_CERT_REVOKED' }
  for (const [title, first, second] of [
    ['the initiator knows', await informed(alice, withBob), await informed(bob, clean)],
    ['the responder itself brings the list', await informed(alice, clean), await informed(bob, withBob)]
  ] as const)
    t.strictSame(await attempt({ initiator: first, responder: second }), refused, title)
  const knows: Sides = { initiator: await informed(bob, clean), responder: await informed(alice, withBob) }
  t.strictSame(await attempt(knows), refused, 'the responder knows')
  const brings: Sides = { initiator: await informed(bob, withBob), responder: await informed(alice, clean) }
  const [a, b] = await connected(brings)
  const told = t.rejects(a.read(), { code: 'ERR_SFT_CERT_REVOKED' }, 'the initiator itself brings the list')
  await a.write('RQFL', REQUEST)
  await t.rejects(b.read(), { code: 'ERR_SFT_CERT_REVOKED' })
  await told
})

t.test('M55: a session that lives ends when a list is learnt that has its peer, on both sides', async t => {
  const clean = signList(organisation, 1)
  const withBob = signList(organisation, 2, { revoked: [bob] })
  const [first, second] = [await informed(alice, clean), await informed(bob, clean)]
  const [a, b] = await begin(first, second)
  await b.write('STRM', Uint8Array.of(0))
  t.match(await a.read(), { type: 'STRM' })
  const ends = [t.rejects(a.read(), { code: 'ERR_SFT_CERT_REVOKED', message: /is revoked/ })]
  ends.push(t.rejects(b.read(), { code: 'ERR_SFT_CERT_REVOKED', message: /peer ended the session/ }))
  await first.revocations.learn(withBob.der, withBob.issuer)
  await Promise.all(ends)
})

t.test('M55: a list that has somebody else goes on to the peer of each session that lives', async t => {
  const kim = await organisation.issue('kim')
  const clean = signList(organisation, 1)
  const [first, second] = [await informed(alice, clean), await informed(bob, clean)]
  const [a, b] = await begin(first, second)
  const list = signList(organisation, 2, { revoked: [kim] })
  const learnt = new Promise<void>(resolve => second.revocations.watch(resolve))
  const reading = b.read()
  await first.revocations.learn(list.der, list.issuer)
  await learnt
  t.equal(second.revocations.numberOf(issuerId), 2)
  await a.close()
  await t.rejects(reading)
})

t.test('M55: nothing is begun in an old session once the certificate or the list is over', async t => {
  const soon = new Date(Date.now() + 10_000)
  const later = new Date(Date.now() + 24 * 3_600_000)
  const brief = await organisation.issue('bob', { notAfter: soon })
  for (const [code, notice, peer, list] of [
    ['ERR_SFT_CERT_EXPIRED', 'ERR_SFT_CERT_EXPIRED', brief, signList(organisation, 1)],
    ['ERR_SFT_CRL', 'ERR_SFT_CRL', bob, signList(organisation, 1, { nextUpdate: soon })]
  ] as const) {
    let clock = new Date()
    const options = { initiatorOptions: { now: () => clock } }
    const [a, b] = await connected({ initiator: await informed(alice, list), responder: peer }, options)
    await a.accepted()
    clock = later
    const reading = b.read()
    await t.rejects(a.write('RQFL', REQUEST), { code })
    await t.rejects(reading, { code: notice }, 'the peer is told')
  }
})

t.test('M54: lists in disorder, of nobody, or again, end the session', async t => {
  const clean = await informed(alice, signList(organisation, 1))
  const exchange = () =>
    new ListExchange(clean.revocations, { ours: announce(clean.revocations), theirs: new Map([[issuerId, 1]]) })
  const { der, issuer } = signList(organisation, 2)
  const whole = { issuer, size: der.byteLength, offset: 0, piece: der }
  const [half, size] = [Math.floor(der.byteLength / 2), der.byteLength]
  const first = { issuer, size, offset: 0, piece: der.subarray(0, half) }
  const rest = { size, offset: half, piece: der.subarray(half) }
  const other = await makeOrganisation()
  const foreign = signList(other, 9)
  for (const [title, ...pieces] of [
    ['the first piece without the issuer', { ...whole, issuer: undefined }],
    ['a later piece with it', first, { ...rest, issuer }],
    ['a piece twice', first, first],
    ['a gap', first, { ...rest, offset: half + 1 }],
    ['another size', first, { ...rest, size: size + 1 }],
    ['beyond the size', { ...whole, size: size - 1 }],
    ['a size beyond a list', { ...whole, size: 2 ** 20 + 1 }],
    ['a list of nobody here', { ...whole, issuer: foreign.issuer, piece: foreign.der, size: foreign.der.byteLength }],
    ['a list that is not its issuer’s', { ...whole, piece: foreign.der, size: foreign.der.byteLength }],
    ['the same again', whole, whole]
  ] as const) {
    const target = exchange()
    const bodies = pieces.map(piece => listPiece.encode(piece))
    for (const body of bodies.slice(0, -1)) await target.take(body)
    await t.rejects(target.take(bodies.at(-1) as Uint8Array), { code: 'ERR_SFT_PROTOCOL' }, title)
  }
  const none = new ListExchange(undefined, { ours: undefined, theirs: new Map([[issuerId, 1]]) })
  await t.rejects(none.take(listPiece.encode(whole)), { code: 'ERR_SFT_FRAME_TYPE' }, 'to a side that takes none')
  t.equal(none.awaiting, false)
  t.strictSame([...none.due()], [])
})

t.test('M54: CRL numbers have one encoding', t => {
  const id = (mark: number): string => Buffer.alloc(20, mark).toString('hex')
  const numbers = new Map([
    [id(1), 7],
    [id(2), 2 ** 31 - 1]
  ])
  const bytes = listNumbers.encode(numbers)
  t.strictSame(listNumbers.decode(bytes), numbers)
  t.strictSame(listNumbers.decode(new Uint8Array(0)), new Map())
  const [one, two] = [bytes.subarray(0, 28), bytes.subarray(28)]
  const beyond = Uint8Array.from(one)
  beyond[20] = 1
  for (const [title, body] of [
    ['another order', Buffer.concat([two, one])],
    ['twice', Buffer.concat([one, one])],
    ['cut', bytes.subarray(0, 55)],
    ['a number that no list has', beyond]
  ] as const)
    t.throws(() => listNumbers.decode(body), { code: 'ERR_SFT_ENCODING' }, title)
  t.end()
})
