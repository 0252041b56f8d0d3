import { availableParallelism } from 'node:os'
import { MIN_BLOCK_TASK_BYTES, MIN_TASK_BYTES, threadsFor } from './placement.ts'
import type { CipherPool } from './pool.ts'

const MIB = 1024 * 1024
/** Tasks that decide. The quickest counts: the others were interrupted, or the first to touch their memory. */
const MEASURED_TASKS = 8
/** In the place of how many were measured: there is nothing to decide any more. */
const STRICT = Number.POSITIVE_INFINITY

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
  /** The pool that was given up, once it has ended. */
  let retired: Promise<void> | undefined
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
  /** Blocks of the strict suite take all processors: the calling thread has next to nothing to do between two. */
  const useAll = (bytes: number): void => {
    if (measured >= STRICT || bytes < MIN_BLOCK_TASK_BYTES) return
    measured = STRICT
    retired = pool.close()
    // whoever closes this one is told
    retired.catch(() => {})
    pool = threaded(processors)
  }
  const close = async (): Promise<void> => void (await Promise.all([pool.close(), retired]))
  return {
    get threads() {
      return pool.threads
    },
    seal: task => {
      if (task.blocks) useAll(task.data.byteLength)
      return timed(task.data.byteLength, () => pool.seal(task))
    },
    open: task => {
      if (task.blocks) useAll(task.body.byteLength)
      return timed(task.body.byteLength, () => pool.open(task))
    },
    unwrap: task => pool.unwrap(task),
    close,
    [Symbol.asyncDispose]: close
  }
}
