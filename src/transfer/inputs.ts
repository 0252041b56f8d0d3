import { totalmem } from 'node:os'
import { SftError } from '../streams/errors.ts'
import type { SendOptions } from './engine-options.ts'
import { type Input, type OpenedInput, openInput } from './input.ts'
import type { Replay } from './replay.ts'
import type { Attempts } from './retry.ts'
import type { TreeOptions } from './tree/tree-source.ts'

/** Failures in a row, none of them behind the one before it, that a transfer with a window outlives: about two minutes. */
const PATIENCE = 12
const LEAST_WINDOW = 1024 * 1024

type Options = Pick<SendOptions, 'replay' | 'retry' | 'onRetry' | 'signal'>

/** What the attempts of one call send: what can be read again is opened anew for each, of anything else a window may be kept. */
export class Inputs implements AsyncDisposable {
  /** How often, and when. */
  readonly again: Attempts
  readonly #input: Input
  readonly #options: Options
  #replay: Replay | undefined
  /** Something was read that can not be read again. */
  #spent = false

  constructor(input: Input, options: Options) {
    this.#input = input
    this.#options = options
    this.again = this.#attempts()
  }

  /** For one attempt. */
  async open(name: string | undefined, tree: TreeOptions | undefined): Promise<OpenedInput> {
    const { replay, signal } = this.#options
    if (replay === undefined) return this.#noting(await openInput(this.#input, name, tree))
    this.#replay ??= await this.#keeping(await openInput(this.#input, name, tree), replay, signal)
    return { ...this.#replay.outgoing(), [Symbol.asyncDispose]: async () => {} }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#replay?.[Symbol.asyncDispose]()
  }

  #attempts(): Attempts {
    const { replay, retry, onRetry } = this.#options
    const isFinal = (): boolean => this.#spent || this.#replay?.failed === true
    if (replay === undefined) {
      const again = typeof this.#input === 'string' || this.#input instanceof Uint8Array
      return again ? { retry, onRetry, isFinal } : {}
    }
    if (retry !== undefined) return { retry, onRetry, isFinal }
    return { retry: PATIENCE, onRetry, isFinal, advanced: () => this.#replay?.advanced() === true }
  }

  async #keeping(opened: OpenedInput, bytes: number, signal: AbortSignal | undefined): Promise<Replay> {
    const { Replay } = await import('./replay.ts')
    try {
      return new Replay(opened, bytes, signal)
    } catch (error) {
      await opened[Symbol.asyncDispose]()
      throw error
    }
  }

  /** A path may be of a FIFO or a device. */
  #noting(opened: OpenedInput): OpenedInput {
    if (opened.file || opened.tree) return opened
    const source: OpenedInput['source'] = (...from) => {
      this.#spent = true
      return opened.source(...from)
    }
    return { ...opened, source }
  }
}

/** @throws SftError ERR_SFT_USAGE for a window that is smaller than a chunk or larger than memory, and with a receipt: the whole, which that is of, is more than a window has. */
export function requireWindow({
  replay,
  receipt,
  verifyPrefix
}: Pick<SendOptions, 'replay' | 'receipt' | 'verifyPrefix'>): void {
  if (replay === undefined) return
  if (!(replay >= LEAST_WINDOW && replay <= totalmem()))
    throw new SftError(
      'ERR_SFT_USAGE',
      'a window to replay from has 1 MiB at least, and fits into the memory of this machine'
    )
  if (verifyPrefix)
    throw new SftError('ERR_SFT_USAGE', 'what is no longer kept can not be compared with what the receiver has')
  if (receipt)
    throw new SftError('ERR_SFT_USAGE', 'a receipt is of the whole, and a window to replay from has only the end of it')
}
