import t from 'tap'
import { conclusionOf, outcomeOf, tallyOf, titleOf } from '../../src/proof/conclusion.ts'
import type { Claim, Verdict } from '../../src/proof/model.ts'
import { held, refuted } from '../fixtures/verdict.ts'

/** Of which the first claims have these verdicts. */
function judged(...verdicts: readonly Claim['verdict'][]): Partial<Verdict> {
  return { claims: held().claims.map((claim, at) => ({ ...claim, verdict: verdicts[at] ?? claim.verdict })) }
}

t.test('a verdict in one line: what holds, what does not, and what nobody could say', t => {
  const open = held(judged('unknown', 'unknown', 'unknown', 'unknown', 'unknown'))
  const failing = held({ ...judged('fails'), holds: false })
  const incomplete = held({ ...judged('holds', 'unknown'), holds: false })
  const strayed = held({ holds: false, steps: [{ command: 'sft get', exit: 75, expected: 0 }] })
  for (const [verdict, outcome, line] of [
    [held(), 'holds', 'The proof holds: 11 of 11 claims, 4 of 4 controls refused'],
    [open, 'unknown', 'Nothing fails, but 5 of 11 claims could not be judged: 6 hold, 4 of 4 controls refused'],
    [
      refuted(),
      'fails',
      'The proof does not hold: 3 of 11 claims fail, 2 could not be judged, 3 of 4 controls refused'
    ],
    [failing, 'fails', 'The proof does not hold: 1 of 11 claims fails, 4 of 4 controls refused'],
    [incomplete, 'fails', 'The proof does not hold: 1 of 11 claims could not be judged, 4 of 4 controls refused'],
    [strayed, 'fails', 'The proof does not hold: 4 of 4 controls refused, 1 command ended otherwise than expected']
  ] as const) {
    t.equal(outcomeOf(verdict), outcome)
    t.equal(conclusionOf(verdict), line)
    t.ok(line.startsWith(titleOf(verdict)))
  }
  t.same(tallyOf(refuted()), { held: 6, failed: 3, unjudged: 2, refused: 3, strayed: 0 })
  t.end()
})
