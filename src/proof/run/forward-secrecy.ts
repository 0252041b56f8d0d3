import { count, Findings } from '../judge/claim.ts'
import type { Claim, Dissected } from '../model.ts'
import { modulusBytes } from './rsa-opened.ts'
import { type Find, type StolenKey, type Theft, tryKeys } from './stolen-keys.ts'

/** The claim of forward secrecy, and its control: the same keys, tried in the same way, must open the pipe (M178). */

/** @param file what the pipe must give, so that the attempt is known to be a real one */
export async function forwardSecrecy(
  connections: readonly Dissected[],
  keys: readonly StolenKey[],
  file: Uint8Array,
  signal?: AbortSignal
): Promise<Claim> {
  const theft = await tryKeys(connections, keys, { signal })
  const findings = new Findings()
  for (const { owner, what, connection, plain, packet } of theft.finds.filter(
    ({ protocol }) => protocol !== 'sft pipe'
  ))
    findings.fault(
      `The key of ${owner} opens ${what} of connection ${connection}: ${count(plain.byteLength, 'byte')}.`,
      [packet]
    )
  // what stands last may be folded away
  tellControl(findings, theft.finds, file)
  tellAttempts(findings, connections, keys, theft)
  tellTls(findings, connections)
  return findings.claim('forward-secrecy')
}

function tellAttempts(
  findings: Findings,
  connections: readonly Dissected[],
  keys: readonly StolenKey[],
  theft: Theft
): void {
  const others = connections.filter(({ protocol }) => protocol !== 'sft pipe').length
  const owners = keys.map(({ owner, key }) => `${owner} (RSA-${modulusBytes(key) * 8})`).join(', ')
  const { frames, headers, operations, windows } = theft
  findings.note(
    `${count(operations, 'private operation')} were done over ${count(windows, 'window')} of the bytes: at the ends of frames and of their sealed parts, and at the beginnings of flows. What came out was read as OAEP with any label, and as the premaster secret of TLS. In ${count(others, 'connection')} nothing was found but what is named here.`
  )
  findings.note(
    `The keys are those of ${owners}. The auth server makes its TLS key at each start, and never has it on a disk.`
  )
  findings.note(
    `Each of ${count(frames, 'frame')} was read as the header of a stream, whatever its type: ${headers} is one.`
  )
}

function tellTls(findings: Findings, connections: readonly Dissected[]): void {
  const all = connections.filter(({ protocol }) => protocol === 'tls')
  const hellos = all.flatMap(({ connection, frames }) => {
    const hello = frames.find(({ label, detail }) => label === 'ServerHello' && detail.startsWith('TLS 1.3'))
    return hello ? [connection[hello.direction].packetAt(hello.at)] : []
  })
  if (all.length === 0) return
  findings.note(
    `${hellos.length} of ${count(all.length, 'TLS connection')} are TLS 1.3, whose keys come of shares made for one connection: the key of a certificate opens nothing there.`,
    hellos
  )
}

function tellControl(findings: Findings, finds: readonly Find[], file: Uint8Array): void {
  const ofPipe = finds.filter(({ protocol }) => protocol === 'sft pipe')
  const opened = ofPipe.find(({ what, plain }) => what === 'a stream' && Buffer.from(plain).equals(file))
  if (opened === undefined) {
    findings.fault('The same keys did not open the pipe, which they must: this was no real attempt.')
    return
  }
  const { owner, connection, plain, packet } = opened
  const windows = ofPipe.filter(({ what }) => what === 'a message').length
  findings.note(
    `A pipe has no forward secrecy, by its nature; and it shows that the attempt is a real one: the key of ${owner} opens connection ${connection} and gives all ${count(plain.byteLength, 'byte')} of the file. The windows find its wrapped key as well (${windows}).`,
    [packet]
  )
}
