import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { SftError } from '../../streams/errors.ts'

/** Passwords as argon2id (RFC 9106) in PHC strings (SPEC §4.4, M14, M16). */

/** Cost of one hash: memory in KiB, passes over it, lanes. */
export interface PasswordCost {
  readonly memory: number
  readonly passes: number
  readonly parallelism: number
}

/** RFC 9106 §4, second recommended option, with one lane: 64 MiB. */
export const DEFAULT_COST: PasswordCost = { memory: 64 * 1024, passes: 3, parallelism: 1 }
/** OWASP's minimum: 19 MiB. */
export const MINIMUM_COST: PasswordCost = { memory: 19 * 1024, passes: 2, parallelism: 1 }
/** A stored hash beyond this is no hash of ours: it would only occupy the server. 1 GiB. */
const MAXIMUM_COST: PasswordCost = { memory: 1024 * 1024, passes: 16, parallelism: 16 }

/** Longest password in bytes. */
export const MAX_PASSWORD = 1024

const SALT_SIZE = 16
const TAG_SIZE = 32
const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$/

/** The one computation that everything here is about; a test counts its calls. */
export type Argon2 = (algorithm: 'argon2id', parameters: Argon2Parameters) => Promise<Buffer>

/** `match` with an old cost asks for a new hash; `busy` means that nothing was computed. */
export type Verdict = 'match' | 'match with an old cost' | 'mismatch' | 'busy'

export interface PasswordHasherOptions {
  /** Cost of new hashes; `DEFAULT_COST` by default, never below `MINIMUM_COST`. */
  readonly cost?: PasswordCost
  /** Hashes that run at once, 2 by default: each takes its memory and a thread of the pool. */
  readonly concurrency?: number
  /** Hashes that may wait, 64 by default. */
  readonly queue?: number
  readonly argon2?: Argon2
}

export interface PasswordHasher {
  /** Hashes a new password into a PHC string. The password is borrowed. @throws SftError ERR_SFT_USAGE, ERR_SFT_LIMIT when busy. */
  hash(password: Uint8Array): Promise<string>
  /**
   * Compares a password with a stored hash, in exactly one computation; without a stored hash (an unknown user) it computes as much and
   * answers `mismatch`. The password is borrowed.
   */
  verify(password: Uint8Array, stored: string | undefined): Promise<Verdict>
}

/**
 * Makes a hasher with a bound on what runs and waits: memory is at most `concurrency × cost.memory`.
 *
 * @throws SftError ERR_SFT_USAGE for a cost below OWASP's minimum.
 */
export function passwordHasher(options: PasswordHasherOptions = {}): PasswordHasher {
  const { cost = DEFAULT_COST, concurrency = 2, queue = 64, argon2: compute = argon2Async } = options
  if (!isAtLeast(cost, MINIMUM_COST)) throw new SftError('ERR_SFT_USAGE', 'the cost of a password hash is too low')
  const run = boundedRunner(concurrency, queue)
  const dummySalt = randomBytes(SALT_SIZE)
  const derive = (password: Uint8Array, salt: Uint8Array, of: PasswordCost): Promise<Buffer> | undefined =>
    run(() => compute('argon2id', { message: password, nonce: salt, tagLength: TAG_SIZE, ...of }))
  return {
    async hash(password) {
      checkPassword(password)
      const salt = randomBytes(SALT_SIZE)
      const tag = derive(password, salt, cost)
      if (tag === undefined) throw new SftError('ERR_SFT_LIMIT', 'too many password hashes are waiting')
      return formatPhc(cost, salt, await tag)
    },
    async verify(password, stored) {
      const known = stored === undefined ? undefined : parsePhc(stored)
      const computed = derive(password, known?.salt ?? dummySalt, known?.cost ?? cost)
      if (computed === undefined) return 'busy'
      const tag = await computed
      if (known === undefined || !timingSafeEqual(tag, known.tag)) return 'mismatch'
      return isAtLeast(known.cost, cost) ? 'match' : 'match with an old cost'
    }
  }
}

/**
 * Checks that a password can be stored.
 *
 * @throws SftError ERR_SFT_USAGE for an empty one or one of more than 1,024 bytes.
 */
export function checkPassword(password: Uint8Array): void {
  if (password.byteLength === 0 || password.byteLength > MAX_PASSWORD)
    throw new SftError('ERR_SFT_USAGE', 'a password has 1 to 1,024 bytes')
}

const argon2Async: Argon2 = promisify(argon2)

/** Runs at most `concurrency` tasks, in order; undefined when `queue` of them wait already. */
function boundedRunner(concurrency: number, queue: number): <T>(task: () => Promise<T>) => Promise<T> | undefined {
  let running = 0
  const waiting: (() => void)[] = []
  const execute = async <T>(task: () => Promise<T>): Promise<T> => {
    // A task that waited is handed the place of the one that ended, so nobody slips in between.
    if (running >= concurrency) await new Promise<void>(resolve => waiting.push(resolve))
    else running++
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
  return task => (running >= concurrency && waiting.length >= queue ? undefined : execute(task))
}

function isAtLeast(cost: PasswordCost, minimum: PasswordCost): boolean {
  return cost.memory >= minimum.memory && cost.passes >= minimum.passes && cost.parallelism >= minimum.parallelism
}

function formatPhc({ memory, passes, parallelism }: PasswordCost, salt: Buffer, tag: Buffer): string {
  const text = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '')
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${text(salt)}$${text(tag)}`
}

function parsePhc(text: string): { cost: PasswordCost; salt: Buffer; tag: Buffer } {
  const [, memory, passes, parallelism, salt = '', tag = ''] = PHC.exec(text) ?? []
  const cost = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) }
  // Also refuses NaN, of a text that did not match.
  if (!isAtLeast(cost, MINIMUM_COST) || !isAtLeast(MAXIMUM_COST, cost))
    throw new SftError('ERR_SFT_FILE', 'a stored password hash is malformed')
  return { cost, salt: Buffer.from(salt, 'base64'), tag: Buffer.from(tag, 'base64') }
}
