import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { SftError } from '../../streams/errors.ts'
import { readSmallFile, replacePrivate } from '../identity/private-file.ts'

/** Ciphertexts that were answered once, by their SHA-256: OAEP is randomised, so nobody honest ever sends one again (M144, M148). */

export interface SeenOptions {
  /** Milliseconds for which one is remembered. */
  readonly life: number
  /** How many; beyond, nothing new is taken. */
  readonly most: number
  readonly now?: () => number
}

/** `full`: nothing was remembered, and nothing may be answered. */
export type SeenVerdict = 'new' | 'seen' | 'full'

export class SeenPayloads {
  readonly #options: SeenOptions
  /** In the order of their end, which is that of their coming. */
  readonly #ends = new Map<string, number>()

  constructor(options: SeenOptions, before: Iterable<readonly [string, number]> = []) {
    this.#options = options
    for (const [hash, end] of [...before].sort(([, a], [, b]) => a - b)) this.#ends.set(hash, end)
  }

  has(payload: Uint8Array): boolean {
    this.#forget()
    return this.#ends.has(hashOf(payload))
  }

  /** Remembers one. */
  take(payload: Uint8Array): SeenVerdict {
    this.#forget()
    const hash = hashOf(payload)
    if (this.#ends.has(hash)) return 'seen'
    if (this.#ends.size >= this.#options.most) return 'full'
    this.#ends.set(hash, this.#now() + this.#options.life)
    return 'new'
  }

  /** As lines of a file. */
  lines(): string[] {
    this.#forget()
    return [...this.#ends].map(([hash, end]) => lineOf(hash, end))
  }

  #forget(): void {
    const now = this.#now()
    for (const [hash, end] of this.#ends) {
      if (end > now) return
      this.#ends.delete(hash)
    }
  }

  #now(): number {
    return this.#options.now?.() ?? Date.now()
  }
}

/** Those of an auth server, which a restart does not forget. */
export interface SeenLogins extends AsyncDisposable {
  has(payload: Uint8Array): boolean
  /** On the disk when it fulfils. */
  take(payload: Uint8Array): Promise<SeenVerdict>
}

/** About as many as five thousand clients that log in twice a day. */
const MOST_LOGINS = 100_000
const MAX_FILE = 16 * 1024 * 1024
const LINE = /^(\d{1,15}) ([0-9a-f]{64})$/

/**
 * Opens the file of an auth server, or begins one; what is over is left out of it. One process at a time.
 *
 * @param life milliseconds of a certificate
 * @throws SftError ERR_SFT_FILE.
 */
export async function openSeenLogins(path: string, life: number): Promise<SeenLogins> {
  const text = (await readSmallFile(path, MAX_FILE)) ?? ''
  const seen = new SeenPayloads({ life, most: MOST_LOGINS }, parseLines(text))
  await replacePrivate(path, seen.lines().join(''))
  const file = await open(path, 'a').catch(fault)
  let last: Promise<unknown> = Promise.resolve()
  return {
    has: payload => seen.has(payload),
    async take(payload) {
      const verdict = seen.take(payload)
      if (verdict !== 'new') return verdict
      const written = last.then(() => append(file, lineOf(hashOf(payload), Date.now() + life)))
      last = written.catch(() => undefined)
      await written
      return verdict
    },
    async [Symbol.asyncDispose]() {
      await last
      await file.close()
    }
  }
}

async function append(file: FileHandle, line: string): Promise<void> {
  await file.appendFile(line).catch(fault)
  await file.datasync().catch(fault)
}

/** A last line that a crash has cut is none: its login got no answer. */
function parseLines(text: string): [string, number][] {
  return text.split('\n').flatMap(line => {
    const [, end, hash] = LINE.exec(line) ?? []
    return hash === undefined ? [] : [[hash, Number(end)] as [string, number]]
  })
}

function lineOf(hash: string, end: number): string {
  return `${end} ${hash}\n`
}

function hashOf(payload: Uint8Array): string {
  return createHash('sha256').update(payload).digest('hex')
}

function fault(cause: unknown): never {
  throw new SftError('ERR_SFT_FILE', 'the logins that were answered cannot be kept', { cause })
}
