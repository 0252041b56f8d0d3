import { count } from '../judge/claim.ts'
import type { Claim, Control, Evidence, Verdict } from '../model.ts'
import { foreign, type Markup, markup } from './markup.ts'
import { counted, packetFilter } from './numbers.ts'
import { badge } from './symbols.ts'

/**
 * The tables of what was claimed, of what must be refused, and of what was run. Each says its roles itself: on a narrow screen the rows become blocks, and a
 * browser would forget that they were a table.
 */

/** What one table shows of each; `--json` has all of it. */
const MAX_EVIDENCE = 100
/** Of what holds: up to so many are all shown, of more the first. */
const FEW_EVIDENCE = 6
const FIRST_EVIDENCE = 3
const MAX_STEPS = 100

export function claims({ claims }: Verdict): Markup {
  return markup`<section aria-labelledby="claims">
<h2 id="claims">Claims</h2>
<p>Each claim is tested against every byte of the capture. The framed expressions name packets: copied into the filter bar of Wireshark, they show what the sentence beside them speaks of.</p>
<table class="blocks" role="table">
<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">Verdict</th><th scope="col" role="columnheader">Claim</th><th scope="col" role="columnheader">Evidence</th></tr></thead>
<tbody role="rowgroup">${claims.map(claim)}</tbody>
</table>
</section>`
}

function claim({ id, sentence, verdict, evidence }: Claim): Markup {
  return markup`
<tr role="row" class="${verdict}" id="claim-${id}"><td role="cell" class="state">${badge(verdict)}</td><th scope="row" role="rowheader">${foreign(sentence)} <span class="id">${id}</span></th><td role="cell">${list(evidence, inWireshark, verdict === 'holds' && evidence.length > FEW_EVIDENCE ? FIRST_EVIDENCE : MAX_EVIDENCE)}</td></tr>`
}

/** What was found is said before what was looked at; of what holds, the first say enough until somebody asks. */
function list(evidence: readonly Evidence[], shown: Shown, most = MAX_EVIDENCE): Markup {
  const items = evidence.slice(0, MAX_EVIDENCE).map(each => markup`<li>${foreign(each.text)} ${shown(each)}</li>`)
  const left = evidence.length - MAX_EVIDENCE
  const rest = [
    ...items.slice(most),
    ...(left > 0 ? [markup`<li>and ${counted(left)} more, which <code>--json</code> lists</li>`] : [])
  ]
  return markup`<ul class="evidence">${items.slice(0, most)}</ul>${
    rest.length > 0 &&
    markup`<details><summary>${counted(evidence.length - most)} more</summary><ul class="evidence">${rest}</ul></details>`
  }`
}

type Shown = (evidence: Evidence) => Markup | undefined

function inWireshark({ packets, more }: Evidence): Markup | undefined {
  const expression = packetFilter(packets)
  return expression && markup`${expression}${more !== undefined && markup` and ${counted(more)} more`}`
}

export function controls({ controls, claims }: Verdict): Markup {
  const sentences = new Map(claims.map(({ id, sentence }) => [id, sentence]))
  return markup`<section aria-labelledby="controls">
<h2 id="controls">Controls that must be refused</h2>
<p>A judge that can not say no proves nothing. Each run therefore also judges captures of systems that are bad on purpose, each by one fault; the same code must find it. Their packets are numbered in captures of their own, which are made anew each time and are not part of this one.</p>
${controls.length === 0 ? markup`<p><strong>None was judged.</strong></p>` : controlTable(controls, sentences)}
</section>`
}

function controlTable(controls: readonly Control[], sentences: ReadonlyMap<string, string>): Markup {
  const rows = controls.map(({ name, claim, caught, evidence }) => {
    const verdict = caught ? badge('holds', 'Refused') : badge('fails', 'Let pass')
    return markup`
<tr role="row" class="${caught ? 'holds' : 'fails'}"><td role="cell" class="state">${verdict}</td><th scope="row" role="rowheader">${foreign(name)}</th><td role="cell"><p>Must break <a href="#claim-${claim}">${claim}</a>: ${foreign(sentences.get(claim) ?? '')}</p>${list(evidence, ownPackets)}</td></tr>`
  })
  return markup`<table class="blocks" role="table">
<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">Outcome</th><th scope="col" role="columnheader">What is wrong with it</th><th scope="col" role="columnheader">What the judge found</th></tr></thead>
<tbody role="rowgroup">${rows}</tbody>
</table>`
}

function ownPackets({ packets, more }: Evidence): Markup | undefined {
  if (packets.length === 0) return
  return markup`<span class="own">(${packets.length === 1 ? 'its packet' : 'its packets'} ${packets.join(', ')}${more !== undefined && ` and ${counted(more)} more`})</span>`
}

export function steps({ steps }: Verdict): Markup {
  const rows = steps.slice(0, MAX_STEPS).map(({ command, exit, expected }) => {
    const verdict = exit === expected ? badge('holds', 'As expected') : badge('fails', 'Otherwise')
    return markup`
<tr role="row"><td role="cell" class="state">${verdict}</td><th scope="row" role="rowheader"><code>${foreign(command)}</code></th><td role="cell" class="exit"><span class="label">exit </span>${exit}${exit !== expected && markup`, not ${expected}`}</td></tr>`
  })
  const left = steps.length - MAX_STEPS
  const table = markup`<p>Each command was a process of its own. Some must fail, such as those that were given a recording or a byte that had been changed.</p>
<table class="blocks commands" role="table">
<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">Outcome</th><th scope="col" role="columnheader">Command</th><th scope="col" role="columnheader">Exit code</th></tr></thead>
<tbody role="rowgroup">${rows}</tbody>
</table>${left > 0 && markup`<p>${count(left, 'more step')}: see <code>--json</code>.</p>`}`
  return markup`<section aria-labelledby="steps">
<h2 id="steps">What was run</h2>
${steps.length === 0 ? markup`<p>Nothing: this capture was taken elsewhere, and only judged here.</p>` : table}
</section>`
}
