import type { Engine, EventOptions, Existing, KeptOptions, TransferResult } from '../../index.ts'
import { saysRestart, Unfinished } from '../continuing.ts'
import { addressOf, splitPeer } from '../directory.ts'
import { formatBytes } from '../options.ts'
import { peersInWords } from '../peer-lines.ts'
import { showsProgress, withProgressOf } from '../progress.ts'
import { messageOf, say } from '../terminal.ts'
import { placeOf, sayReceived, sayTransfer } from '../transfers.ts'
import { requireWhole, treeOptions } from '../trees.ts'
import type { Console } from './console.ts'
import type { Neighbours } from './neighbours.ts'
import { quoteWord, splitWords } from './words.ts'

/** What the shell does for whoever sits before it. */

export interface ShellContext {
  readonly engine: Engine
  readonly console: Console
  readonly neighbours: Neighbours
  /** What a name that is taken means to a file that one gets without -f. */
  readonly existing: Existing
}

const HELP = `t                     asks for peer and file name, and writes received_<name>
f                     goes on answering peers
get PEER:PATH [FILE]  gets a file; -r a directory, -f replaces what has the name
send FILE PEER:       sends a file; -r a directory
msg PEER TEXT         sends a message
peers                 the peer book, and who is listening where
quit                  leaves, as Ctrl-D does; Ctrl-C cancels what is under way
PEER is a NAME that the auth server finds, or NAME@HOST:PORT (get NAME@HOST:PORT PATH). Tab completes, the arrow keys bring back.
`

export type Action = (context: ShellContext, line: string) => Promise<void>

/** By the first word of a line. */
export const ACTIONS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['get', getLine],
  ['send', sendLine],
  ['msg', messageLine],
  ['peers', listNeighbours],
  ['help', async ({ console }) => void (await console.above(HELP))]
])

/** What a line says beside its flags. */
interface Parsed {
  readonly names: readonly string[]
  readonly recursive: boolean
  readonly force: boolean
}

const GET_FORM = 'get PEER:PATH [FILE], or get NAME@HOST:PORT PATH [FILE]'
const SEND_FORM = 'send FILE PEER:'

/** @throws SftError ERR_SFT_USAGE for other flags, or more names than `most` */
async function parse(line: string, flags: string, most: number, form: string): Promise<Parsed> {
  const words = splitWords(line).words.slice(1)
  const given = words.filter(word => word.startsWith('-'))
  const names = words.filter(word => !word.startsWith('-'))
  const known = given.every(word => new RegExp(`^-[${flags}]+$`).test(word))
  if (!known || names.length === 0 || names.length > most) throw await usage('this is not how it is written', form)
  const letters = given.join('')
  return { names, recursive: letters.includes('r'), force: letters.includes('f') }
}

async function usage(message: string, hint: string): Promise<Error> {
  const { SftError } = await import('../../index.ts')
  return new SftError('ERR_SFT_USAGE', message, { hint })
}

async function getLine(context: ShellContext, line: string): Promise<void> {
  const { names, recursive, force } = await parse(line, 'rf', 3, GET_FORM)
  const [first = '', second, third] = names
  const named = splitPeer(first)
  if (named && third !== undefined) throw await usage('this is not how it is written', GET_FORM)
  const [peer, path, output] = named ? [named.name, named.path, second] : [first, second, third]
  await getFile(context, { peer, path: path || (recursive ? '.' : ''), output, recursive, force })
}

export interface Wish {
  readonly peer: string
  readonly path: string
  /** Default: `received_<name>`. */
  readonly output?: string | undefined
  readonly recursive?: boolean
  readonly force?: boolean
}

export async function getFile({ engine, console, ...usual }: ShellContext, wish: Wish): Promise<void> {
  const { parsePeerAddress, receivedName } = await import('../../index.ts')
  const { peer, path, recursive = false, force = false, output = receivedName(path) } = wish
  if (path === '') throw await usage('what to get is missing', GET_FORM)
  const existing = force ? 'replace' : usual.existing
  const wanted = { existing, tree: recursive ? {} : undefined, ...saysRestart(path) }
  const place = await placeOf(output, path)
  const [address, result] = await moving(console, async told => {
    const where = await addressOf(engine, peer, 'serve')
    return [where, await engine.get(where, path, output, { ...wanted, ...told })] as const
  }).catch(error => refusedName(error, wish))
  sayReceived({ address, path, place }, result)
  await requireWhole(result.tree?.omitted, parsePeerAddress(address).name)
}

/** Says how to replace what is there. */
async function refusedName(cause: unknown, { peer, path, output, recursive, force }: Wish): Promise<never> {
  const { SftError } = await import('../../index.ts')
  if (!SftError.is(cause) || cause.code !== 'ERR_SFT_EXISTS' || force) throw cause
  const place = peer.includes('@') ? [peer, path] : [`${peer}:${path}`]
  const words = [
    'get',
    recursive ? '-rf' : '-f',
    ...[...place, ...(output === undefined ? [] : [output])].map(quoteWord)
  ]
  throw new SftError(cause.code, cause.message, { cause, hint: `${words.join(' ')} replaces it` })
}

async function sendLine({ engine, console }: ShellContext, line: string): Promise<void> {
  const { names, recursive } = await parse(line, 'r', 2, SEND_FORM)
  const [file, peer] = names
  if (file === undefined || peer === undefined) throw await usage('a file and a peer are needed', SEND_FORM)
  const tree = await treeOptions({ recursive })
  const [address, result] = await moving(console, async told => {
    const place = await addressOf(engine, peer, 'receive')
    return [place, await engine.send(file, place, { tree, ...saysRestart(file), ...told })] as const
  })
  sayTransfer('sent to', address, result.metadata.name, result)
  await requireWhole(result.tree?.omitted)
}

type Told = EventOptions & KeptOptions & { readonly signal: AbortSignal }
type Moved = readonly [address: string, result: TransferResult]

/** Runs a transfer that Ctrl-C cancels and the line shows. @throws Unfinished if something of it was kept */
async function moving(console: Console, run: (told: Told) => Promise<Moved>): Promise<Moved> {
  let kept = 0
  const onKept = (bytes: number): void => {
    kept = bytes
  }
  try {
    return await console.work((signal, status) =>
      withProgressOf(showsProgress({}), events => run({ ...events, onKept, signal }), status)
    )
  } catch (error) {
    if (kept === 0) throw error
    throw new Unfinished(error, `${formatBytes(kept)} of it are kept: the same again goes on from there`)
  }
}

/** The text is what stands behind the peer, as it was typed. */
async function messageLine({ engine, console }: ShellContext, line: string): Promise<void> {
  const [, peer, text] = /^\s*\S+\s+(\S+)\s+(.*\S)\s*$/su.exec(line) ?? []
  if (peer === undefined || text === undefined) throw await usage('a peer and a text are needed', 'msg PEER TEXT')
  const address = await console.work(async signal => {
    const place = await addressOf(engine, peer, 'receive')
    await engine.message(text, place, { signal })
    return place
  })
  say(`delivered to ${address}`)
}

async function listNeighbours({ console, neighbours }: ShellContext): Promise<void> {
  const { book, serving, fault } = await console.work(() => neighbours.look())
  if (fault) say(`the directory is not asked: ${messageOf(fault)}`)
  const lines = await peersInWords(book, serving)
  await console.above(lines || 'nobody is listening, and the peer book is empty\n')
}
