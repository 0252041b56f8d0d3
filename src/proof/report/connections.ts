import { count } from '../judge/claim.ts'
import type { ConnectionPicture, Direction, FlowPicture, Verdict } from '../model.ts'
import { foreign, type Markup, markup } from './markup.ts'
import { connectionFilter, counted, filter, fixed } from './numbers.ts'
import { plots } from './plots.ts'
import { handshake, sequence } from './sequence.ts'

/** Who talked to whom: a row for each connection, and pictures of the first, so that a capture of any size gives a page that opens. */

const MAX_ROWS = 1500
const MAX_PICTURED = 24
/** Frames of all diagrams together, after which no further one is begun. */
const MAX_FRAMES = 1500

export function connections(verdict: Verdict): Markup {
  const all = verdict.connections
  const pictured = picturedOf(verdict)
  const left = all.length - pictured.size
  return markup`<section aria-labelledby="connections">
<h2 id="connections">Connections</h2>
${all.length === 0 ? markup`<p>The capture holds none.</p>` : table(all, pictured)}
${left > 0 && markup`<p>${count(pictured.size, 'connection')} ${pictured.size === 1 ? 'is' : 'are'} drawn below, those that a failed claim speaks of before all others; ${counted(left)} ${left === 1 ? 'is' : 'are'} in the table only. <code>--json</code> has all of them.</p>`}
${pictured.size > 0 && legend()}
${all.filter(each => pictured.has(each)).map(connection)}
</section>`
}

/** Those that a failed claim points at come first. */
function picturedOf({ connections, claims }: Verdict): Set<ConnectionPicture> {
  const failed = claims.filter(({ verdict }) => verdict === 'fails').flatMap(({ evidence }) => evidence)
  const packets = new Set(failed.flatMap(each => each.packets))
  const accused = connections.filter(each => each.sequence.some(({ packet }) => packets.has(packet)))
  const pictured = new Set<ConnectionPicture>()
  let frames = 0
  for (const each of [...accused, ...connections]) {
    if (pictured.size >= MAX_PICTURED || frames >= MAX_FRAMES) break
    if (!pictured.has(each)) frames += each.sequence.length
    pictured.add(each)
  }
  return pictured
}

function table(all: readonly ConnectionPicture[], pictured: ReadonlySet<ConnectionPicture>): Markup {
  const rows = all.slice(0, MAX_ROWS).map(each => tableRow(each, pictured.has(each)))
  const rest = all.slice(MAX_ROWS)
  const sum = rest.reduce((sum, each) => sum + bytesOf(each, 'up') + bytesOf(each, 'down'), 0)
  return markup`<table class="blocks overview" role="table">
<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">No.</th><th scope="col" role="columnheader">From dialler to listener</th><th scope="col" role="columnheader">Protocol</th><th scope="col" role="columnheader">Bytes up</th><th scope="col" role="columnheader">Bytes down</th><th scope="col" role="columnheader">Sealed</th></tr></thead>
<tbody role="rowgroup">${rows}</tbody>
</table>${rest.length > 0 && markup`<p>And ${count(rest.length, 'more connection')} with ${count(sum, 'byte')} together.</p>`}`
}

function tableRow(each: ConnectionPicture, pictured: boolean): Markup {
  const { number, dialler, listener, protocol, flows } = each
  const sealed = flows.reduce((sum, flow) => sum + flow.sealedBytes, 0)
  const [up, down] = [bytesOf(each, 'up'), bytesOf(each, 'down')]
  const name = markup`${foreign(dialler)} → ${foreign(listener)}`
  const percent = up + down === 0 ? '–' : `${fixed((100 * sealed) / (up + down), 1)} %`
  return markup`
<tr role="row"><td role="cell" class="n">${number}</td><th scope="row" role="rowheader">${pictured ? markup`<a href="#connection-${number}">${name}</a>` : name}</th><td role="cell">${protocol}</td><td role="cell" class="n"><span class="label">up </span>${counted(up)}</td><td role="cell" class="n"><span class="label">down </span>${counted(down)}</td><td role="cell" class="n"><span class="label">sealed </span>${percent}</td></tr>`
}

function bytesOf({ flows }: ConnectionPicture, direction: Direction): number {
  return flows.reduce((sum, flow) => sum + (flow.direction === direction ? flow.bytes : 0), 0)
}

function legend(): Markup {
  return markup`<ul class="legend">
<li><svg class="key" aria-hidden="true"><rect class="s" width="100%" height="10"/></svg>sealed: ciphertext</li>
<li><svg class="key" aria-hidden="true"><rect class="c" x="1" y="1" width="38" height="8"/></svg>clear: whoever listens can read it</li>
<li><i>file</i> carries bytes of a file</li>
<li>The arrow is the frame, its first byte ahead.</li>
</ul>`
}

function connection(picture: ConnectionPicture): Markup {
  const { number, dialler, listener, protocol, flows } = picture
  const expression = connectionFilter(picture)
  return markup`<section class="connection" aria-labelledby="connection-${number}">
<h3 id="connection-${number}">Connection ${number}: ${protocol} <span class="sub">${foreign(dialler)} → ${foreign(listener)}</span></h3>
${expression !== undefined && markup`<p>All of its packets: ${filter(expression)}</p>`}
${handshake(picture)}
${picture.sequence.length > 0 && sequence(picture)}
${flows.map(flow => (flow.bytes > 0 ? plots(flow) : silent(flow)))}
</section>`
}

function silent({ direction }: FlowPicture): Markup {
  return markup`<p>The ${direction === 'up' ? 'dialler' : 'listener'} sent nothing.</p>`
}
