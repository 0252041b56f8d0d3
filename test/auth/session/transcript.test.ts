import { createHash } from 'node:crypto'
import t from 'tap'
import { transcript } from '../../../src/auth/session/transcript.ts'

t.test('the hash is that of the frames as SPEC §5 writes them', t => {
  const running = transcript()
  const empty = createHash('sha256').update('sft/1 transcript').digest('hex')
  t.equal(Buffer.from(running.hash()).toString('hex'), empty)
  const body = Buffer.alloc(200, 7)
  running.add('HELO', body)
  running.add('SECF', new Uint8Array(0))
  const bytes = Buffer.concat([
    Buffer.from('sft/1 transcript'),
    Uint8Array.of(0xcc, 0x01),
    Buffer.from('HELO'),
    body,
    Uint8Array.of(4),
    Buffer.from('SECF')
  ])
  const expected = createHash('sha256').update(bytes).digest('hex')
  t.equal(Buffer.from(running.hash()).toString('hex'), expected)
  t.equal(Buffer.from(running.hash()).toString('hex'), expected, 'reading it changes nothing')
  t.end()
})
