import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { PublicIdentity, ServingPeer } from '../../index.ts'
import { authUrl, directoryOf } from '../directory.ts'
import { freshenLists } from '../keep-current.ts'
import { loadOwnIdentity, type PassphraseOptions, withPassphrase } from '../options.ts'
import { peersAsJson, peersInWords } from '../peer-lines.ts'
import { messageOf, print, say } from '../terminal.ts'

interface ListFlags extends PassphraseOptions {
  book?: boolean
  json?: boolean
}

/** `sft peers add|list|remove`: the local peer book, and who is listening. */
export function registerPeers(program: Command): void {
  const peers = program.command('peers').description('certificates of the peers you seal for')
  peers
    .command('add')
    .description("add a peer's certificate (sft whoami --cert prints one)")
    .argument('<file>', 'PEM')
    .action(add)
  withPassphrase(peers.command('list'))
    .description('list those in the book, and who is listening where')
    .option('--book', 'the book only, without asking the auth server')
    .option('--json', 'as JSON lines')
    .action(list)
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

async function list(options: ListFlags): Promise<void> {
  const { dataDirectory, listPeers } = await import('../../index.ts')
  const identity = await knowing()
  const entries = await listPeers(dataDirectory(process.env), identity)
  const serving = options.book ? [] : await whoListens(options)
  await print(options.json ? peersAsJson(entries, serving) : await peersInWords(entries, serving))
}

/** What the directory says; when it can not be asked, the book is all there is, and that is said. */
async function whoListens(options: ListFlags): Promise<readonly ServingPeer[]> {
  const { listServing } = await import('../../index.ts')
  const url = await authUrl()
  if (url === undefined) return []
  try {
    return await listServing(await loadOwnIdentity(options), directoryOf(url))
  } catch (error) {
    say(`the directory is not asked: ${messageOf(error)}`)
    return []
  }
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
