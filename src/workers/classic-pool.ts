import type { KeyObject } from 'node:crypto'
import { availableParallelism } from 'node:os'
import type { Piscina } from 'piscina'
import { blockSize, CLASSIC_BLOCK, decryptBlocks, encryptBlocks, type OpenedBlocks } from './classic-blocks.ts'

/**
 * Where blocks of the classic system are made and opened. Opening one is an RSA private operation, which is all that such a transfer takes its time for: so all
 * processors open, and the thread that reads and writes has next to nothing to do.
 */
export interface ClassicPool extends AsyncDisposable {
  /** Worker threads; 0 while inline. */
  readonly threads: number
  /** @param data bytes of a file, in a buffer of their own, which is transferred */
  encrypt(key: KeyObject, data: Uint8Array<ArrayBuffer>): Promise<Uint8Array>
  /** @param blocks one behind the other, in a buffer of their own, which is transferred */
  decrypt(key: KeyObject, blocks: Uint8Array<ArrayBuffer>): Promise<OpenedBlocks>
  /** Ends the threads after the tasks under way. */
  close(): Promise<void>
}

export interface ClassicPoolOptions {
  /** Worker threads; 0 works in the calling thread. Default: as many as there are processors, started when there is work for them. */
  threads?: number | undefined
}

/** A worker with a second task at hand does not wait for the main thread between two. */
const TASKS_PER_WORKER = 2
/** Private operations after which threads pay for their start; a public one is a thirtieth of one. */
const WORTH_THREADS = 64
const PUBLIC_SHARE = 1 / 30

/** Makes a pool; small files never start a thread. */
export function createClassicPool({ threads = availableParallelism() }: ClassicPoolOptions = {}): ClassicPool {
  let done = 0
  let started: Promise<Piscina> | undefined
  const worthThreads = (operations: number): boolean => {
    done += operations
    return threads > 0 && done > WORTH_THREADS
  }
  const run = async (name: string, key: KeyObject, data: Uint8Array<ArrayBuffer>): Promise<unknown> => {
    started ??= startThreads(threads)
    return (await started).run({ key, data }, { name, transferList: [data.buffer] })
  }
  const close = async (): Promise<void> => {
    await (await started)?.close()
  }
  return {
    get threads() {
      return started ? threads : 0
    },
    encrypt: async (key, data) =>
      worthThreads((data.byteLength / CLASSIC_BLOCK) * PUBLIC_SHARE)
        ? (run('encrypt', key, data) as Promise<Uint8Array>)
        : encryptBlocks(key, data),
    decrypt: async (key, blocks) =>
      worthThreads(blocks.byteLength / blockSize(key))
        ? (run('decrypt', key, blocks) as Promise<OpenedBlocks>)
        : decryptBlocks(key, blocks),
    close,
    [Symbol.asyncDispose]: close
  }
}

async function startThreads(threads: number): Promise<Piscina> {
  const { Piscina } = await import('piscina')
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
  return new Piscina({
    filename: new URL(`./classic.worker${extension}`, import.meta.url).href,
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: TASKS_PER_WORKER,
    recordTiming: false,
    // the worker needs nothing of the parent's command line, such as a test runner's loaders
    execArgv: []
  })
}
