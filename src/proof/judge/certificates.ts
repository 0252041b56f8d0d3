import { bufferOf } from '../capture/packet.ts'
import { type Claim, type Dissected, SENDERS, type Stray } from '../model.ts'
import { count, Findings } from './claim.ts'
import { type Side, sent, sidesOf } from './parts.ts'
import { strayed } from './strays.ts'

/** The claim `certificates`: who the users are is not to be had from a certificate on the wire. */

const PEM = Buffer.from('-----BEGIN CERTIFICATE-----')
const MAX_PEM = 100

export function judgeCertificates(all: readonly Dissected[], strays: readonly Stray[] = []): Claim {
  const findings = new Findings()
  for (const { certificates, connection } of all)
    for (const { packet, subject, issuer, serial, direction } of certificates)
      findings.fault(
        `Connection ${connection.number}: the ${SENDERS[direction]} shows a certificate in the clear: ${subject}, issued by ${issuer}, serial ${serial}.`,
        [packet]
      )
  for (const side of [...sidesOf(all), ...strayed(strays)]) {
    const known = new Set(side.of.certificates.map(({ packet }) => packet))
    const others = pemsIn(side).filter(packet => !known.has(packet))
    if (others.length > 0) findings.fault(`A certificate in PEM stands in ${sent(side)}.`, others)
  }
  const hidden = count(all.filter(({ certificates }) => certificates.length === 0).length, 'connection')
  findings.note(`${hidden} of ${all.length} without a certificate that can be read.`)
  const pipes = all.filter(({ protocol }) => protocol === 'sft pipe').length
  if (pipes > 0)
    findings.note(
      `${count(pipes, 'pipe')}: a recipient is named by a hint of 4 bytes, which whoever has the certificate can compute (SPEC §7.1).`
    )
  return findings.claim('certificates')
}

/** Packets with the mark of a certificate in PEM. */
function pemsIn({ flow }: Side): number[] {
  const bytes = bufferOf(flow.bytes)
  const packets: number[] = []
  for (let at = bytes.indexOf(PEM); at >= 0 && packets.length < MAX_PEM; at = bytes.indexOf(PEM, at + 1))
    packets.push(flow.packetAt(at))
  return packets
}
