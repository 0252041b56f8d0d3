import { availableParallelism } from 'node:os'

/** A megabyte that is in memory takes a small part of this; what takes longer waits for a disk. */
const SLOW_MS = 1
/** Operations that go through the thread pool after a slow one, before the calling thread tries again: twice as many each time in a row. */
const MIN_PAUSE = 4
const MAX_PAUSE = 64
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
  readonly #now: () => number
  /** Operations that still go through the thread pool. */
  #threaded: number
  #pause = MIN_PAUSE
  /** ms that handing an operation over took the calling thread. */
  #wakeUp = 0

  /**
   * @param bounded false for what may make its caller wait without end, such as a terminal: the calling thread never does that
   * @param now a clock in ms
   */
  constructor(bounded: boolean, processors = availableParallelism(), now = (): number => performance.now()) {
    this.#threaded = bounded ? 1 : Number.POSITIVE_INFINITY
    this.#processors = processors
    this.#now = now
  }

  /** True when the next operation is done in the calling thread: reading ahead of it would gain nothing. */
  get inPlace(): boolean {
    return this.#threaded === 0
  }

  /** Runs one operation in either way; both fail alike. */
  async run<T>(inPlace: () => T, threaded: () => Promise<T>): Promise<T> {
    const start = this.#now()
    if (this.#threaded === 0) {
      const result = inPlace()
      this.#judge(this.#now() - start)
      return result
    }
    this.#threaded--
    const pending = threaded()
    this.#wakeUp = this.#now() - start
    return pending
  }

  #judge(took: number): void {
    const cheaper = this.#processors <= FEW_PROCESSORS || took <= WAKE_UPS * this.#wakeUp
    if (took <= SLOW_MS && cheaper) {
      this.#pause = MIN_PAUSE
      return
    }
    this.#threaded = this.#pause
    this.#pause = Math.min(MAX_PAUSE, 2 * this.#pause)
  }
}
