import { availableParallelism } from 'node:os'
import { MIN_TASK_BYTES, threadsFor } from './placement.ts'
import type { CipherPool } from './pool.ts'

const MIB = 1024 * 1024
/** Tasks that decide. The quickest counts: the others were interrupted, or the first to touch their memory. */
const MEASURED_TASKS = 8

export interface AdaptiveOptions {
  inline: CipherPool
  /** Makes the pool of threads, if it comes to that. */
  threaded: (threads: number) => CipherPool
  processors?: number
}

/**
 * Works inline, measures the first chunks there, and moves to threads when they pay (`placement.ts`): a small file never starts one, and a
 * quick cipher on a small machine never does either.
 */
export function adaptivePool({ inline, threaded, processors = availableParallelism() }: AdaptiveOptions): CipherPool {
  let pool = inline
  let quickest = Number.POSITIVE_INFINITY
  let measured = 0
  const timed = async <T>(bytes: number, run: () => Promise<T>): Promise<T> => {
    if (measured >= MEASURED_TASKS || bytes < MIN_TASK_BYTES) return run()
    const start = performance.now()
    // inline, all the work is done before the promise is there
    const result = run()
    quickest = Math.min(quickest, ((performance.now() - start) * MIB) / bytes)
    if (++measured === MEASURED_TASKS) {
      const threads = threadsFor(processors, quickest)
      if (threads > 0) pool = threaded(threads)
    }
    return result
  }
  const close = (): Promise<void> => pool.close()
  return {
    get threads() {
      return pool.threads
    },
    seal: task => timed(task.data.byteLength, () => pool.seal(task)),
    open: task => timed(task.body.byteLength, () => pool.open(task)),
    unwrap: task => pool.unwrap(task),
    close,
    [Symbol.asyncDispose]: close
  }
}
