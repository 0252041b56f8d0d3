import { type Claim, type Connection, DIRECTIONS, type Dissected, type Flow, SENDERS, type Stray } from '../model.ts'
import { count, Findings } from './claim.ts'
import { sidesOf } from './parts.ts'
import { findStrayed } from './strays.ts'

/** The claim `connections`: what is judged is whole, from the handshake of TCP on. */

const HANDSHAKE = 3

export function judgeConnections(all: readonly Dissected[], strays: readonly Stray[] = []): Claim {
  const findings = new Findings()
  const used = all.filter(({ connection: { up, down } }) => up.bytes.byteLength + down.bytes.byteLength > 0)
  if (used.length === 0) findings.fault('There is no connection in the capture that carried a byte.')
  for (const { connection } of used) {
    const { handshake } = connection
    const name = nameOf(connection)
    if (handshake.length < HANDSHAKE)
      findings.fault(
        `${name} begins without the handshake of TCP: ${handshake.length} of its ${HANDSHAKE} packets are there.`,
        handshake
      )
    judgeFlow(findings, `${name}: of what the dialler sent`, connection.up)
    judgeFlow(findings, `${name}: of what the listener sent`, connection.down)
  }
  // one that carried nothing that is there may have before, or after
  for (const { connection } of all) judgeEnds(findings, connection)
  const bytes = sidesOf(used).reduce((total, { flow }) => total + flow.bytes.byteLength, 0)
  findings.note(
    `${count(used.length, 'connection')} with ${count(bytes, 'byte')}; SYN, SYN-ACK and ACK of each, and the end of either flow of every connection, were looked for.`,
    used.flatMap(({ connection }) => connection.handshake)
  )
  findStrayed(findings, strays)
  if (used.length < all.length)
    findings.note(`${count(all.length - used.length, 'connection')} of which no byte is there.`)
  return findings.claim('connections')
}

const nameOf = ({ number, dialler, listener }: Connection): string => `Connection ${number} (${dialler} to ${listener})`

/** What the capture does not have the end of may have gone on; without its beginning it may have carried something before. */
function judgeEnds(findings: Findings, connection: Connection): void {
  const { handshake, up, down } = connection
  const name = nameOf(connection)
  if (handshake.length === 0 && up.bytes.byteLength + down.bytes.byteLength === 0)
    findings.doubt(`${name}: it began before the capture, and no byte of it is there: there may have been some.`)
  const open = DIRECTIONS.filter(direction => connection[direction].openAfter !== undefined)
  if (open.length === 0) return
  const who = open.map(direction => `the ${SENDERS[direction]}`).join(' and ')
  const last = open.flatMap(direction => connection[direction].openAfter ?? [])
  findings.doubt(
    `${name}: the capture has no end of what ${who} sent, no FIN and no reset: there may be more behind its last packet.`,
    last
  )
}

function judgeFlow(findings: Findings, name: string, flow: Flow): void {
  const { lost, gaps = [], differing = 0 } = flow
  // the packets on either side of what is missing
  const edges = gaps.flatMap(({ at, length }) => [at - 1, at + length])
  const packets = edges.filter(at => at >= 0 && at < flow.bytes.byteLength).map(at => flow.packetAt(at))
  if (lost > 0) findings.fault(`${name}, ${count(lost, 'byte')} are missing.`, packets)
  if (differing > 0) findings.fault(`${name}, ${count(differing, 'byte')} came twice, and not as the same.`)
}
