import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { PublicIdentity } from '../../index.ts'
import { freshenLists } from '../keep-current.ts'
import { print, printable, say } from '../terminal.ts'

/** `sft peers add|list|remove`: the local peer book. */
export function registerPeers(program: Command): void {
  const peers = program.command('peers').description('certificates of the peers you seal for')
  peers
    .command('add')
    .description("add a peer's certificate (sft whoami --cert prints one)")
    .argument('<file>', 'PEM')
    .action(add)
  peers.command('list').description('list them').option('--json', 'as JSON lines').action(list)
  peers.command('remove').description('remove one').argument('<name>').action(remove)
}

async function add(file: string): Promise<void> {
  const { addPeer, dataDirectory, SftError } = await import('../../index.ts')
  const identity = await knowing()
  const pem = await readFile(file, 'utf8').catch(cause => {
    throw new SftError('ERR_SFT_NOT_FOUND', `can not read ${file}: ${cause.message}`, { cause })
  })
  const peer = await addPeer(dataDirectory(process.env), identity, pem)
  say(`added ${peer.name}, certified until ${peer.notAfter.toISOString()}`)
}

async function list(options: { json?: boolean }): Promise<void> {
  const { dataDirectory, listPeers } = await import('../../index.ts')
  const identity = await knowing()
  const entries = await listPeers(dataDirectory(process.env), identity)
  const lines = entries.map(entry => {
    const state = 'peer' in entry ? { notAfter: entry.peer.notAfter.toISOString() } : { problem: entry.problem.message }
    const text = options.json
      ? JSON.stringify({ name: entry.name, ...state })
      : `${entry.name}  ${state.problem === undefined ? `until ${state.notAfter}` : printable(state.problem)}`
    return `${text}\n`
  })
  await print(lines.join(''))
}

/** Oneself, with revocation lists that are not old. */
async function knowing(): Promise<PublicIdentity> {
  const { dataDirectory, readPublicIdentity } = await import('../../index.ts')
  const identity = await readPublicIdentity(dataDirectory(process.env))
  await freshenLists(identity)
  return identity
}

async function remove(name: string): Promise<void> {
  const { dataDirectory, removePeer } = await import('../../index.ts')
  await removePeer(dataDirectory(process.env), name)
  say(`removed ${name}`)
}
