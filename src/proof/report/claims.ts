import type { Claim, Control, Evidence, Verdict } from '../model.ts'
import { html, type Markup } from './markup.ts'
import { packetFilter } from './words.ts'

/** What is claimed, with what speaks for it; and what the same judge must refuse. */

const MARKS = { holds: '✓', fails: '✗', unknown: '?' } as const
const WORDS = { holds: 'holds', fails: 'fails', unknown: 'not judged' } as const
/** Of one claim; a bad capture has thousands of pieces of evidence, and the first are as good as all. */
const MAX_EVIDENCE = 40

function verdictMark(verdict: Claim['verdict']): Markup {
  return html`<span class="mark ${verdict}"><span aria-hidden="true">${MARKS[verdict]}</span> ${WORDS[verdict]}</span>`
}

/** The roles are said, since on a phone its rows are no rows to a browser. */
export function claimsTable(claims: readonly Claim[]): Markup {
  return html`<table class="claims" role="table">
<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">Claim</th><th scope="col" role="columnheader">Verdict</th><th scope="col" role="columnheader">Evidence</th></tr></thead>
<tbody role="rowgroup">
${claims.map(
  claim => html`<tr role="row" id="claim-${claim.id}"><th scope="row" role="rowheader">${claim.sentence}</th><td role="cell">${verdictMark(claim.verdict)}</td><td role="cell">${evidenceList(claim.evidence)}</td></tr>
`
)}</tbody>
</table>`
}

function evidenceList(evidence: readonly Evidence[]): Markup {
  const more = evidence.length - MAX_EVIDENCE
  return html`<ul>${evidence.slice(0, MAX_EVIDENCE).map(({ text, packets }) => html`<li>${text}${packets.length > 0 && html` <code class="filter">${packetFilter(packets)}</code>`}</li>`)}${more > 0 && html`<li>and ${more} more</li>`}</ul>`
}

export function controlsTable(controls: readonly Control[], claims: readonly Claim[]): Markup {
  const sentenceOf = (control: Control): string =>
    claims.find(({ id }) => id === control.claim)?.sentence ?? control.claim
  return html`<table class="controls" role="table">
<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">A system with this fault</th><th scope="col" role="columnheader">must fail</th><th scope="col" role="columnheader">and was</th><th scope="col" role="columnheader">Evidence</th></tr></thead>
<tbody role="rowgroup">
${controls.map(
  control => html`<tr role="row"><th scope="row" role="rowheader">${control.name}</th><td role="cell">${sentenceOf(control)}</td><td role="cell"><span class="mark ${control.caught ? 'holds' : 'fails'}"><span aria-hidden="true">${control.caught ? MARKS.holds : MARKS.fails}</span> ${control.caught ? 'caught' : 'not caught'}</span></td><td role="cell">${evidenceList(control.evidence.slice(0, 3))}</td></tr>
`
)}</tbody>
</table>`
}

/** The commands that were run, and how each has ended. */
export function stepsTable(steps: Verdict['steps']): Markup {
  return html`<div class="scroll" role="region" tabindex="0" aria-label="Commands that were run">
<table class="steps">
<thead><tr><th scope="col">Command</th><th scope="col" class="number">exit</th><th scope="col" class="number">expected</th></tr></thead>
<tbody>
${steps.map(
  ({ command, exit, expected }) =>
    html`<tr><td><code>${command}</code></td><td class="number">${exit}</td><td class="number">${expected}</td></tr>
`
)}</tbody>
</table>
</div>`
}
