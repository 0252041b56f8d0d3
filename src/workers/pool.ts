import type { Piscina } from 'piscina'
import { adaptivePool } from './adaptive-pool.ts'
import type { Sealed } from './aead.ts'
import { allocate, release } from './buffers.ts'
import { MIN_BLOCK_TASK_BYTES, MIN_TASK_BYTES } from './placement.ts'
import { type OpenTask, openTask, type SealTask, sealTask, type UnwrapTask, unwrapTask } from './tasks.ts'

/**
 * Where chunks are sealed and opened: in worker threads, or inline with the same interface. A task owns the buffer it is
 * given (transferred, never copied between threads). Memory: the tasks that callers have under way; the pool has no bound of its own,
 * the ordered window of a stage is the bound.
 */
export interface CipherPool extends AsyncDisposable {
  /** Worker threads; 0 while inline. */
  readonly threads: number
  seal(task: SealTask): Promise<Sealed>
  /** Resolves with `undefined` for a chunk that does not verify. */
  open(task: OpenTask): Promise<Uint8Array<ArrayBuffer> | undefined>
  /** One RSA private operation; `undefined` for every failure alike. */
  unwrap(task: UnwrapTask): Promise<Uint8Array | undefined>
  /** Ends the threads after the tasks under way. */
  close(): Promise<void>
}

export interface PoolOptions {
  /** Worker threads; 0 works inline. Default: decided by the first chunks (`adaptive-pool.ts`), at most one less than the processors. */
  threads?: number
}

/** A worker with a second task at hand does not wait for the main thread between two. */
const TASKS_PER_WORKER = 2
const WORKER_YOUNG_MB = 2
/** Just below the 32 MiB up to which glibc learns. */
const LARGEST_DYNAMIC_THRESHOLD = 31 * 1024 * 1024

/** Makes a pool; threads start with the first task worth one, so a small file never pays for them. */
export function createPool(options: PoolOptions = {}): CipherPool {
  keepFreedMemory()
  const { threads } = options
  if (threads === undefined) return adaptivePool({ inline: inlinePool(), threaded: threadPool })
  return threads === 0 ? inlinePool() : threadPool(threads)
}

/**
 * Keeps glibc from giving every released megabyte back to the system, to be faulted in again page by page: freeing one large block
 * raises its thresholds for mmap and for trimming (mallopt(3), M_MMAP_THRESHOLD: the dynamic threshold). The block is never touched, so it costs no memory;
 * with another allocator it changes nothing.
 */
function keepFreedMemory(): void {
  release(allocate(LARGEST_DYNAMIC_THRESHOLD))
}

/** A pool that works in the calling thread. */
export function inlinePool(): CipherPool {
  return {
    threads: 0,
    seal: async task => sealTask(task),
    open: async task => openTask(task),
    unwrap: async task => unwrapTask(task),
    close: async () => {},
    [Symbol.asyncDispose]: async () => {}
  }
}

function threadPool(threads: number): CipherPool {
  let started: Promise<Piscina> | undefined
  let closed = false
  const start = (): Promise<Piscina> => {
    if (closed) throw new Error('internal: the pool is closed')
    started ??= startThreads(threads)
    return started
  }
  const run = async (name: string, task: object, transfer?: ArrayBuffer): Promise<unknown> =>
    (await start()).run(task, { name, ...(transfer && { transferList: [transfer] }) })
  const close = async (): Promise<void> => {
    closed = true
    await (await started)?.close()
  }
  return {
    threads,
    seal: async task =>
      isLight(task, task.data) ? sealTask(task) : (run('seal', task, task.data.buffer) as Promise<Sealed>),
    open: async task =>
      isLight(task, task.body)
        ? openTask(task)
        : (run('open', task, task.body.buffer) as Promise<Uint8Array<ArrayBuffer> | undefined>),
    unwrap: async task => (started ? (run('unwrap', task) as Promise<Uint8Array | undefined>) : unwrapTask(task)),
    close,
    [Symbol.asyncDispose]: close
  }
}

/** Quicker done than handed over. A block takes thousands of times as long as its bytes otherwise do. */
function isLight({ blocks }: Pick<SealTask, 'blocks'>, { byteLength }: Uint8Array): boolean {
  return byteLength < (blocks ? MIN_BLOCK_TASK_BYTES : MIN_TASK_BYTES)
}

async function startThreads(threads: number): Promise<Piscina> {
  const { Piscina } = await import('piscina')
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
  return new Piscina({
    filename: new URL(`./cipher.worker${extension}`, import.meta.url).href,
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: TASKS_PER_WORKER,
    atomics: 'sync',
    recordTiming: false,
    // a task leaves a few small objects and no large ones: more room for the young would only be more memory
    resourceLimits: { maxYoungGenerationSizeMb: WORKER_YOUNG_MB },
    // the worker needs nothing of the parent's command line, such as a test runner's loaders
    execArgv: []
  })
}
