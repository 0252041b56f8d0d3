import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { count } from '../judge/claim.ts'
import type { Dissected } from '../model.ts'
import { answerTo } from './answer.ts'
import type { Attempt } from './attempt.ts'
import { type Listening, resultIn } from './commands.ts'
import { EXPORT, LISTEN, type Scenario } from './scenario.ts'

/** What a dialler has sent, once more, to a listener of the same user that has just been started: the get, the send, and each of their stripes (M181 b). */

const INBOX = 'replayed-inbox'

export interface Recorded {
  /** The connections of the get, and those of the send: the first is the session, others are its stripes. */
  readonly get: readonly Dissected[]
  readonly send: readonly Dissected[]
}

export async function replaySessions(scenario: Scenario, { get, send }: Recorded): Promise<Attempt[]> {
  const { commands, people } = scenario
  const { sender, receiver } = people
  await mkdir(join(commands.directory, INBOX))
  const serving = await commands.listen(sender.name, ['serve', EXPORT, ...LISTEN])
  const pulls = await replayAll(serving, get, 'sft serve')
  const receiving = await commands.listen(receiver.name, ['recv', ...LISTEN, '-o', INBOX, '--from', sender.name])
  const pushes = await replayAll(receiving, send, 'sft recv --listen')
  const written = await readdir(join(commands.directory, INBOX))
  const nothing = {
    held: written.length === 0,
    text: `After that, the inbox of sft recv has ${count(written.length, 'file')}.`,
    packets: []
  }
  return [...pulls, ...pushes, nothing]
}

async function replayAll(listening: Listening, recorded: readonly Dissected[], name: string): Promise<Attempt[]> {
  const attempts: Attempt[] = []
  for (const each of recorded) attempts.push(await replay(listening, each, name))
  const moved = resultIn(await listening.stop())?.transfers
  return attempts.map(attempt => ({ ...attempt, held: attempt.held && moved === 0 }))
}

async function replay(listening: Listening, { connection, frames }: Dissected, name: string): Promise<Attempt> {
  const { bytes } = connection.up
  const answer = await answerTo(listening.port, bytes)
  const code = await listening.refusal()
  const what = frames.some(({ label }) => label === 'JOIN') ? 'a stripe (JOIN)' : 'the dialler'
  const text = `All ${count(bytes.byteLength, 'byte')} that ${what} of connection ${connection.number} sent, to a fresh ${name}: ${code ?? 'not refused'}, ${count(answer.bytes, 'byte')} in answer.`
  return { held: code !== undefined && answer.ended, text, packets: [connection.up.packetAt(0)] }
}
