/**
 * Where chunks are sealed, on paper: the calling thread copies every megabyte in and out, which nobody can take off it; a thread of the
 * pool takes the cipher off it and costs two wake-ups and a trip through another core's cache. bench/README.md has the model.
 */

/** Below this size a task costs more to hand over than to do (bench/pool), and its time is mostly the call itself. */
export const MIN_TASK_BYTES = 128 * 1024
/** The same for blocks of the strict suite: some private operations. */
export const MIN_BLOCK_TASK_BYTES = 4 * 1024
/** ms that the calling thread needs for a megabyte apart from the cipher: about what reading and writing it cost. */
const OWN_MS = 0.2
/** A cipher quicker than this for a megabyte is done before a thread has woken. */
const WORTH_A_THREAD_MS = 0.2
/** With two processors the other one belongs to the system, the disk, and on one machine to the peer. */
const WORTH_THE_OTHER_PROCESSOR_MS = 0.6
const MAX_THREADS = 8

/**
 * How many threads seal: 0 is the calling thread.
 *
 * @param cipherMs ms that one MiB takes the cipher, measured
 */
export function threadsFor(processors: number, cipherMs: number): number {
  const worth = processors > 2 ? WORTH_A_THREAD_MS : WORTH_THE_OTHER_PROCESSOR_MS
  if (processors < 2 || cipherMs < worth) return 0
  // more threads than that would wait for the calling thread
  return Math.min(processors - 1, MAX_THREADS, Math.ceil(cipherMs / OWN_MS))
}
