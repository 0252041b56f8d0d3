import { count } from '../judge/claim.ts'
import {
  type ConnectionPicture,
  type Direction,
  type FlowPicture,
  type Protocol,
  SENDERS,
  type Verdict
} from '../model.ts'
import { foreign, Markup, markup } from './markup.ts'
import { connectionFilter, counted, filter, fixed } from './numbers.ts'
import { plots } from './plots.ts'
import { handshake, sequence } from './sequence.ts'

/** Who talked to whom: a row for each connection, and pictures of the first, so that a capture of any size gives a page that opens. */

const MAX_ROWS = 1500
const MAX_PICTURED = 24
/** Unfolded at first: not TLS, which looks the same each time. */
const MAX_OPENED = 6
/** Frames of all diagrams together, after which no further one is begun. */
const MAX_FRAMES = 1500
/** Bytes of a flow that can be drawn: of fewer, every picture looks the same. */
const LEAST_DRAWN = 1024

const PROTOCOLS: Readonly<Record<Protocol, string>> = {
  'sft session': 'sft session',
  'sft pipe': 'sft pipe',
  classic: 'classic system',
  tls: 'TLS',
  http: 'HTTP',
  unknown: 'not recognised'
}

export function connections(verdict: Verdict): Markup {
  const all = verdict.connections
  const accused = accusedOf(verdict)
  const pictured = picturedOf([...accused, ...all])
  const opened = new Set([...accused, ...all.filter(({ protocol }) => protocol !== 'tls')].slice(0, MAX_OPENED))
  const left = all.length - pictured.size
  return markup`<section aria-labelledby="connections">
<h2 id="connections">Connections</h2>
${all.length === 0 ? markup`<p>The capture holds none.</p>` : markup`<p>Wireshark counts connections from 0: No. 1 is ${filter('tcp.stream eq 0')} there.</p>${table(all, pictured)}`}
${left > 0 && markup`<p>${count(pictured.size, 'connection')} ${pictured.size === 1 ? 'is' : 'are'} drawn below, those that a failed claim speaks of before all others; ${counted(left)} ${left === 1 ? 'is' : 'are'} in the table only. <code>--json</code> has all of them.</p>`}
${pictured.size > 0 && legend()}
${all.filter(each => pictured.has(each)).map(each => connection(each, opened.has(each)))}
</section>`
}

/** Those that a failed claim points at. */
function accusedOf({ connections, claims }: Verdict): ConnectionPicture[] {
  const failed = claims.filter(({ verdict }) => verdict === 'fails').flatMap(({ evidence }) => evidence)
  const packets = new Set(failed.flatMap(each => each.packets))
  return connections.filter(each => each.sequence.some(({ packet }) => packets.has(packet)))
}

function picturedOf(inTurn: readonly ConnectionPicture[]): Set<ConnectionPicture> {
  const pictured = new Set<ConnectionPicture>()
  let frames = 0
  for (const each of inTurn) {
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
  const percent = up + down === 0 ? '–' : `${fixed(Math.floor((1000 * sealed) / (up + down)) / 10, 1)} %`
  return markup`
<tr role="row"><td role="cell" class="n">${number}</td><th scope="row" role="rowheader">${pictured ? markup`<a href="#connection-${number}">${name}</a>` : name}</th><td role="cell">${PROTOCOLS[protocol]}</td><td role="cell" class="n"><span class="label">up </span>${counted(up)}</td><td role="cell" class="n"><span class="label">down </span>${counted(down)}</td><td role="cell" class="n"><span class="label">sealed </span>${percent}</td></tr>`
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

function connection(picture: ConnectionPicture, open: boolean): Markup {
  const { number, dialler, listener, protocol, flows } = picture
  const expression = connectionFilter(picture)
  return markup`<details class="connection"${open && new Markup(' open')}>
<summary><h3 id="connection-${number}">Connection ${number}: ${PROTOCOLS[protocol]} <span class="sub">${foreign(dialler)} → ${foreign(listener)}</span></h3></summary>
${expression !== undefined && markup`<p>All of its packets: ${filter(expression)}</p>`}
${handshake(picture)}
${picture.sequence.length > 0 && sequence(picture)}
${flows.map(flow => (flow.bytes < LEAST_DRAWN ? small(flow) : plots(flow)))}
</details>`
}

function small({ direction, bytes, sealedBytes }: FlowPicture): Markup {
  const who = SENDERS[direction]
  if (bytes === 0) return markup`<p>The ${who} sent nothing.</p>`
  return markup`<p>The ${who} sent ${count(bytes, 'byte')}, ${sealedBytes === 0 ? 'none' : counted(sealedBytes)} of them sealed: too few for a picture.</p>`
}
