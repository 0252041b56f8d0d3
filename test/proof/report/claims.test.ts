import t from 'tap'
import type { Claim, Verdict } from '../../../src/proof/model.ts'
import { claims, controls, steps } from '../../../src/proof/report/claims.ts'
import { held, refuted } from '../../fixtures/verdict.ts'

const evidence = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ text: `piece ${at}.`, packets: [at + 1] }))

function withEvidence(verdict: Claim['verdict'], count: number): string {
  const [first, ...others] = held().claims as [Claim, ...Claim[]]
  const claim = { ...first, verdict, evidence: evidence(count) }
  return claims(held({ claims: [claim, ...others.map(each => ({ ...each, evidence: [] }))] })).source
}

t.test('of what holds, a few pieces of evidence are shown and the others fold; of what does not, all are', t => {
  t.notMatch(withEvidence('holds', 6), '<details>')
  const folded = withEvidence('holds', 7)
  t.match(folded, /piece 2\.[\s\S]*<details><summary>4 more<\/summary>[\s\S]*piece 3\.[\s\S]*piece 6\./)
  for (const verdict of ['fails', 'unknown'] as const) t.notMatch(withEvidence(verdict, 100), '<details>')
  t.match(withEvidence('fails', 130), /<summary>30 more<[\s\S]*and 30 more, which <code>--json<\/code> lists/)
  t.end()
})

t.test(
  'packets of the capture are a filter; those of a control are not, as they are in none that the reader has',
  t => {
    t.match(withEvidence('holds', 1), '<code class="filter">frame.number in {1}</code>')
    const { source } = controls(held())
    t.notMatch(source, 'class="filter"')
    t.match(source, /\(its packets 5, 6\)[\s\S]*\(its packet 4\)/)
    t.end()
  }
)

t.test('how many packets there are beyond those that are named', t => {
  const more = [{ text: 'many.', packets: [1, 2], more: 1234 }]
  const [claim, control] = [held().claims[0] as Claim, held().controls[0] as Verdict['controls'][number]]
  t.match(
    claims(held({ claims: [{ ...claim, evidence: more }] })).source,
    'frame.number in {1,2}</code> and 1,234 more</li>'
  )
  t.match(controls(held({ controls: [{ ...control, evidence: more }] })).source, '(its packets 1, 2 and 1,234 more)')
  t.end()
})

t.test('a control that was let pass, and none at all', t => {
  t.equal(controls(held()).source.match(/>Refused</g)?.length, 4)
  t.equal(controls(refuted()).source.match(/>Let pass</g)?.length, 1)
  t.match(controls(held({ controls: [] })).source, 'None was judged.')
  t.end()
})

t.test('steps, with what they ended with and what they should have', t => {
  const ended = (exit: number, expected: number): Verdict['steps'] => [{ command: 'sft get a b', exit, expected }]
  t.match(steps(held({ steps: ended(40, 40) })).source, /As expected[\s\S]*<\/span>40</)
  t.match(steps(held({ steps: ended(75, 0) })).source, /Otherwise[\s\S]*<\/span>75, not 0</)
  t.match(steps(held({ steps: [] })).source, 'taken elsewhere')
  t.end()
})
