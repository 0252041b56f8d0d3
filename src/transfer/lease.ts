import { tryLock } from '../auth/identity/lock-file.ts'
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

  /** Takes it, if it is not there already. False while another process, or another transfer of this one, has it. */
  async take(): Promise<boolean> {
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
