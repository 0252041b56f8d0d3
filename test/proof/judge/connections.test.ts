import t from 'tap'
import { judgeConnections } from '../../../src/proof/judge/connections.ts'
import type { Claim } from '../../../src/proof/model.ts'
import { pattern } from '../../fixtures/bytes.ts'
import { dissected, pipeOf, record, sessionOf } from '../../fixtures/dissected.ts'

const said = ({ evidence }: Claim): string => evidence.map(({ text }) => text).join('\n')

t.test('whole connections', t => {
  const claim = judgeConnections([pipeOf(pattern(1000)), sessionOf(pattern(1000), 16_384, 2)])
  t.match(claim, { id: 'connections', verdict: 'holds', evidence: [{ packets: [1, 2, 3] }] })
  t.match(said(claim), /^2 connections with [\d,]+ bytes/)
  t.end()
})

t.test('a connection whose beginning is not there', t => {
  const claim = judgeConnections([dissected('unknown', [record('PING', 20)], { handshake: [1, 2] })])
  t.match(claim, { verdict: 'fails', evidence: [{ packets: [1, 2] }] })
  t.match(
    said(claim),
    /Connection 1 \(10\.0\.0\.1:40001 to 10\.0\.0\.2:4433\) begins without the handshake of TCP: 2 of its 3/
  )
  t.end()
})

t.test('bytes that are missing, and bytes that came twice and differ', t => {
  const pieces = [record('PING', 100), record('PING', 100), record('PING', 100)]
  const gaps = [{ at: 105, length: 105 }]
  const lost = judgeConnections([dissected('sft session', pieces, { up: { lost: 105, gaps } })])
  t.match(lost, { verdict: 'fails', evidence: [{ packets: [4, 6] }] })
  t.match(said(lost), /of what the dialler sent, 105 bytes are missing/)
  const odd = judgeConnections([dissected('sft session', pieces, { down: { differing: 3 } })])
  t.match(odd, { verdict: 'fails' })
  t.match(said(odd), /of what the listener sent, 3 bytes came twice, and not as the same/)
  t.end()
})

t.test('M173: without its end a flow may have gone on', t => {
  const pieces = [record('PING', 100), record('PING', 100, 'down')]
  for (const [open, who] of [
    [{ down: { openAfter: 9 } }, 'the listener'],
    [{ up: { openAfter: 9 }, down: { openAfter: 9 } }, 'the dialler and the listener']
  ] as const) {
    const claim = judgeConnections([dissected('unknown', pieces, open)])
    t.match(claim, { verdict: 'unknown', evidence: [{ packets: [9] }] })
    t.match(said(claim), RegExp(`Connection 1 .*: the capture has no end of what ${who} sent, no FIN and no reset`))
  }
  t.equal(judgeConnections([dissected('unknown', pieces)]).verdict, 'holds')
  const opened = dissected('unknown', [], { up: { openAfter: 12 } }, 2)
  const empty = judgeConnections([dissected('unknown', pieces), opened])
  t.match(empty, { verdict: 'unknown', evidence: [{ packets: [12] }] }, 'one that carried nothing yet')
  const later = judgeConnections([dissected('unknown', pieces), dissected('unknown', [], { handshake: [] }, 2)])
  t.equal(later.verdict, 'unknown')
  t.match(said(later), /Connection 2 .* began before the capture, and no byte of it is there/)
  const nothing = judgeConnections([dissected('unknown', pieces), dissected('unknown', [], {}, 2)])
  t.equal(nothing.verdict, 'holds', 'one that carried nothing, to its end')
  t.match(said(nothing), /1 connection of which no byte is there/)
  t.end()
})

t.test('nothing at all is no proof of anything', t => {
  t.equal(judgeConnections([]).verdict, 'fails')
  t.equal(judgeConnections([dissected('unknown', [])]).verdict, 'fails')
  const claim = judgeConnections([pipeOf(pattern(10)), dissected('unknown', [], { handshake: [1] }, 2)])
  t.equal(claim.verdict, 'holds')
  t.match(said(claim), /1 connection of which no byte is there/)
  t.end()
})
