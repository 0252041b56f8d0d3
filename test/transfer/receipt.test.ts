import { createHash } from 'node:crypto'
import t from 'tap'
import { spkiHash } from '../../src/auth/certificates/keys.ts'
import { verifyPath } from '../../src/auth/certificates/path.ts'
import type { Identity } from '../../src/auth/identity/identity.ts'
import {
  decodeReceipt,
  encodeReceipt,
  isReceiptOf,
  type Receipt,
  type SignedReceipt,
  signReceipt,
  verifyReceipt
} from '../../src/transfer/receipt.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

const MINUTE = 60_000
const DAY = 86_400_000
const organisation = await makeOrganisation()
const { root } = organisation
const [alice, bob, carol] = (await Promise.all(['alice', 'bob', 'carol'].map(name => organisation.issue(name)))) as [
  Identity,
  Identity,
  Identity
]
const content = Buffer.from('contents')
const what = {
  id: Buffer.alloc(32, 1),
  name: 'contract.pdf',
  size: content.byteLength,
  sha256: createHash('sha256').update(content).digest(),
  sender: 'alice',
  senderKey: spkiHash(alice.publicKey)
}
const good = await signReceipt(bob, what)
const peerOf = ({ chain }: Identity) => verifyPath(chain, { root, org: organisation.org })

/** Every field of the statement, changed. */
const ALTERED: { [Field in keyof Receipt]: Receipt[Field] } = {
  id: Buffer.alloc(32, 2),
  name: 'contract.pdf ',
  size: content.byteLength + 1,
  sha256: Buffer.alloc(32),
  sender: 'carol',
  senderKey: spkiHash(carol.publicKey),
  receiver: 'carol',
  time: good.time - 1
}

t.test('M78: a receipt is checked against the root alone', async t => {
  t.match(await verifyReceipt(good, { root }), { name: 'bob', org: organisation.org })
  t.match(await verifyReceipt(good, { root, content: [content.subarray(0, 3), content.subarray(3)] }), { name: 'bob' })
  for (const other of ['content', 'contents!', 'Contents', ''])
    await t.rejects(verifyReceipt(good, { root, content: [Buffer.from(other)] }), { code: 'ERR_SFT_SIGNATURE' }, other)
})

t.test('M78: no field can be altered', async t => {
  for (const [field, value] of Object.entries(ALTERED)) {
    const altered = { ...good, [field]: value }
    const code = field === 'receiver' ? 'ERR_SFT_CERT_NAME' : 'ERR_SFT_SIGNATURE'
    await t.rejects(verifyReceipt(altered, { root }), { code }, field)
  }
  const signature = Buffer.from(good.signature).fill(0, 0, 1)
  await t.rejects(verifyReceipt({ ...good, signature }, { root }), { code: 'ERR_SFT_SIGNATURE' })
  await t.rejects(verifyReceipt({ ...good, signature: Buffer.alloc(0) }, { root }), { code: 'ERR_SFT_SIGNATURE' })
})

t.test('M78: it is of the key of its certificate, under this root, at its time', async t => {
  const byCarol: SignedReceipt = { ...(await signReceipt({ ...carol, name: 'bob' }, what)), chain: bob.chain }
  await t.rejects(verifyReceipt(byCarol, { root }), { code: 'ERR_SFT_SIGNATURE' }, 'another member signed')
  const renewed = await organisation.issue('bob', { key: { publicKey: bob.publicKey, privateKey: bob.privateKey } })
  const moved = { ...good, chain: renewed.chain }
  await t.rejects(verifyReceipt(moved, { root }), { code: 'ERR_SFT_SIGNATURE' }, 'another certificate of the same key')
  const foreign = await makeOrganisation()
  await t.rejects(verifyReceipt(good, { root: foreign.root }), { code: 'ERR_SFT_CERT_UNTRUSTED' })
  const life = { notBefore: new Date(Date.now() - 3 * DAY), notAfter: new Date(Date.now() - DAY) }
  const over = await signReceipt(await organisation.issue('bob', life), what)
  await t.rejects(verifyReceipt(over, { root }), { code: 'ERR_SFT_CERT_EXPIRED' }, 'signed when it was over')
  const server = await organisation.issueFaulty('bob', 'server certificate')
  await t.rejects(verifyReceipt(await signReceipt(server, what), { root }), { code: 'ERR_SFT_CERT_USAGE' })
})

t.test('M78: a certificate that has ended since is as good as then', async t => {
  // as early as the authority of this test lets it be, and over now, by more than clocks may differ
  const life = { notBefore: new Date(Date.now() - 20 * MINUTE), notAfter: new Date(Date.now() - 7 * MINUTE) }
  const bobThen = await organisation.issue('bob', life)
  t.throws(() => peerOf(bobThen), { code: 'ERR_SFT_CERT_EXPIRED' })
  const { now } = Date
  Date.now = () => now() - 8 * MINUTE
  const then = await signReceipt(bobThen, what).finally(() => {
    Date.now = now
  })
  t.match(await verifyReceipt(then, { root }), { name: 'bob' })
})

t.test('M76: it goes over the wire, and is bound to the certificate it brings', async t => {
  const bytes = encodeReceipt(good)
  t.ok(bytes.byteLength <= 8192)
  t.strictSame(encodeReceipt(decodeReceipt(bytes)), bytes)
  t.match(await verifyReceipt(decodeReceipt(bytes), { root }), { name: 'bob' })
  const moved = encodeReceipt({ ...good, chain: carol.chain })
  t.match(decodeReceipt(moved).chain[0], carol.chain[0], 'who encodes makes a statement of its own')
  for (let cut = 1; cut < bytes.byteLength; cut += 97)
    t.throws(() => decodeReceipt(bytes.subarray(0, cut)), { name: 'SftError' }, `${cut} bytes`)
  const other = Buffer.from(bytes)
  const hash = createHash('sha256')
    .update(bob.chain[0] as Uint8Array)
    .digest()
  other.set(Buffer.alloc(32), other.indexOf(hash))
  t.throws(() => decodeReceipt(other), { code: 'ERR_SFT_SIGNATURE' })
})

t.test('M77: it is of exactly what one knows oneself', async t => {
  const own: Receipt = { ...what, receiver: 'bob', time: good.time }
  t.ok(isReceiptOf(good, own, peerOf(bob)))
  for (const [field, value] of Object.entries(ALTERED))
    t.notOk(isReceiptOf(good, { ...own, [field]: value }, peerOf(bob)), field)
  t.notOk(isReceiptOf(good, own, peerOf(carol)), 'another session')
  const byCarol = { ...(await signReceipt({ ...carol, name: 'bob' }, what)), time: good.time, chain: bob.chain }
  t.notOk(isReceiptOf(byCarol, own, peerOf(bob)), 'another key')
})
