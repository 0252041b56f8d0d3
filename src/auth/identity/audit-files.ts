import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { SftError } from '../../streams/errors.ts'
import { CHAIN_START, type ChainEnd, followChain, parseLink } from './audit-chain.ts'
import { exists } from './private-file.ts'

/** An audit in files: those that are full, `FILE.NUMBER` by the number of their last line, and the one that is being written (SPEC §8.3). */

/** Digits of the number. */
const DIGITS = 12

export type AuditFileVerdict =
  | { readonly intact: true; readonly first: number; readonly lines: number; readonly head: string }
  | { readonly intact: false; readonly at: number; readonly problem: string }

/**
 * Checks a whole audit, the files that are full and the last one. Where the first of them were archived elsewhere, it begins with the first line that is there.
 *
 * @throws SftError ERR_SFT_NOT_FOUND when there is none; ERR_SFT_FILE.
 */
export async function verifyAuditLog(path: string): Promise<AuditFileVerdict> {
  let end: ChainEnd | undefined
  let first = 0
  for await (const line of linesOf(path)) {
    end ??= beginning(line)
    const next = end && followChain(end, line)
    if (next === undefined || typeof next === 'string')
      return { intact: false, at: (end?.seq ?? 0) + 1, problem: next ?? 'the first line is none' }
    if (first === 0) first = next.seq
    end = next
  }
  const { seq, hash } = end ?? CHAIN_START
  return { intact: true, first, lines: first === 0 ? 0 : seq - first + 1, head: hash }
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const files = (await fullFiles(path)).map(full => full.path)
  // what an auth server has put aside is full, all of it
  if (files.length === 0 || (await exists(path))) files.push(path)
  for (const file of files) yield* await readLines(file)
}

function beginning(line: string): ChainEnd | undefined {
  const link = parseLink(line)
  return link && { seq: link.seq - 1, hash: link.prev }
}

/** The path of a file whose last line has this number. */
export function fullFile(path: string, seq: number): string {
  return `${path}.${String(seq).padStart(DIGITS, '0')}`
}

/** Those that are full, in order. */
export async function fullFiles(path: string): Promise<readonly { path: string; seq: number }[]> {
  const [directory, name] = [dirname(path), basename(path)]
  const names = await readdir(directory).catch(() => [] as string[])
  const full = names.filter(each => each.startsWith(`${name}.`) && /^\d{12}$/.test(each.slice(name.length + 1)))
  return full.sort().map(each => ({ path: join(directory, each), seq: Number(each.slice(name.length + 1)) }))
}

async function readLines(path: string): Promise<string[]> {
  const text = await readText(path)
  if (text === undefined) {
    const hint = '--audit FILE begins one; what an auth server has not put aside yet, sft auth audit --dir DIR shows'
    throw new SftError('ERR_SFT_NOT_FOUND', 'there is no such audit', { hint })
  }
  return text.split('\n').filter(line => line !== '')
}

/** Undefined where there is none. @throws SftError ERR_SFT_FILE. */
export async function readText(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined
  return readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw new SftError('ERR_SFT_FILE', 'the audit cannot be read', { cause })
  })
}
