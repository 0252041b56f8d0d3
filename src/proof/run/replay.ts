import { count, Findings } from '../judge/claim.ts'
import type { Claim, Dissected } from '../model.ts'
import { alterLive } from './altered-live.ts'
import { replayLogins } from './replayed-login.ts'
import { replayPipe } from './replayed-pipe.ts'
import { replaySessions } from './replayed-session.ts'
import type { Scenario } from './scenario.ts'

/** The claim of replay: what receivers say to a byte that was flipped, and to a recording (M181). The auth server listens meanwhile. */
export async function replay(scenario: Scenario, connections: readonly Dissected[]): Promise<Claim> {
  const { ports } = scenario
  const at = (port: number): Dissected[] =>
    connections.filter(({ connection }) => connection.listener.endsWith(`:${port}`))
  const [pipe] = at(ports.pipe)
  const [get, send, logins] = [at(ports.serve), at(ports.recv), at(ports.auth)]
  const findings = new Findings()
  if (!pipe || [get, send, logins].some(({ length }) => length === 0)) {
    findings.fault('The recording lacks logins, the get, the send or the pipe: there is nothing to send again.')
    return findings.claim('replay')
  }
  const attempts = [
    ...(await replayPipe(scenario, pipe)),
    ...(await replaySessions(scenario, { get, send })),
    ...(await replayLogins(scenario, logins)),
    ...(await alterLive(scenario))
  ]
  const held = attempts.filter(attempt => attempt.held).length
  findings.note(
    `${count(attempts.length, 'attempt')}, of which ${held} ended as they must: only the pipe that nobody altered is taken.`
  )
  for (const { held, text, packets } of attempts) {
    if (held) findings.note(text, packets)
    else findings.fault(`Not as it must be: ${text}`, packets)
  }
  return findings.claim('replay')
}
