import { tryLock } from '../auth/identity/lock-file.ts'
import { SftError } from '../streams/errors.ts'
import type { Existing } from '../streams/existing.ts'
import { removePart } from '../streams/write-file.ts'

/**
 * What an earlier attempt has left, held from the moment somebody says how much it is until the stream that goes on from there takes it over: of several who want a name each, one
 * goes on with it, and the others begin elsewhere.
 */
export class Lease {
  readonly #lock: string
  #held = false

  constructor(lock: string) {
    this.#lock = lock
  }

  /**
   * What `look` finds of an earlier attempt, which is held from then on; nothing where there is none.
   *
   * @param busy what is said while another process has it
   * @throws SftError ERR_SFT_BUSY, unless each who comes gets a name of its own (`existing`: `rename`): then none waits for the part of another
   */
  async begun<T>(
    look: () => Promise<T | undefined>,
    existing: Existing | undefined,
    busy: string
  ): Promise<T | undefined> {
    if ((await look()) === undefined) return undefined
    // whoever had it may be done with it since
    if (await this.#take()) return look()
    if (existing === 'rename') return undefined
    throw new SftError('ERR_SFT_BUSY', busy)
  }

  /** Takes it, if it is not there already. False while another process, or another transfer of this one, has it. */
  async #take(): Promise<boolean> {
    this.#held ||= await tryLock(this.#lock)
    return this.#held
  }

  /** Whoever goes on has the lock from now on, and removes it. False when it was not taken. */
  handOver(): boolean {
    const held = this.#held
    this.#held = false
    return held
  }

  /** Lets go of what nobody went on with. */
  async release(): Promise<void> {
    if (this.handOver()) await removePart(this.#lock)
  }
}
