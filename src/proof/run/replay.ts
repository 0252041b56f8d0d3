import type { Claim, Dissected } from '../model.ts'
import { alterLive } from './altered-live.ts'
import { replayPipe } from './replayed-pipe.ts'
import { replaySessions } from './replayed-session.ts'
import type { Scenario } from './scenario.ts'

/** The claim of replay: what receivers say to a byte that was flipped, and to a recording (M181). The auth server listens meanwhile. */

const SENTENCE = 'A byte that was changed on its way, and a recording that is sent again, are refused.'

export async function replay(scenario: Scenario, connections: readonly Dissected[]): Promise<Claim> {
  const { ports } = scenario
  const at = (port: number): Dissected[] =>
    connections.filter(({ connection }) => connection.listener.endsWith(`:${port}`))
  const [pipe] = at(ports.pipe)
  const [get, send] = [at(ports.serve), at(ports.recv)]
  const attempts = [
    ...(pipe ? await replayPipe(scenario, pipe) : []),
    ...(await replaySessions(scenario, { get, send })),
    ...(await alterLive(scenario))
  ]
  const complete = pipe !== undefined && get.length > 0 && send.length > 0
  const held = complete && attempts.every(attempt => attempt.held)
  const evidence = attempts.map(({ text, packets, held }) => ({
    text: held ? text : `NOT as it must be: ${text}`,
    packets
  }))
  return { id: 'replay', sentence: SENTENCE, verdict: held ? 'holds' : 'fails', evidence }
}
