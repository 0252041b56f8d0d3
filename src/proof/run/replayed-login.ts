import type { Dissected } from '../model.ts'
import { answerTo } from './answer.ts'
import type { Attempt } from './attempt.ts'
import { listCertificates } from './organisation.ts'
import type { Scenario } from './scenario.ts'

/** What the diallers of the auth server have sent, logins among it, once more to a fresh one: it must issue nothing for it (M181 b). */
export async function replayLogins({ commands, ports }: Scenario, recorded: readonly Dissected[]): Promise<Attempt[]> {
  const before = await listCertificates(commands)
  const answers = []
  for (const { connection } of recorded) answers.push(await answerTo(ports.auth, connection.up.bytes))
  const after = await listCertificates(commands)
  const ended = answers.filter(answer => answer.ended).length
  const held = ended === answers.length && before.join() === after.join()
  const text = `All that was sent to the auth server over ${recorded.length} connections, logins among it, to a fresh one: it ended ${ended} of them, and has issued ${after.length} certificates, as before ${before.length}.`
  return [{ held, text, packets: recorded.map(({ connection }) => connection.up.packetAt(0)) }]
}
