import { count } from './judge/claim.ts'
import type { Claim, Verdict } from './model.ts'

/** What a verdict comes to: counted, and in one line. */

export interface Tally {
  readonly held: number
  readonly failed: number
  readonly unjudged: number
  /** Controls that were refused, as all must be. */
  readonly refused: number
  /** Commands that did not end as they must. */
  readonly strayed: number
}

export function tallyOf({ claims, controls, steps }: Pick<Verdict, 'claims' | 'controls' | 'steps'>): Tally {
  const having = (verdict: Claim['verdict']): number => claims.filter(claim => claim.verdict === verdict).length
  return {
    held: having('holds'),
    failed: having('fails'),
    unjudged: having('unknown'),
    refused: controls.filter(({ caught }) => caught).length,
    strayed: steps.filter(({ exit, expected }) => exit !== expected).length
  }
}

/** `unknown`: nothing fails, and not every claim could be judged. */
export function outcomeOf(verdict: Verdict): Claim['verdict'] {
  if (!verdict.holds) return 'fails'
  return tallyOf(verdict).unjudged === 0 ? 'holds' : 'unknown'
}

const TITLES = {
  holds: 'The proof holds',
  fails: 'The proof does not hold',
  unknown: 'Nothing fails, but not all could be judged'
} as const

export function titleOf(verdict: Verdict): string {
  return TITLES[outcomeOf(verdict)]
}

/** `The proof holds: 11 of 11 claims, 4 of 4 controls refused` */
export function conclusionOf(verdict: Verdict): string {
  const { held, failed, unjudged, refused, strayed } = tallyOf(verdict)
  const of = `of ${count(verdict.claims.length, 'claim')}`
  const outcome = outcomeOf(verdict)
  const parts = [
    outcome === 'holds' && `${held} ${of}`,
    failed > 0 && `${failed} ${of} ${failed === 1 ? 'fails' : 'fail'}`,
    unjudged > 0 && `${unjudged} ${failed > 0 ? '' : `${of} `}could not be judged`,
    outcome === 'unknown' && `${held} ${held === 1 ? 'holds' : 'hold'}`,
    `${refused} of ${count(verdict.controls.length, 'control')} refused`,
    strayed > 0 && `${count(strayed, 'command')} ended otherwise than expected`
  ]
  return `${TITLES[outcome]}: ${parts.filter(Boolean).join(', ')}`
}
