import t from 'tap'
import { count, evidence, Findings } from '../../../src/proof/judge/claim.ts'

t.test('packets in their order, each once, at most 16; how many there are beyond is said', t => {
  t.same(evidence('none'), { text: 'none', packets: [] })
  t.same(evidence('some', [7, 3, 7]), { text: 'some', packets: [3, 7] })
  const numbers = (length: number): number[] => Array.from({ length }, (_, at) => length - at)
  t.same(evidence('16', numbers(16)), { text: '16', packets: numbers(16).reverse() })
  t.same(evidence('40', numbers(40)), { text: '40', packets: numbers(16).reverse(), more: 24 })
  t.end()
})

t.test('what was found is said before what was looked at', t => {
  const findings = new Findings()
  findings.note('looked')
  t.match(findings.claim('sizes'), { id: 'sizes', verdict: 'holds' })
  findings.doubt('not known')
  t.match(findings.claim('sizes'), { verdict: 'unknown' })
  findings.fault('found')
  const { verdict, evidence } = findings.claim('sizes')
  t.same([verdict, ...evidence.map(({ text }) => text)], ['fails', 'found', 'not known', 'looked'])
  for (let at = 0; at < 50; at++) findings.note(`${at}`)
  t.equal(findings.claim('sizes').evidence.at(-1)?.text, 'and 11 more of this kind')
  t.same([count(1, 'byte'), count(1234, 'frame')], ['1 byte', '1,234 frames'])
  t.end()
})
