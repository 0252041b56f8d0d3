import type { ConnectionPicture, Frame } from '../model.ts'
import { html, type Markup } from './markup.ts'
import { counted, milliseconds } from './words.ts'

/** The frames of a connection, each between the two who speak, in the order of the wire. */

type Row = ConnectionPicture['sequence'][number]

/** Where a gap is told: behind the first of those that are shown. */
const FIRST = 300

export function sequence({ number, dialler, listener, sequence: rows, omitted }: ConnectionPicture): Markup {
  const first = omitted > 0 ? rows.slice(0, FIRST) : rows
  const last = rows.slice(first.length)
  const gap = omitted > 0 && html`<tr class="gap"><td colspan="5">${counted(omitted, 'frame')} more</td></tr>`
  return html`<div class="scroll" role="region" tabindex="0" aria-label="Frames of connection ${number}">
<table class="sequence">
<thead><tr><th scope="col">ms</th><th scope="col">packet</th><th scope="col"><span class="ends"><span>${dialler}</span> <span>${listener}</span></span></th><th scope="col">bytes</th><th scope="col">of these sealed</th></tr></thead>
<tbody>
${first.map(rowOf)}${gap}${last.map(rowOf)}</tbody>
</table>
</div>`
}

function rowOf({ direction, label, length, sealed, detail, packet, ms }: Row): Markup {
  const way = direction === 'up' ? 'to the right' : 'to the left'
  return html`<tr><td class="number">${milliseconds(ms)}</td><td class="number">${packet}</td><td><span class="arrow ${direction}"><span class="label"><b>${label}</b>${detail && html` <span class="detail">${detail}</span>`}<span class="hidden"> ${way}</span></span><span class="shaft">${parts({ length, sealed })}</span></span></td><td class="number">${length.toLocaleString('en-US')}</td><td class="number">${sealed ? sealed.length.toLocaleString('en-US') : 'none'}</td></tr>
`
}

/** The line of an arrow: solid where anybody can read, hatched where it is sealed, in the measure of the bytes. */
function parts({ length, sealed }: Pick<Frame, 'length' | 'sealed'>): Markup {
  const share = sealed && length > 0 ? Math.round((sealed.length / length) * 100) : 0
  return html`<svg class="bytes" width="100%" height="6" aria-hidden="true"><rect class="clear" width="${100 - share}%" height="6"/><rect class="sealed" x="${100 - share}%" width="${share}%" height="6"/></svg>`
}
