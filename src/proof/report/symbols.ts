import type { Claim } from '../model.ts'
import { Markup, markup } from './markup.ts'

/** The few drawings that are used again and again. A verdict is told by shape and word first, and by colour last. */

export const SYMBOLS = new Markup(`<svg class="defs" aria-hidden="true" focusable="false">
<symbol id="holds" viewBox="0 0 20 20"><circle cx="10" cy="10" r="9" fill="currentColor"/><path d="M5.6 10.4 8.8 13.6 14.6 6.8" class="cut"/></symbol>
<symbol id="fails" viewBox="0 0 20 20"><path d="M6.2 1h7.6L19 6.2v7.6L13.8 19H6.2L1 13.8V6.2Z" fill="currentColor"/><path d="m6.6 6.6 6.8 6.8m0-6.8-6.8 6.8" class="cut"/></symbol>
<symbol id="unknown" viewBox="0 0 20 20"><circle cx="10" cy="10" r="8.2" fill="none" stroke="currentColor" stroke-width="1.6" stroke-dasharray="3.2 2"/><path d="M7.4 7.8a2.6 2.6 0 1 1 3.9 2.2c-.9.5-1.3 1-1.3 1.9m0 2.4v.3" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round"/></symbol>
<symbol id="right" overflow="visible"><path d="M0 0v14l11-7Z"/></symbol><symbol id="left" overflow="visible"><path d="M0 0v14l-11-7Z"/></symbol>
<pattern id="open" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0v5" class="hatch"/></pattern>
</svg>`)

export const VERDICT_WORDS: Readonly<Record<Claim['verdict'], string>> = {
  holds: 'Holds',
  fails: 'Fails',
  unknown: 'Not judged'
}

export function badge(verdict: Claim['verdict'], words: string = VERDICT_WORDS[verdict]): Markup {
  return markup`<span class="badge ${verdict}"><svg aria-hidden="true"><use href="#${verdict}"/></svg>${words}</span>`
}
