import { availableParallelism } from 'node:os'

/** A megabyte that is in memory takes a small part of this; what takes longer waits for a disk. */
const SLOW_MS = 1
/** Operations that go through the thread pool after a slow one, before the calling thread tries again. */
const PAUSE = 32
/** With so few processors a thread that is woken only takes the place of the one that wakes it. */
const FEW_PROCESSORS = 2
/** Answering a thread's wake-up costs about as much as the wake-up itself. */
const WAKE_UPS = 2

/**
 * Chooses, operation by operation, between the calling thread and Node's thread pool. A megabyte that is in memory is copied in less
 * time than waking a thread takes on some machines; a disk must never hold up the event loop. So the calling thread is trusted with the next
 * operation only while the ones before it were quick, and only where that is cheaper than waking a thread: on one or two processors, or
 * where the wake-up was measured to cost as much.
 */
export class Pace {
  readonly #processors: number
  /** Operations that still go through the thread pool. */
  #threaded = 1
  /** ms that handing an operation over took the calling thread. */
  #wakeUp = 0

  constructor(processors = availableParallelism()) {
    this.#processors = processors
  }

  /** True when the next operation is done in the calling thread: reading ahead of it would gain nothing. */
  get inPlace(): boolean {
    return this.#threaded === 0
  }

  /** Runs one operation in either way; both fail alike. */
  async run<T>(inPlace: () => T, threaded: () => Promise<T>): Promise<T> {
    const start = performance.now()
    if (this.#threaded === 0) {
      const result = inPlace()
      this.#judge(performance.now() - start)
      return result
    }
    const pending = threaded()
    this.#wakeUp = performance.now() - start
    const result = await pending
    this.#threaded = performance.now() - start < SLOW_MS ? this.#threaded - 1 : PAUSE
    return result
  }

  #judge(took: number): void {
    const cheaper = this.#processors <= FEW_PROCESSORS || took <= WAKE_UPS * this.#wakeUp
    if (took > SLOW_MS || !cheaper) this.#threaded = PAUSE
  }
}
