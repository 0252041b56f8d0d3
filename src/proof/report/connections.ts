import type { ConnectionPicture, FlowPicture } from '../model.ts'
import { html, type Markup } from './markup.ts'
import { entropyAlong, histogram } from './plots.ts'
import { sequence } from './sequence.ts'
import { bytes, counted, packetFilter } from './words.ts'

/** The connections of a capture: all in a table, the first of them drawn. */

/** A page of more is no page. */
const MAX_DRAWN = 16
const MAX_LISTED = 500

export function connectionsSection(connections: readonly ConnectionPicture[]): Markup {
  const undrawn = connections.length - MAX_DRAWN
  return html`<section aria-labelledby="connections">
<h2 id="connections">What passed</h2>
${overview(connections)}
${undrawn > 0 && html`<p>The first ${MAX_DRAWN} are drawn here; all ${connections.length} were judged.</p>`}
${connections.slice(0, MAX_DRAWN).map(drawn)}
</section>`
}

function overview(connections: readonly ConnectionPicture[]): Markup {
  const unlisted = connections.length - MAX_LISTED
  return html`<div class="scroll" role="region" tabindex="0" aria-label="All connections">
<table class="overview">
<thead><tr><th scope="col" class="number">No.</th><th scope="col">who dialled</th><th scope="col">whom</th><th scope="col">what it is</th><th scope="col" class="number">sent</th><th scope="col" class="number">answered</th></tr></thead>
<tbody>
${connections.slice(0, MAX_LISTED).map(listed)}</tbody>
</table>
</div>
${unlisted > 0 && html`<p>And ${counted(unlisted, 'connection')} more.</p>`}`
}

function listed({ number, dialler, listener, protocol, flows }: ConnectionPicture): Markup {
  const size = (direction: FlowPicture['direction']): string =>
    bytes(flows.find(flow => flow.direction === direction)?.bytes ?? 0)
  return html`<tr><td class="number">${number}</td><td>${dialler}</td><td>${listener}</td><td>${protocol}</td><td class="number">${size('up')}</td><td class="number">${size('down')}</td></tr>
`
}

function drawn(connection: ConnectionPicture): Markup {
  const { number, dialler, listener, protocol, handshake, flows } = connection
  return html`<section class="connection" aria-labelledby="connection-${number}">
<h3 id="connection-${number}">Connection ${number}: ${protocol}</h3>
<p>${dialler} dialled ${listener}. ${
    handshake.length > 0
      ? html`The TCP handshake is in the packets <code class="filter">${packetFilter(handshake)}</code>`
      : 'Its TCP handshake is not in the capture'
  }.</p>
<div class="flows">${flows.filter(flow => flow.bytes > 0).map(flow => drawnFlow(flow, connection))}</div>
${sequence(connection)}
</section>`
}

function drawnFlow(flow: FlowPicture, { dialler, listener }: ConnectionPicture): Markup {
  const [from, to] = flow.direction === 'up' ? [dialler, listener] : [listener, dialler]
  const share = ((flow.sealedBytes / flow.bytes) * 100).toFixed(flow.sealedBytes === flow.bytes ? 0 : 1)
  return html`<div class="flow">
<h4>${from} → ${to}</h4>
<p>${counted(flow.bytes, 'byte')}, ${flow.sealedBytes === 0 ? 'none of them' : `${share} % of them`} sealed</p>
${histogram(flow)}
${entropyAlong(flow)}
</div>`
}
