import { outcomeOf, tallyOf, titleOf } from '../conclusion.ts'
import { count } from '../judge/claim.ts'
import type { Verdict } from '../model.ts'
import { foreign, type Markup, markup } from './markup.ts'
import { counted, fixed } from './numbers.ts'

/** The head of the report: the judgement in words for who has to decide, and what exactly it is about. */

const HASH_GROUP = 8

export function judgement(verdict: Verdict): Markup {
  const kind = outcomeOf(verdict)
  return markup`<header class="judgement ${kind}">
<p class="kicker">sft proof · judgement of a capture</p>
<h1><svg aria-hidden="true"><use href="#${kind}"/></svg>${titleOf(verdict)}</h1>
<p class="lead">${leadOf(verdict)}</p>
${refuted(verdict)}
${tally(verdict)}
${captured(verdict)}
</header>`
}

function leadOf(verdict: Verdict): string {
  const { failed, unjudged: open, refused, strayed } = tallyOf(verdict)
  const missed = verdict.controls.length - refused
  const outcome = outcomeOf(verdict)
  if (outcome === 'unknown')
    return `Nothing in this capture refutes a claim, but ${count(open, 'claim')} could not be judged: of ${open === 1 ? 'that' : 'those'} it proves nothing, either way.`
  if (outcome === 'holds')
    return 'Every claim below was tested against this capture, and holds. Whoever listened learned that something was transferred and how large it was, but not what, and not by which user.'
  const reasons = [
    failed > 0 &&
      `${count(failed, 'claim')} below ${failed === 1 ? 'is' : 'are'} refuted by this capture: somebody who listened could learn, change or use again what should have been safe.`,
    missed > 0 &&
      `The judge let ${count(missed, 'bad capture')} pass that it must refuse, so that nothing it says here can be relied on.`,
    strayed > 0 && 'What was run did not end as it should.',
    failed === 0 &&
      open > 0 &&
      `${count(open, 'claim')} could not be judged, where a run has all that it takes: what it could not say has not been shown.`
  ]
  return reasons.filter(Boolean).join(' ')
}

function refuted({ claims }: Verdict): Markup | undefined {
  const failed = claims.filter(({ verdict }) => verdict === 'fails')
  if (failed.length === 0) return
  const items = failed.map(({ id, sentence }) => markup`<li><a href="#claim-${id}">${foreign(sentence)}</a></li>`)
  return markup`<p>What was claimed, and is not so:</p><ul class="refuted">${items}</ul>`
}

function tally(verdict: Verdict): Markup {
  const { claims, controls } = verdict
  const { held, failed, unjudged, refused } = tallyOf(verdict)
  const controlled = controls.length > 0 && refused === controls.length
  return markup`<ul class="tally">
<li><a href="#claims"><b>${held}</b> of ${count(claims.length, 'claim')} ${held === 1 ? 'holds' : 'hold'}</a></li>
<li><a href="#claims"><b>${failed}</b> ${failed === 1 ? 'fails' : 'fail'}</a></li>
<li><a href="#claims"><b>${unjudged}</b> not judged</a></li>
<li><a href="#controls"><b>${refused}</b> of ${count(controls.length, 'control')} refused${!controlled && ', as all must be'}</a></li>
</ul>`
}

function captured({ capture, connections, made }: Verdict): Markup {
  const groups = capture.sha256.match(new RegExp(`.{1,${HASH_GROUP}}`, 'gsu')) ?? []
  return markup`<h2 id="captured">What was judged</h2>
<dl class="facts">
<div><dt>Capture</dt><dd>${foreign(capture.name)}</dd></div>
<div><dt>Size</dt><dd>${count(capture.packets, 'packet')}, ${count(capture.bytes, 'byte')}, ${count(connections.length, 'connection')}</dd></div>
${capture.began !== undefined && markup`<div><dt>Captured</dt><dd>${moment(capture.began)}${capture.ended !== undefined && markup`, for ${lasted(capture.began, capture.ended)}`}</dd></div>`}
<div><dt>Judged</dt><dd>${moment(made.at)}, by ${foreign(made.by)}</dd></div>
<div class="wide"><dt>SHA-256 of the capture</dt><dd class="hash" aria-label="${capture.sha256}">${groups.map(group => markup`<span>${group}</span>`)}</dd></div>
</dl>`
}

/** `18.4 s`, `11 min 24 s`, on one line; a packet that is older than the first is no reason for a minus. */
function lasted(began: string, ended: string): string {
  const seconds = Math.max(0, Date.parse(ended) - Date.parse(began)) / 1000
  if (!(seconds >= 60)) return `${fixed(seconds, 1)}\u00a0s`
  return `${counted(Math.floor(seconds / 60))} min ${Math.floor(seconds % 60)}\u00a0s`
}

/** `27 November 2026, 16:20:07 UTC`; what is no date is shown as it is. */
function moment(at: string): Markup {
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return foreign(at)
  const day = date.toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' })
  const time = date.toLocaleTimeString('en-GB', { timeZone: 'UTC' })
  return markup`<time datetime="${date.toISOString()}">${day}, ${time} UTC</time>`
}
