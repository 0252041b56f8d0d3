import t from 'tap'
import { type SignedReceipt, signReceipt, verifyReceipt } from '../../src/transfer/receipt.ts'
import { formatReceipt, parseReceipt } from '../../src/transfer/receipt-file.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

const organisation = await makeOrganisation()
const { root } = organisation
const bytes = (value: number) => new Uint8Array(32).fill(value)
const what = {
  id: bytes(1),
  name: 'größe "\\\n',
  size: 2 ** 50,
  sha256: bytes(2),
  sender: 'alice',
  senderKey: bytes(3)
}
const receipt: SignedReceipt = await signReceipt(await organisation.issue('bob'), what)
const text = formatReceipt(receipt)
const document = JSON.parse(text)

t.test('M78: what is written is read as it was', async t => {
  const read = parseReceipt(text)
  t.equal(formatReceipt(read), text)
  t.match(read, { ...what, receiver: 'bob', time: receipt.time })
  t.match(await verifyReceipt(read, { root }), { name: 'bob' })
  t.match(document, { type: 'sft/1 receipt', name: what.name, time: /^\d{4}-.*\.\d{3}Z$/ })
})

t.test('M78: every value that is altered is found', async t => {
  const altered: Record<string, unknown> = {
    id: '00'.repeat(32),
    name: 'other',
    size: 1,
    sha256: '00'.repeat(32),
    sender: 'carol',
    senderKey: '00'.repeat(32),
    receiver: 'carol',
    time: new Date(receipt.time + 1).toISOString(),
    chain: document.chain.slice(0, 1),
    signature: document.signature.replace(/^../, 'AA')
  }
  t.strictSame(
    Object.keys(altered).sort(),
    Object.keys(document)
      .filter(key => key !== 'type')
      .sort()
  )
  for (const [field, value] of Object.entries(altered)) {
    const read = parseReceipt(JSON.stringify({ ...document, [field]: value }))
    await t.rejects(verifyReceipt(read, { root }), { code: /^ERR_SFT_(SIGNATURE|CERT_NAME|CERT_UNTRUSTED)$/ }, field)
  }
})

t.test('M78: anything else is no receipt', t => {
  const refused = (text: string, title: string): void => {
    t.throws(() => parseReceipt(text), { code: 'ERR_SFT_ENCODING' }, title)
  }
  for (const other of ['', '{', '[]', 'null', '"x"', '{}', `{"x":"${'x'.repeat(70_000)}"}`])
    refused(other, other.slice(0, 9))
  for (const field of Object.keys(document)) refused(JSON.stringify({ ...document, [field]: undefined }), `no ${field}`)
  for (const [field, values] of Object.entries({
    type: ['sft/2 receipt'],
    id: ['', '0'.repeat(63), 'F'.repeat(64), 1],
    name: ['', 'x'.repeat(256), '\ud800', 5],
    size: [-1, 1.5, '1', 2 ** 53, null],
    sender: ['Alice', '', {}],
    time: ['2026-11-24', '2026-11-24T09:00:00Z', 'x', 5, '1969-12-31T23:59:59.999Z'],
    chain: [[], 'x', [1], ['AAAA', 'AAAA', 'AAAA'], ['A A=']],
    signature: ['****', 'AA', 7],
    more: ['x']
  }))
    for (const value of values) refused(JSON.stringify({ ...document, [field]: value }), `${field} ${value}`)
  t.end()
})
