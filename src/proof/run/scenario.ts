import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SftError } from '../../streams/errors.ts'
import type { Commands } from './commands.ts'
import type { KnownFile } from './known-file.ts'
import { found, logIn, type People } from './organisation.ts'
import { carry } from './pipe-link.ts'
import { LOOPBACK } from './ports.ts'

/** What a proof captures: logins at an auth server, a get over several connections, a send, and a pipe over plain TCP. */

/** Where the sender has the file. */
export const EXPORT = 'export'
const CONNECTIONS = '3'
/** Of a listener that is only attacked. */
export const LISTEN = ['--listen', `${LOOPBACK}:0`, '--no-announce', '--json'] as const

export interface Ports {
  readonly auth: number
  readonly serve: number
  readonly recv: number
  readonly pipe: number
}

export interface Scenario {
  readonly commands: Commands
  readonly people: People
  readonly file: KnownFile
  readonly ports: Ports
  readonly signal?: AbortSignal | undefined
}

/** Makes all that needs no network. */
export async function prepare({ commands, people, file }: Scenario): Promise<void> {
  await mkdir(join(commands.directory, EXPORT))
  await writeFile(join(commands.directory, EXPORT, file.name), file.bytes)
  await found(commands, people)
}

/** Runs it, at an auth server that listens. @throws SftError ERR_SFT_PROOF when a command fails, or a copy is not the file. */
export async function play(scenario: Scenario): Promise<void> {
  await logIn(scenario.commands, scenario.people, scenario.ports.auth)
  await pull(scenario)
  await push(scenario)
  await pipe(scenario)
}

async function pull({ commands, people, file, ports }: Scenario): Promise<void> {
  const { sender, receiver } = people
  const address = `${LOOPBACK}:${ports.serve}`
  const serving = await commands.listen(sender.name, ['serve', EXPORT, '--listen', address])
  await commands.run(receiver.name, [
    'get',
    `${sender.name}@${address}`,
    file.name,
    '-o',
    'got',
    '--streams',
    CONNECTIONS
  ])
  await serving.stop()
  await requireCopy(commands, 'got', file)
}

async function push({ commands, people, file, ports }: Scenario): Promise<void> {
  const { sender, receiver } = people
  const address = `${LOOPBACK}:${ports.recv}`
  const args = ['recv', '--listen', address, '-o', 'received', '--from', sender.name]
  const receiving = await commands.listen(receiver.name, args)
  await commands.run(sender.name, ['send', join(EXPORT, file.name), `${receiver.name}@${address}`])
  commands.require(args, await receiving.program.ended)
  await requireCopy(commands, 'received', file)
}

async function pipe({ commands, people, file, ports, signal }: Scenario): Promise<void> {
  const { sender, receiver } = people
  const [send, recv] = [
    ['send', join(EXPORT, file.name), '--to', receiver.name],
    ['recv', '--from', sender.name, '-o', 'piped']
  ]
  const sending = commands.start(sender.name, send, { data: true })
  sending.input.end()
  const receiving = commands.start(receiver.name, recv)
  await carry(sending.output, receiving.input, ports.pipe, signal)
  commands.require(send, await sending.ended)
  commands.require(recv, await receiving.ended)
  await requireCopy(commands, 'piped', file)
}

async function requireCopy({ directory }: Commands, copy: string, { bytes }: KnownFile): Promise<void> {
  if (!bytes.equals(await readFile(join(directory, copy))))
    throw new SftError('ERR_SFT_PROOF', `${copy} is not what was sent`)
}
