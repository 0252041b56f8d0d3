import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { SftError } from '../../streams/errors.ts'
import type { AuthStore } from '../authority/store/store.ts'
import { type ChainEnd, followChain, hashOf } from '../identity/audit-chain.ts'
import { fullFile, fullFiles, readText } from '../identity/audit-files.ts'
import { takeLock } from '../identity/lock-file.ts'
import { syncDirectory } from '../identity/private-file.ts'

/** The audit of an auth server, put aside: its older lines go to files, and the store keeps the latest (SPEC §4.7). */

type Audit = AuthStore['audit']

export interface ArchiveOptions {
  /** Path before the number of the last line: `FILE.000000100000`, mode 0600. */
  readonly file: string
  /** Lines that stay in the store; 100,000 by default. */
  readonly keep?: number | undefined
}

/** Lines that stay, and that may gather beyond them before the next file is begun. */
const KEEP = 100_000
const LOOK_EVERY_MS = 3_600_000

/**
 * Puts all lines but the latest into a file, which is on the disk before the store forgets them. After a crash at any moment a line is in the store, or in one
 * file, or in both until the next call. Memory: a thousand lines.
 *
 * @returns how many lines were archived
 * @throws SftError ERR_SFT_AUDIT when the lines make no chain, or the files are of another one; ERR_SFT_BUSY while somebody else archives there; ERR_SFT_FILE,
 *   ERR_SFT_STORE.
 */
export async function archiveAudit({ audit }: Pick<AuthStore, 'audit'>, options: ArchiveOptions): Promise<number> {
  const { file, keep = KEEP } = options
  const lock = `${file}.lock`
  await takeLock(lock, 'somebody else archives there')
  try {
    await finish(audit, file)
    const [start, end] = [await audit.start(), await audit.end()]
    const last = end.seq - keep
    if (last <= start.seq) return 0
    const to = await write(audit, start, last, fullFile(file, last))
    await audit.cut(start, to)
    return to.seq - start.seq
  } finally {
    await rm(lock, { force: true })
  }
}

/** A file that is there, and whose lines the store still has: the end of a call that a crash cut off. */
async function finish(audit: Audit, file: string): Promise<void> {
  const [latest, start] = [(await fullFiles(file)).at(-1), await audit.start()]
  if (latest === undefined || latest.seq <= start.seq) return
  const line = (await readText(latest.path))?.trimEnd().split('\n').at(-1) ?? ''
  await audit.cut(start, { seq: latest.seq, hash: hashOf(line) })
}

async function write(audit: Audit, start: ChainEnd, last: number, path: string): Promise<ChainEnd> {
  const staged = `${path}.part`
  let end = start
  try {
    await using handle = await open(staged, 'w', 0o600)
    while (end.seq < last) {
      const batch = (await audit.read(end.seq)).filter(({ seq }) => seq <= last)
      end = follow(end, batch)
      await handle.appendFile(batch.map(({ line }) => `${line}\n`).join(''))
    }
    await handle.sync()
    await rename(staged, path)
    await syncDirectory(dirname(path))
  } catch (cause) {
    await rm(staged, { force: true })
    throw SftError.is(cause) ? cause : new SftError('ERR_SFT_FILE', 'the audit cannot be archived', { cause })
  }
  return end
}

/** A chain that is broken stays where it is, for whoever wants to know how it came to be. */
function follow(start: ChainEnd, batch: readonly { seq: number; line: string }[]): ChainEnd {
  let end = start
  for (const { seq, line } of batch) {
    const next = followChain(end, line, seq)
    if (typeof next === 'string') throw new SftError('ERR_SFT_AUDIT', `line ${end.seq + 1} of the audit: ${next}`)
    end = next
  }
  if (end === start) throw new SftError('ERR_SFT_AUDIT', `line ${end.seq + 1} of the audit is missing`)
  return end
}

/** Archives now and then until `stop`: whenever twice as many lines have gathered as stay. Its timer keeps no process alive. */
export function keepAuditShort(
  store: Pick<AuthStore, 'audit'>,
  options: ArchiveOptions & { readonly every?: number; readonly onFault: (error: unknown) => void }
): { stop(): Promise<void> } {
  const { keep = KEEP, every = LOOK_EVERY_MS, onFault } = options
  let running: Promise<void> = Promise.resolve()
  const look = async (): Promise<void> => {
    const [start, end] = [await store.audit.start(), await store.audit.end()]
    if (end.seq - start.seq >= 2 * keep) await archiveAudit(store, options)
  }
  const timer = setInterval(() => {
    running = running.then(look).catch(onFault)
  }, every).unref()
  return {
    async stop() {
      clearInterval(timer)
      await running
    }
  }
}
