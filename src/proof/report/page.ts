import { createHash } from 'node:crypto'
import type { Claim, Verdict } from '../model.ts'
import { claimsTable, controlsTable, stepsTable } from './claims.ts'
import { connectionsSection } from './connections.ts'
import { html, Markup } from './markup.ts'
import { STYLE } from './style.ts'
import { bytes, counted } from './words.ts'

/**
 * A judgement as one HTML file that needs nothing else: no network, no script. All that comes from a capture is text in it (`html`), and its policy
 * allows nothing but its own style.
 */
export function reportOf(verdict: Verdict): string {
  const { claims, controls, steps, connections } = verdict
  const title = verdict.holds ? 'sft proof: it holds' : 'sft proof: it does not hold'
  return html`${new Markup('<!doctype html>')}
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '${STYLE_HASH}'">
<title>${title}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
${HATCH}
<main>
<header>
<p class="kicker">sft proof · ${verdict.made.at} · ${verdict.made.by}</p>
${judgement(verdict)}
${facts(verdict)}
</header>
<section aria-labelledby="claims">
<h2 id="claims">What is claimed</h2>
${claimsTable(claims)}
</section>
<section aria-labelledby="controls">
<h2 id="controls">What the same judge must refuse</h2>
<p>A judge that can not say no proves nothing. So these were judged beside the capture, by the same code: each is a system with one fault.</p>
${controlsTable(controls, claims)}
</section>
${
  steps.length > 0 &&
  html`<section aria-labelledby="steps">
<h2 id="steps">What was run</h2>
${stepsTable(steps)}
</section>`
}
${LEGEND}
${connectionsSection(connections)}
${LIMITS}
</main>
</body>
</html>
`.text
}

const STYLE_HASH = `sha256-${createHash('sha256').update(STYLE).digest('base64')}`

/** What is sealed is hatched, wherever it is drawn. */
const HATCH = html`<svg class="hidden" aria-hidden="true"><defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="hatch" d="M0 0V6"/></pattern></defs></svg>`

const LEGEND = html`<section aria-labelledby="legend">
<h2 id="legend">How to read what follows</h2>
<p class="legend"><span><svg aria-hidden="true"><rect class="clear" width="100%" height="100%"/></svg> empty: anybody can read it</span> <span><svg aria-hidden="true"><rect class="sealed" width="100%" height="100%"/></svg> hatched: sealed</span></p>
<p>In the histograms the dashed line is how often each value stands in as many random bytes, and the band where nearly all of them stay. In the plots of entropy it is what random pieces of that length have.</p>
</section>`

const LIMITS = html`<section aria-labelledby="limits">
<h2 id="limits">What every capture shows</h2>
<p>Whoever listens always sees who talked to whom, when, and how many bytes: addresses, ports, times and sizes are not hidden, here or in any system of this kind. So the size of a file can be told from what was sent.</p>
<p>To repeat it by hand: open the capture in Wireshark with <code>wireshark/sft.lua</code>, put a filter of this page (they are selected whole) into its filter bar, and look at the packets. <code>docs/proof.md</code> has each step.</p>
</section>`

function judgement({ holds, claims, controls }: Verdict): Markup {
  const of = (verdict: Claim['verdict']): number => claims.filter(claim => claim.verdict === verdict).length
  const caught = controls.filter(control => control.caught).length
  const open = of('unknown')
  const figures = `${counted(of('holds'), 'claim')} of ${claims.length} hold, ${of('fails')} fail${open > 0 ? `, ${open} could not be judged` : ''}; ${caught} of ${counted(controls.length, 'control')} were caught.`
  const [heading, words] = holds
    ? [
        'What was captured keeps its secrets',
        'Nothing that was to stay secret can be read from this capture, and the judge that says so has refused every system that leaks.'
      ]
    : [
        'What was captured does not keep its secrets',
        'At least one claim fails, or a control was not caught: see those that are marked ✗.'
      ]
  return html`<div class="verdict ${holds ? 'holds' : 'fails'}">
<h1>${heading}</h1>
<p>${words}</p>
<p>${figures}</p>
</div>`
}

function facts({ capture, connections }: Verdict): Markup {
  return html`<dl>
<dt>Capture</dt><dd>${capture.name}: ${counted(capture.packets, 'packet')}, ${bytes(capture.bytes)}, ${counted(connections.length, 'connection')}</dd>
<dt>SHA-256 of it</dt><dd><code>${capture.sha256}</code></dd>
</dl>`
}
