import { count } from '../judge/claim.ts'
import type { Claim, Verdict } from '../model.ts'
import { foreign, type Markup, markup } from './markup.ts'
import { counted, fixed } from './numbers.ts'

/** The head of the report: the judgement in words for who has to decide, and what exactly it is about. */

const HASH_GROUP = 8

export function judgement(verdict: Verdict): Markup {
  const kind = verdict.holds ? 'holds' : 'fails'
  return markup`<header class="judgement ${kind}">
<p class="kicker">sft proof · judgement of a capture</p>
<h1><svg aria-hidden="true"><use href="#${kind}"/></svg>${titleOf(verdict)}</h1>
<p class="lead">${leadOf(verdict)}</p>
${refuted(verdict)}
${tally(verdict)}
${captured(verdict)}
</header>`
}

export function titleOf(verdict: Verdict): string {
  if (!verdict.holds) return 'The proof does not hold'
  return by(verdict.claims, 'unknown') === 0 ? 'The proof holds' : 'The proof holds, as far as it could be judged'
}

const by = (claims: readonly Claim[], verdict: Claim['verdict']): number =>
  claims.filter(claim => claim.verdict === verdict).length

function leadOf({ claims, controls, holds }: Verdict): string {
  const failed = by(claims, 'fails')
  const missed = controls.filter(({ caught }) => !caught).length
  const open = by(claims, 'unknown')
  if (holds && open > 0)
    return `Nothing in this capture refutes a claim, but ${count(open, 'claim')} could not be judged: of ${open === 1 ? 'that' : 'those'} it proves nothing, either way.`
  if (holds)
    return 'Every claim below was tested against this capture, and holds. Whoever listened learned that something was transferred and how large it was, but not what, and not by which user.'
  const reasons = [
    failed > 0 &&
      `${count(failed, 'claim')} below ${failed === 1 ? 'is' : 'are'} refuted by this capture: somebody who listened could learn, change or use again what should have been safe.`,
    missed > 0 &&
      `The judge let ${count(missed, 'bad capture')} pass that it must refuse, so that nothing it says here can be relied on.`
  ]
  return reasons.filter(Boolean).join(' ') || 'What was run did not end as it should.'
}

function refuted({ claims }: Verdict): Markup | undefined {
  const failed = claims.filter(({ verdict }) => verdict === 'fails')
  if (failed.length === 0) return
  const items = failed.map(({ id, sentence }) => markup`<li><a href="#claim-${id}">${foreign(sentence)}</a></li>`)
  return markup`<p>What was claimed, and is not so:</p><ul class="refuted">${items}</ul>`
}

function tally({ claims, controls }: Verdict): Markup {
  const [held, failed, open] = (['holds', 'fails', 'unknown'] as const).map(verdict => by(claims, verdict))
  const caught = controls.filter(each => each.caught).length
  const controlled = controls.length > 0 && caught === controls.length
  return markup`<ul class="tally">
<li><a href="#claims"><b>${held ?? 0}</b> of ${count(claims.length, 'claim')} ${held === 1 ? 'holds' : 'hold'}</a></li>
<li><a href="#claims"><b>${failed ?? 0}</b> ${failed === 1 ? 'fails' : 'fail'}</a></li>
<li><a href="#claims"><b>${open ?? 0}</b> not judged</a></li>
<li><a href="#controls"><b>${caught}</b> of ${count(controls.length, 'control')} refused${!controlled && ', as all must be'}</a></li>
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
