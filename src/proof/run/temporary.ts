import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { takeLock } from '../../auth/identity/lock-file.ts'
import { SftError } from '../../streams/errors.ts'
import { LOCK, PREFIX, removeLeftBehind } from './left-behind.ts'

/** A directory for its owner alone (0700), which is gone when it is disposed of, and when the process ends before that. */
export class Temporary implements AsyncDisposable {
  readonly path: string
  readonly #atExit = (): void => rmSync(this.path, { recursive: true, force: true })

  private constructor(path: string) {
    this.path = path
    process.on('exit', this.#atExit)
  }

  /** Removes as well what runs before it could not. @throws SftError ERR_SFT_FILE. */
  static async make(): Promise<Temporary> {
    await removeLeftBehind(tmpdir())
    try {
      const temporary = new Temporary(await mkdtemp(join(tmpdir(), PREFIX)))
      await takeLock(join(temporary.path, LOCK), 'another run has this directory')
      return temporary
    } catch (cause) {
      throw new SftError('ERR_SFT_FILE', 'there is no place for a temporary directory', { cause, hint: 'set TMPDIR' })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true, maxRetries: 3 })
    process.off('exit', this.#atExit)
  }
}
