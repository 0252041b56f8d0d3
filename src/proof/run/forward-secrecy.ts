import type { Claim, Dissected, Evidence } from '../model.ts'
import { modulusBytes } from './rsa-opened.ts'
import { type Find, type StolenKey, type Theft, tryKeys } from './stolen-keys.ts'

/** The claim of forward secrecy, and its control: the same keys, tried in the same way, must open the pipe (M178). */

const SENTENCE = 'Whoever steals every long-term key later opens nothing of a recorded session with them.'

/** @param file what the pipe must give, so that the attempt is known to be a real one */
export async function forwardSecrecy(
  connections: readonly Dissected[],
  keys: readonly StolenKey[],
  file: Uint8Array,
  signal?: AbortSignal
): Promise<Claim> {
  const theft = await tryKeys(connections, keys, { signal })
  const [ofPipes, ofSessions] = [true, false].map(pipe =>
    theft.finds.filter(find => (find.protocol === 'sft pipe') === pipe)
  ) as [Find[], Find[]]
  const opened = ofPipes.find(({ what, plain }) => what === 'a stream' && Buffer.from(plain).equals(file))
  const evidence = [
    ...ofSessions.map(broken),
    ...attempts(connections, keys, theft),
    ...tls(connections),
    control(opened, ofPipes)
  ]
  return {
    id: 'forward-secrecy',
    sentence: SENTENCE,
    verdict: ofSessions.length === 0 && opened ? 'holds' : 'fails',
    evidence
  }
}

function broken({ owner, what, connection, plain, packet }: Find): Evidence {
  return {
    text: `the key of ${owner} opens ${what} of connection ${connection}: ${plain.byteLength} bytes`,
    packets: [packet]
  }
}

function attempts(connections: readonly Dissected[], keys: readonly StolenKey[], theft: Theft): Evidence[] {
  const others = connections.filter(({ protocol }) => protocol !== 'sft pipe').length
  const owners = keys.map(({ owner, key }) => `${owner} (RSA-${modulusBytes(key) * 8})`).join(', ')
  return [
    {
      text: `the keys are those of ${owners}; that of the TLS of the auth server is made at its start and never on a disk`,
      packets: []
    },
    { text: `each of ${theft.frames} frames was read as the header of a stream: ${theft.headers} is one`, packets: [] },
    {
      text: `${theft.operations} private operations over ${theft.windows} windows of the bytes, at the ends of frames and of their sealed parts and at the beginnings of flows, each read as OAEP with any label and as the premaster secret of TLS: nothing in ${others} connections but those named here`,
      packets: []
    }
  ]
}

function tls(connections: readonly Dissected[]): Evidence[] {
  const all = connections.filter(({ protocol }) => protocol === 'tls')
  return all.length === 0 ? [] : [{ text: `${all.length} connections are TLS`, packets: [] }]
}

function control(opened: Find | undefined, ofPipes: readonly Find[]): Evidence {
  if (opened === undefined)
    return { text: 'the same keys did not open the pipe, which they must: the attempt was none', packets: [] }
  const { owner, connection, plain, packet } = opened
  const windows = ofPipes.filter(({ what }) => what === 'a message').length
  const text = `a pipe has no forward secrecy by its nature, and the attempt is a real one: the key of ${owner} opens connection ${connection}, all ${plain.byteLength} bytes of the file; ${windows} of its windows open as well`
  return { text, packets: [packet] }
}
