import { mkdir, readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Dissected } from '../model.ts'
import type { Attempt } from './attempt.ts'
import { type Listening, resultIn } from './commands.ts'
import { EXPORT, LISTEN, type Scenario } from './scenario.ts'

/** What a dialler has sent, once more, to a listener of the same user that has just been started: the get, the send, and each of their stripes (M181 b). */

const INBOX = 'replayed-inbox'
/** ms for the listener to end the connection. */
const CLOSED_MS = 15_000

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
    text: `After that, the inbox of sft recv has ${written.length} files.`,
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
  const answered = await answerTo(listening.port, bytes)
  const code = await listening.refusal()
  const what = frames.some(({ label }) => label === 'JOIN') ? 'a stripe (JOIN)' : 'the dialler'
  const text = `All ${bytes.byteLength} bytes that ${what} of connection ${connection.number} sent, to a fresh ${name}: ${code ?? 'not refused'}, ${answered} bytes in answer.`
  return { held: code !== undefined, text, packets: [connection.up.packetAt(0)] }
}

/** Sends all of it, whatever is answered, until the other side ends it. */
function answerTo(port: number, bytes: Uint8Array): Promise<number> {
  return new Promise(resolve => {
    let answered = 0
    const socket = connect(port, '127.0.0.1')
    socket.setTimeout(CLOSED_MS, () => socket.destroy())
    socket.on('data', piece => {
      answered += piece.byteLength
    })
    // a reset, say: the listener has told why
    socket.on('error', () => socket.destroy())
    socket.on('close', () => resolve(answered))
    socket.write(bytes)
  })
}
