import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SftError } from '../../streams/errors.ts'

/** A directory for its owner alone (0700), which is gone when it is disposed of, and when the process ends before that. */
export class Temporary implements AsyncDisposable {
  readonly path: string
  readonly #atExit = (): void => rmSync(this.path, { recursive: true, force: true })

  private constructor(path: string) {
    this.path = path
    process.on('exit', this.#atExit)
  }

  /** @throws SftError ERR_SFT_FILE. */
  static async make(): Promise<Temporary> {
    try {
      return new Temporary(await mkdtemp(join(tmpdir(), 'sft-proof-')))
    } catch (cause) {
      throw new SftError('ERR_SFT_FILE', 'there is no place for a temporary directory', { cause, hint: 'set TMPDIR' })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true, maxRetries: 3 })
    process.off('exit', this.#atExit)
  }
}
