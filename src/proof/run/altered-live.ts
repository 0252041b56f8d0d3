import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Attempt, isThere } from './attempt.ts'
import { type Listening, resultIn } from './commands.ts'
import { type Flip, FlippingRelay } from './flipping-relay.ts'
import { LOOPBACK } from './ports.ts'
import { EXPORT, LISTEN, type Scenario } from './scenario.ts'

/** A get and a send through a man in the middle who flips one byte: in the handshake, in a record, in a chunk, in the end (M181 c). */

const INBOX = 'altered-inbox'
const OUTPUT = 'altered'
/** Integrity; and a connection that is lost: what a dialler sees whose listener goes without a word (M130), and may see of one that goes with one. */
const REFUSED = 40
const LOST = 75

interface Trial {
  readonly flip: Flip
  /** What the dialler may end with. */
  readonly exits: readonly number[]
}

const GET = ['SECE', 'STRM', 'RSFL', 'FINL'].map(
  (label): Trial => ({ flip: { direction: 'down', label }, exits: [REFUSED] })
)
const SEND = ['SECE', 'OFFR', 'RSFL', 'FINL'].map((label): Trial => {
  return { flip: { direction: 'up', label }, exits: label === 'SECE' ? [LOST] : [REFUSED, LOST] }
})
const NAMES: Readonly<Record<string, string>> = {
  SECE: 'the handshake (SECE)',
  STRM: 'a record (STRM)',
  OFFR: 'a record (OFFR)',
  RSFL: 'a chunk (RSFL)',
  FINL: 'the end (FINL)'
}
export async function alterLive(scenario: Scenario): Promise<Attempt[]> {
  const { commands, people, file } = scenario
  const { sender, receiver } = people
  await mkdir(join(commands.directory, INBOX))
  const serving = await commands.listen(sender.name, ['serve', EXPORT, ...LISTEN])
  const pull = (port: number) => ['get', `${sender.name}@${LOOPBACK}:${port}`, file.name, '-o', OUTPUT, '--json']
  const pulls = await alterEach(scenario, GET, serving, receiver.name, pull)
  const receiving = await commands.listen(receiver.name, ['recv', ...LISTEN, '-o', INBOX, '--from', sender.name])
  const push = (port: number) => ['send', join(EXPORT, file.name), `${receiver.name}@${LOOPBACK}:${port}`, '--json']
  const pushes = await alterEach(scenario, SEND, receiving, sender.name, push)
  return [...pulls, ...pushes]
}

async function alterEach(
  { commands, file }: Scenario,
  trials: readonly Trial[],
  listening: Listening,
  user: string,
  argsFor: (port: number) => string[]
): Promise<Attempt[]> {
  const attempts: Attempt[] = []
  for (const { flip, exits } of trials) {
    await using relay = await FlippingRelay.to(listening.port, flip)
    const args = argsFor(relay.port)
    const ended = await commands.attempt(user, args, exits)
    const codes = [resultIn(ended)?.error?.code, await listening.refusal()]
    const names =
      (await isThere(commands, OUTPUT)) || (await readdir(join(commands.directory, INBOX))).includes(file.name)
    const text = `A live ${args[0]} with a byte flipped in ${NAMES[flip.label]}: ${codes[0] ?? 'no error'} (exit ${ended.exit}) where it was dialled, ${codes[1] ?? 'no error'} where it was listened, ${names ? 'a file' : 'no file'}.`
    attempts.push({ held: exits.includes(ended.exit) && !codes.includes(undefined) && !names, text, packets: [] })
  }
  await listening.stop()
  return attempts
}
