import type { Dissected, Frame, Stray, StrayKind } from '../model.ts'
import { count, Findings } from './claim.ts'
import type { Side } from './parts.ts'

/** What is in no flow. Anybody can read it all the same: so it is looked through as if somebody had sent it, one packet's bytes behind the other's. */

const NAMES: Readonly<Record<StrayKind, string>> = {
  fragment: 'fragments of IP packets with TCP in them',
  misplaced: 'segments that have no place in their connection',
  reset: 'the payload of resets',
  unreadable: 'what can not be read of packets',
  'sign of life': 'signs of life',
  UDP: 'datagrams of UDP',
  ICMP: 'messages of ICMP',
  'other IP': 'IP packets of other protocols',
  'not IP': 'frames that are not IP',
  trailer: 'what stands behind IP packets'
}

/** What is of a connection, or may be, and is in no flow of it; and why not. */
const OF_CONNECTIONS: Readonly<Partial<Record<StrayKind, string>>> = {
  fragment: 'IP packets that were cut on their way are not put together',
  misplaced: 'their sequence numbers are those of no byte of it',
  reset: 'a reset has no byte of a flow',
  unreadable: 'they were cut, have a header that no packet can have, or are of a link type that is not read'
}

/** As sides of connections that are none, with a frame for each packet. */
export function strayed(strays: readonly Stray[]): Side[] {
  return strays.map(sideOf).filter(({ flow }) => flow.bytes.byteLength > 0)
}

function sideOf({ kind, flow, starts }: Stray): Side {
  const frames = starts.map((at, index): Frame => {
    const length = (starts[index + 1] ?? flow.bytes.byteLength) - at
    return { direction: 'up', at, length, label: kind, sealed: undefined, content: false, detail: '' }
  })
  const nobody = { bytes: new Uint8Array(0), lost: 0, packetAt: () => 0, timeAt: () => 0 }
  const connection = { number: 0, dialler: '', listener: '', handshake: [], up: flow, down: nobody }
  const of: Dissected = { connection, protocol: 'unknown', frames, faults: [], certificates: [] }
  return { of, direction: 'up', flow, frames, name: NAMES[kind] }
}

/** For the claim `connections`: what ought to be in a flow. */
export function findStrayed(findings: Findings, strays: readonly Stray[]): void {
  for (const { kind, packets, numbers, flow } of strays) {
    const why = OF_CONNECTIONS[kind]
    const said = `${NAMES[kind]}: ${sizeOf(flow)} in ${count(packets, 'packet')}`
    if (why) findings.fault(`No part of a flow are ${said}: ${why}.`, numbers)
    else findings.note(`Beside the connections, ${said}.`, numbers)
  }
}

/** For what looks for something in them: what of them was looked through, and what could not be. */
export function searchedIn(strays: readonly Stray[]): Findings {
  const findings = new Findings()
  for (const { kind, packets, numbers, flow } of strays) {
    if (flow.lost > 0)
      findings.doubt(
        `The capture lacks ${count(flow.lost, 'byte')} of ${NAMES[kind]}: they could not be looked through.`,
        numbers
      )
    if (flow.bytes.byteLength > 0)
      findings.note(
        `Looked through as well: ${NAMES[kind]}, ${count(flow.bytes.byteLength, 'byte')} in ${count(packets, 'packet')}.`,
        numbers
      )
  }
  return findings
}

const sizeOf = ({ bytes, lost }: Stray['flow']): string => count(bytes.byteLength + lost, 'byte')
