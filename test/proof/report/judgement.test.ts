import t from 'tap'
import type { Verdict } from '../../../src/proof/model.ts'
import { judgement, titleOf } from '../../../src/proof/report/judgement.ts'
import { held, refuted } from '../../fixtures/verdict.ts'

const words = (verdict: Verdict): string => judgement(verdict).source.replace(/<[^>]+>/g, ' ')

t.test('a judgement claims no more than the verdict does', t => {
  t.equal(titleOf(held()), 'The proof holds')
  t.match(words(held()), 'Every claim below was tested against this capture, and holds.')
  t.equal(titleOf(refuted()), 'The proof does not hold')
  const open = held({ claims: held().claims.map((each, at) => (at < 2 ? { ...each, verdict: 'unknown' } : each)) })
  t.equal(titleOf(open), 'The proof holds, as far as it could be judged')
  t.match(words(open), '2 claims could not be judged: of those it proves nothing, either way.')
  t.notMatch(words(open), 'but not what')
  t.end()
})

t.test('why it does not hold: claims with links to them, controls that were let pass, steps that went wrong', t => {
  const text = words(refuted())
  t.match(text, '3 claims below are refuted')
  t.match(text, 'The judge let 1 bad capture pass')
  const failed = refuted().claims.filter(({ verdict }) => verdict === 'fails')
  for (const { id, sentence } of failed)
    t.match(judgement(refuted()).source, `<a href="#claim-${id}"><bdi>${sentence}</bdi></a>`)
  const strayed = words(held({ holds: false, steps: [{ command: 'sft get', exit: 75, expected: 0 }] }))
  t.match(strayed, 'What was run did not end as it should.')
  t.notMatch(strayed, 'refuted')
  t.end()
})

t.test('when it was captured, and for how long; a capture without times does not say', t => {
  const { capture } = held()
  const lasting = (ended: string): string => words(held({ capture: { ...capture, ended } }))
  t.match(lasting('2026-11-27T16:30:55.900Z'), '27 November 2026, 16:19:31 UTC , for 11 min 24\u00a0s')
  t.match(lasting('2026-11-27T16:19:30.000Z'), 'for 0.0\u00a0s')
  const { began, ended, ...timeless } = capture
  t.notMatch(words(held({ capture: timeless })), 'Captured')
  t.end()
})
