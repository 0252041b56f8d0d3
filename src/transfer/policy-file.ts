import { readFile, stat } from 'node:fs/promises'
import { SftError } from '../streams/errors.ts'
import { type Policy, parsePolicy } from './policy.ts'

/** Nothing of this kind is near it, in bytes. */
const MAX_FILE = 1024 * 1024
const NOBODY: Policy = { decide: () => ({ allowed: false }) }

export interface PolicyFileOptions {
  /** Told when a changed file can not be used; nothing is allowed until it can. */
  readonly onFault?: ((error: unknown) => void) | undefined
}

/**
 * Reads a policy from a file, and again when it has changed: the next request is decided by what stands there then.
 *
 * @throws SftError ERR_SFT_NOT_FOUND when there is none; ERR_SFT_FILE; ERR_SFT_USAGE for what is no policy.
 */
export async function openPolicy(path: string, { onFault = () => {} }: PolicyFileOptions = {}): Promise<Policy> {
  let seen = await stateOf(path)
  if (seen === undefined) throw new SftError('ERR_SFT_NOT_FOUND', 'there is no such policy file')
  let policy = await read(path)
  return {
    async decide(request) {
      const state = await stateOf(path)
      if (state !== seen) {
        seen = state
        // whoever decides meanwhile is told no
        policy = NOBODY
        policy = await read(path).catch(error => {
          onFault(error)
          return NOBODY
        })
      }
      return policy.decide(request)
    }
  }
}

async function stateOf(path: string): Promise<string | undefined> {
  return stat(path).then(
    ({ ino, size, mtimeMs }) => `${ino} ${size} ${mtimeMs}`,
    () => undefined
  )
}

async function read(path: string): Promise<Policy> {
  const text = await readFile(path, 'utf8').catch(cause => {
    throw new SftError('ERR_SFT_FILE', `the policy cannot be read: ${cause.message}`, { cause })
  })
  if (text.length > MAX_FILE) throw new SftError('ERR_SFT_USAGE', 'the policy is longer than 1 MiB')
  return parsePolicy(text)
}
