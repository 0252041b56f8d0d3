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

export function titleOf(verdict: Verdict): string {
  const outcome = outcomeOf(verdict)
  if (outcome === 'holds') return 'The proof holds'
  if (outcome === 'fails') return 'The proof does not hold'
  return `Nothing fails, but ${tallyOf(verdict).unjudged} of ${count(verdict.claims.length, 'claim')} could not be judged`
}

/** `The proof holds: 11 of 11 claims, 4 of 4 controls refused` */
export function conclusionOf(verdict: Verdict): string {
  const { held, failed, unjudged, refused, strayed } = tallyOf(verdict)
  const of = `of ${count(verdict.claims.length, 'claim')}`
  const outcome = outcomeOf(verdict)
  const parts = [
    outcome === 'holds' && `${held} ${of}`,
    outcome === 'unknown' && `${held} ${held === 1 ? 'holds' : 'hold'}`,
    failed > 0 && `${failed} ${of} ${failed === 1 ? 'fails' : 'fail'}`,
    outcome === 'fails' && unjudged > 0 && `${unjudged} ${failed > 0 ? '' : `${of} `}could not be judged`,
    `${refused} of ${count(verdict.controls.length, 'control')} refused`,
    strayed > 0 && `${count(strayed, 'command')} ended otherwise than expected`
  ]
  return `${titleOf(verdict)}: ${parts.filter(Boolean).join(', ')}`
}
