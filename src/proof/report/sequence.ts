import { count } from '../judge/claim.ts'
import { type ConnectionPicture, type Direction, SHOWN_FRAMES } from '../model.ts'
import { folded, type Row, type Shown } from './folded.ts'
import { foreign, type Markup, markup } from './markup.ts'
import { counted, fixed, packetFilter } from './numbers.ts'

/**
 * The sequence diagram, as a table that every reader can read: a row is a frame, its arrow goes from one lifeline to the other, and the arrow's shaft is the frame
 * itself, the first byte ahead: filled where it is sealed, open and hatched where anybody reads it.
 */

const MAX_LABEL = 40
const MAX_DETAIL = 120
/** A part of a shaft that is there can be seen, in per cent. */
const LEAST_SEEN = 3

export function sequence(picture: ConnectionPicture): Markup {
  const cut = picture.omitted > 0 ? SHOWN_FRAMES.first : picture.sequence.length
  const rows = [
    ...folded(picture.sequence.slice(0, cut)).map(row),
    ...(picture.omitted > 0 ? [omitted(picture.omitted)] : []),
    ...folded(picture.sequence.slice(cut)).map(row)
  ]
  return markup`<table class="sequence" role="table" aria-label="Frames of connection ${picture.number}">
<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">Packet</th><th scope="col" role="columnheader">ms</th><th scope="col" role="columnheader" class="ends"><span>dialler<br>${foreign(picture.dialler)}</span> <span>listener<br>${foreign(picture.listener)}</span></th><th scope="col" role="columnheader">Clear<br>bytes</th><th scope="col" role="columnheader">Sealed<br>bytes</th></tr></thead>
<tbody role="rowgroup">${rows}</tbody>
</table>`
}

function row({ frame, run }: Row): Markup {
  const { direction, label, detail, packet, ms, content } = frame
  const [clear, sealed] = sums(run ?? [frame])
  const last = run?.at(-1)
  const title = run ? markup`${foreign(label, MAX_LABEL)} × ${counted(run.length)}` : foreign(label, MAX_LABEL)
  const what = run ? lengths(run) : markup`${foreign(detail, MAX_DETAIL)}`
  return markup`
<tr role="row" class="${direction}${run ? ' run' : ''}"><td role="cell" class="p">${counted(packet)}${last && last.packet !== packet && `–${counted(last.packet)}`}</td><td role="cell" class="t">${fixed(ms, 2)}</td><th scope="row" role="rowheader" class="f"><span class="w"><span class="said">${direction === 'up' ? 'to the listener' : 'to the dialler'}: </span><b>${title}</b>${content && markup` <i>file</i>`} ${what}</span>${arrow(direction, clear, sealed)}</th><td role="cell" class="c">${counted(clear)}</td><td role="cell" class="s">${counted(sealed)}</td></tr>`
}

function sums(frames: readonly Shown[]): [clear: number, sealed: number] {
  const sealed = frames.reduce((sum, frame) => sum + (frame.sealed?.length ?? 0), 0)
  return [frames.reduce((sum, { length }) => sum + length, 0) - sealed, sealed]
}

/** `65,557 bytes each` */
function lengths(run: readonly Shown[]): Markup {
  const all = run.map(({ length }) => length)
  const [least, most] = [Math.min(...all), Math.max(...all)]
  return least === most ? markup`${count(most, 'byte')} each` : markup`${counted(least)} to ${count(most, 'byte')} each`
}

function omitted(frames: number): Markup {
  return markup`
<tr role="row" class="run"><td role="cell" class="p">…</td><td role="cell" class="t"></td><th scope="row" role="rowheader" class="f"><span class="w">${count(frames, 'more frame')}, not shown</span></th><td role="cell" class="c"></td><td role="cell" class="s"></td></tr>`
}

function arrow(direction: Direction, clear: number, sealed: number): Markup {
  const total = clear + sealed
  if (total === 0) return markup``
  const least = (part: number): number =>
    part === 0 ? 0 : Math.min(100 - LEAST_SEEN, Math.max(LEAST_SEEN, (100 * part) / total))
  const open = sealed === 0 ? 100 : clear === 0 ? 0 : least(clear)
  const up = direction === 'up'
  const [openAt, sealedAt] = up ? [100 - open, 0] : [0, open]
  const part = (kind: string, at: number, width: number): Markup =>
    markup`<rect class="${kind}" x="${at.toFixed(1)}%" y="4" width="${width.toFixed(1)}%" height="6"/>`
  return markup`<svg class="arrow ${sealed > clear ? 'filled' : 'open'}" aria-hidden="true">${open < 100 && part('s', sealedAt, 100 - open)}${open > 0 && part('c', openAt, open)}<use href="#${up ? 'right' : 'left'}" x="${up ? '100%' : '0'}"/></svg>`
}

export function handshake({ handshake }: ConnectionPicture): Markup {
  const seen = ['SYN', 'SYN-ACK', 'ACK'].slice(0, handshake.length).join(', ')
  return handshake.length === 0
    ? markup`<p>The capture does not hold the beginning of this connection: no TCP handshake was seen.</p>`
    : markup`<p>TCP handshake (${seen}): ${packetFilter(handshake)}</p>`
}
