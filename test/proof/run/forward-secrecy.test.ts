import { randomBytes } from 'node:crypto'
import t from 'tap'
import { forwardSecrecy } from '../../../src/proof/run/forward-secrecy.ts'
import { dissectedOf } from '../../fixtures/dissected-bytes.ts'
import { frame, MAGIC, makeStream } from '../../vectors/encoder.ts'
import { party } from '../../vectors/parties.ts'

const [alice, bob] = [party('alice'), party('bob')]
const keys = [
  { owner: 'the sender', key: alice.privateKey },
  { owner: 'the receiver', key: bob.privateKey }
]
const file = Buffer.from('line of the file\n'.repeat(20))
const stream = makeStream('claim', { sender: alice, recipients: [bob], variable: true })
const chunk = stream.chunk(0, file)
const all = Buffer.concat([MAGIC, stream.header, chunk, stream.final(1, file.byteLength)])
const pipe = dissectedOf({ protocol: 'sft pipe', number: 2, up: all, skip: 8 })
const sealed = dissectedOf({ up: frame('HELO', randomBytes(500)), down: frame('RSFL', randomBytes(500)) })

t.test('holds when sessions yield nothing and the pipe its file', async t => {
  const claim = await forwardSecrecy([sealed, pipe], keys, file)
  t.match(claim, { id: 'forward-secrecy', verdict: 'holds' })
  const text = claim.evidence.map(each => each.text).join('\n')
  t.match(text, /the sender \(RSA-2048\), the receiver/)
  t.match(text, /no forward secrecy, by its nature.*the key of the receiver opens connection 2 and gives all 340 bytes/)
  t.same(claim.evidence[0]?.packets, [1], 'the pipe comes first')
})

t.test('fails when a session is opened', async t => {
  const session = dissectedOf({ number: 1, up: Buffer.concat([stream.header, chunk]) })
  const claim = await forwardSecrecy([session, pipe], keys, file)
  t.match(claim, {
    verdict: 'fails',
    evidence: [{ text: /The key of the receiver opens a stream of connection 1: 340 bytes/, packets: [1] }]
  })
})

t.test('fails without its control: there is no pipe, it does not open, or it gives another file', async t => {
  const failing = { verdict: 'fails', evidence: { length: 4 } }
  t.match(await forwardSecrecy([sealed], keys, file), failing)
  t.match(await forwardSecrecy([sealed, pipe], keys.slice(0, 1), file), failing)
  const claim = await forwardSecrecy([sealed, pipe], keys, file.subarray(1))
  t.match(claim, failing)
  t.match(claim.evidence[0]?.text, /no real attempt/)
})
