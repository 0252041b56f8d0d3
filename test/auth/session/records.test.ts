import t from 'tap'
import { recordKeys } from '../../../src/auth/session/records.ts'
import type { Frame, ReceivedFrame } from '../../../src/streams/types.ts'
import { SUITES } from '../../../src/workers/construction.ts'

const secret = () => Uint8Array.from({ length: 44 }, (_, i) => i)

for (const suite of SUITES) {
  t.test(`${suite}: records open in their order, each with its own nonce`, t => {
    const sealing = recordKeys(suite, secret())
    const opening = recordKeys(suite, secret())
    const ciphertexts = new Set<string>()
    for (const size of [0, 1, 16, 1000, 65_000]) {
      const plaintext = Buffer.alloc(size, 5)
      const sealed = received(sealing.seal('OFFR', plaintext))
      t.equal(sealed.body.byteLength, size + 16)
      ciphertexts.add(Buffer.from(sealed.body).toString('hex'))
      const opened = opening.open(sealed)
      t.equal(opened.type, 'OFFR')
      t.equal(Buffer.compare(opened.body, plaintext), 0)
    }
    t.equal(ciphertexts.size, 5)
    t.end()
  })

  t.test(`${suite}: a repeat, a gap, another type, another length or any flipped bit does not open (M21)`, t => {
    const sealing = recordKeys(suite, secret())
    const first = received(sealing.seal('RQFL', Buffer.from('first')))
    const second = received(sealing.seal('RQFL', Buffer.from('first')))
    t.not(Buffer.compare(first.body, second.body), 0)
    const attempts: ReceivedFrame[] = [
      second,
      { ...first, type: 'OFFR' },
      { ...first, body: first.body.slice(0, -1) },
      { ...first, body: first.body.slice(0, 16) },
      { ...first, body: first.body.slice(0, 15) },
      { ...first, body: new Uint8Array(0) },
      { ...first, body: Uint8Array.from([...first.body, 0]) }
    ]
    for (let bit = 0; bit < first.body.byteLength * 8; bit++) {
      const body = first.body.slice()
      body[bit >> 3] = (body[bit >> 3] as number) ^ (1 << (bit & 7))
      attempts.push({ ...first, body })
    }
    for (const frame of attempts) {
      t.throws(() => recordKeys(suite, secret()).open(frame), { code: 'ERR_SFT_RECORD_AUTH' })
    }
    const opening = recordKeys(suite, secret())
    opening.open(first)
    t.throws(() => opening.open(first), { code: 'ERR_SFT_RECORD_AUTH' })
    t.end()
  })
}

t.test('the two directions, and the two suites, do not open each other', t => {
  const sealed = received(recordKeys('aes-256-gcm', secret()).seal('PING', new Uint8Array(0)))
  const other = secret().fill(9, 0, 32)
  t.throws(() => recordKeys('aes-256-gcm', other).open(sealed), { code: 'ERR_SFT_RECORD_AUTH' })
  t.throws(() => recordKeys('chacha20-poly1305', secret()).open(sealed), { code: 'ERR_SFT_RECORD_AUTH' })
  t.end()
})

t.test('A18: a record of another session does not open', t => {
  for (const suite of SUITES) {
    const recorded = received(recordKeys(suite, secret()).seal('RQFL', Buffer.from('a file')))
    const other = Uint8Array.from(secret(), byte => byte ^ 1)
    t.throws(() => recordKeys(suite, other).open(recorded), { code: 'ERR_SFT_RECORD_AUTH' })
    t.equal(recordKeys(suite, secret()).open(recorded).type, 'RQFL')
  }
  t.end()
})

t.test('a key has a last record, on both sides', t => {
  const sealing = recordKeys('aes-256-gcm', secret(), 2)
  const opening = recordKeys('aes-256-gcm', secret(), 1)
  const first = received(sealing.seal('PING', new Uint8Array(0)))
  const second = received(sealing.seal('PING', new Uint8Array(0)))
  t.throws(() => sealing.seal('PING', new Uint8Array(0)), { code: 'ERR_SFT_LIMIT' })
  opening.open(first)
  t.throws(() => opening.open(second), { code: 'ERR_SFT_LIMIT' })
  t.end()
})

t.test('the secret is consumed', t => {
  const given = secret()
  recordKeys('aes-256-gcm', given)
  t.strictSame(given, new Uint8Array(44))
  t.end()
})

function received({ type, body }: Frame): ReceivedFrame {
  return { type, body: Uint8Array.from(Buffer.concat(body)) }
}
