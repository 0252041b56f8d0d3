import { createHash } from 'node:crypto'
import { titleOf } from '../conclusion.ts'
import type { Verdict } from '../model.ts'
import { claims, controls, steps } from './claims.ts'
import { always, byHand } from './closing.ts'
import { connections } from './connections.ts'
import { judgement } from './judgement.ts'
import { legible, Markup, markup } from './markup.ts'
import { STYLE } from './style.ts'
import { SYMBOLS } from './symbols.ts'

/**
 * A judgement as one HTML file. It fetches nothing and runs nothing: the policy allows one style sheet, by its hash, so that even markup which slipped through
 * could do no more than look odd.
 */

const HASH = createHash('sha256').update(STYLE).digest('base64')
const POLICY = `default-src 'none'; style-src 'sha256-${HASH}'; base-uri 'none'; form-action 'none'`
const MAX_TITLE = 80

export function reportOf(verdict: Verdict): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${titleOf(verdict)}: ${legible(verdict.capture.name, MAX_TITLE)}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
${SYMBOLS}
<main>
${judgement(verdict)}
${claims(verdict)}
${controls(verdict)}
${steps(verdict)}
${connections(verdict)}
${always()}
${byHand(verdict)}
</main>
</body>
</html>
`.source
}
