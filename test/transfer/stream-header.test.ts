import t from 'tap'
import { spkiHash } from '../../src/auth/certificates/keys.ts'
import type { Identity } from '../../src/auth/identity/identity.ts'
import { encodeClear, METADATA, parseHeader } from '../../src/streams/header.ts'
import { encodeTlv } from '../../src/streams/tlv.ts'
import { openHeader, type Recipient, sealHeader, stanzaFor, unwrapSecret } from '../../src/transfer/stream-header.ts'
import { open as openBytes, seal as sealBytes } from '../../src/workers/aead.ts'
import { inlinePool } from '../../src/workers/pool.ts'
import { deriveStreamKey } from '../../src/workers/stream-key.ts'
import { pattern } from '../fixtures/bytes.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

const organisation = await makeOrganisation()
const [alice, bob, carol] = (await Promise.all(['alice', 'bob', 'carol'].map(name => organisation.issue(name)))) as [
  Identity,
  Identity,
  Identity
]
const pool = inlinePool()
const recipient = ({ publicKey }: Identity): Recipient => ({ publicKey, spkiHash: spkiHash(publicKey) })
const own = (identity: Identity) => ({ identity, spkiHash: spkiHash(identity.publicKey), pool })

async function seal(recipients: readonly Identity[], sender = alice) {
  const { header, key } = await sealHeader({
    sender,
    recipients: recipients.map(recipient),
    metadata: { name: 'x', size: 3, created: 7 },
    suite: 'aes-256-gcm',
    chunkSize: 2 ** 16,
    variable: false
  })
  return { key, body: Uint8Array.from(Buffer.concat(header.body)) }
}

t.test('who sent it, what it is, and the key', async t => {
  const { key, body } = await seal([bob])
  const opened = await openHeader(parseHeader(body), own(bob))
  t.match(opened, { sender: { name: 'alice', org: 'example.org' }, metadata: { name: 'x', size: 3, created: 7 } })
  t.same(opened.key.commitment, key.commitment)
  await t.rejects(openHeader(parseHeader(body), own(carol)), { code: 'ERR_SFT_NOT_RECIPIENT' })
})

t.test('several recipients', async t => {
  const { body } = await seal([bob, carol])
  for (const identity of [bob, carol])
    t.match(await openHeader(parseHeader(body), own(identity)), { metadata: { name: 'x' } })
  await t.rejects(openHeader(parseHeader(body), own(alice)), { code: 'ERR_SFT_NOT_RECIPIENT' })
})

t.test('two streams share nothing', async t => {
  const [first, second] = (await Promise.all([seal([bob]), seal([bob])])).map(({ body }) => parseHeader(body))
  for (const field of ['streamId', 'commitment', 'tail'] as const) t.notSame(first?.[field], second?.[field], field)
  t.notSame(first?.stanzas, second?.stanzas)
})

t.test('a sender whose certificate does not hold', async t => {
  for (const [fault, code] of [
    ['expired', 'ERR_SFT_CERT_EXPIRED'],
    ['another root', 'ERR_SFT_CERT_UNTRUSTED']
  ] as const) {
    const { body } = await seal([bob], await organisation.issueFaulty('alice', fault))
    await t.rejects(openHeader(parseHeader(body), own(bob)), { code }, fault)
  }
  const { body } = await seal([bob])
  const later = new Date(Date.now() + 11 * 86_400_000)
  await t.rejects(openHeader(parseHeader(body), { ...own(bob), now: later }), { code: 'ERR_SFT_CERT_EXPIRED' })
})

/** What bob, who knows the key of a stream for him, can make of it for carol. */
async function forwarded(change: (sealedPart: Uint8Array) => Uint8Array): Promise<Uint8Array> {
  const { body } = await seal([bob])
  const header = parseHeader(body)
  const secret = await unwrapSecret(header, own(bob))
  const { suite, chunkSize, streamId } = header
  const stanzas = [stanzaFor(recipient(carol), streamId, secret)]
  const clear = encodeClear({ suite, chunkSize, variable: false, streamId, firstChunk: 0, stanzas })
  const before = deriveStreamKey(suite, streamId, secret, header.clear)
  const part = openBytes(before.header, 0, header.bound, header.tail)
  const after = deriveStreamKey(suite, streamId, secret, clear)
  const bound = Buffer.concat([clear, after.commitment])
  const { ciphertext, tag } = sealBytes(after.header, 0, bound, change(part as Uint8Array) as Uint8Array<ArrayBuffer>)
  return Uint8Array.from(Buffer.concat([bound, ciphertext, tag]))
}

t.test('a recipient can not forward a stream as if it had been sent on (M27)', async t => {
  const asItWas = await forwarded(part => part)
  await t.rejects(openHeader(parseHeader(asItWas), own(carol)), { code: 'ERR_SFT_SIGNATURE' })
  const hashes = Buffer.from(spkiHash(bob.publicKey))
  const renamed = await forwarded(part => {
    const changed = Buffer.from(part)
    changed.set(spkiHash(carol.publicKey), changed.indexOf(hashes))
    return Uint8Array.from(changed)
  })
  await t.rejects(
    openHeader(parseHeader(renamed), own(carol)),
    { code: 'ERR_SFT_SIGNATURE' },
    'nor in the name of another'
  )
})

t.test('nor change what the sender said of it', async t => {
  const told = Buffer.from(encodeTlv(METADATA, { name: 'x', size: 3, created: 7 }))
  const body = await forwarded(part => {
    const changed = Buffer.from(part)
    changed.set(encodeTlv(METADATA, { name: 'y', size: 3, created: 7 }), changed.indexOf(told))
    return Uint8Array.from(changed)
  })
  await t.rejects(openHeader(parseHeader(body), own(carol)), { code: 'ERR_SFT_SIGNATURE' })
})

t.test('a key that does not belong to the header', async t => {
  const { body } = await seal([bob])
  const header = parseHeader(body)
  const stanzas = [stanzaFor(recipient(bob), header.streamId, pattern(32))]
  await t.rejects(openHeader({ ...header, stanzas }, own(bob)), { code: 'ERR_SFT_COMMITMENT' })
  const tail = Uint8Array.from(header.tail)
  tail.set([(tail[5] ?? 0) ^ 1], 5)
  await t.rejects(openHeader({ ...header, tail }, own(bob)), { code: 'ERR_SFT_HEADER_AUTH' })
})
