import t from 'tap'
import type { Verdict } from '../../../src/proof/model.ts'
import { judgement } from '../../../src/proof/report/judgement.ts'
import { held, refuted } from '../../fixtures/verdict.ts'

const words = (verdict: Verdict): string => judgement(verdict).source.replace(/<[^>]+>/g, ' ')

/** Of which so many claims could not be judged. */
function openOf(claims: number): Verdict {
  return held({
    claims: held().claims.map((each, at) => (at < claims ? { ...each, verdict: 'unknown' } : each))
  })
}

t.test('a judgement claims no more than the verdict does', t => {
  t.match(words(held()), /The proof holds\s/)
  t.match(words(held()), 'Every claim below was tested against this capture, and holds.')
  t.match(words(refuted()), 'The proof does not hold')
  const open = openOf(2)
  t.match(words(open), 'Nothing fails, but 2 of 11 claims could not be judged')
  t.match(judgement(open).source, '<header class="judgement unknown">')
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
  const incomplete = words(held({ ...openOf(1), holds: false }))
  t.match(incomplete, '1 claim could not be judged, where a run has all that it takes')
  t.notMatch(incomplete, 'did not end')
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
