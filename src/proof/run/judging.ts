import { Worker } from 'node:worker_threads'
import { SftError } from '../../streams/errors.ts'
import type { JudgeOptions } from '../judge/judge.ts'
import type { Verdict } from '../model.ts'

/** What the thread is given. */
export interface JudgeTask {
  readonly path: string
  readonly options: JudgeOptions
}

/** Judges a capture in a thread of its own: to look for every 16 bytes of a file takes a while, in which ours has to answer an interruption, and can attack. Disposed of, it stops. */
export class Judging implements AsyncDisposable {
  readonly verdict: Promise<Verdict>
  readonly #worker: Worker

  constructor(task: JudgeTask) {
    // the sources have another extension than the package
    const entry = new URL(`./judge.worker${import.meta.url.slice(-3)}`, import.meta.url)
    // it needs nothing of the parent's command line, such as a test runner's loaders
    this.#worker = new Worker(entry, { workerData: task, execArgv: [] })
    const { promise, resolve, reject } = Promise.withResolvers<Verdict>()
    this.#worker.once('message', resolve).once('error', reject)
    this.#worker.once('exit', () =>
      reject(new SftError('ERR_SFT_INTERNAL', 'internal: the judge ended without a word'))
    )
    this.verdict = promise
    // it may be looked at later, or not at all once something else has failed
    promise.catch(() => undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate()
  }
}
