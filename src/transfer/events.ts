import { channel } from 'node:diagnostics_channel'
import { SftError } from '../streams/errors.ts'
import type { Suite } from '../workers/construction.ts'
import type { MeteredStage } from './meter.ts'
import type { Action } from './policy.ts'

/**
 * What is told of transfers (SPEC §8.9): plain data, the same to a program and, with `--json`, to a shell. `schema/events.schema.json` says it for other languages.
 */

interface Told {
  /** RFC 3339, of this machine's clock. */
  readonly time: string
  /** Of the transfer, the same in all of its events; of the listener for what belongs to no transfer. */
  readonly id: string
}

/** A transfer begins: the call that moves something, or a peer's request that is granted. */
export interface StartEvent extends Told {
  readonly type: 'start'
  readonly direction: 'sent' | 'received'
  /** Verified name of who answers, or has called; absent for a pipe. */
  readonly peer?: string
  /** Name, or the path that is asked for; of a peer's choice, and not fit for a terminal as it is. */
  readonly name?: string
  /** Bytes, if they are known by now. */
  readonly size?: number
  /** Absent for a file or stream. */
  readonly content?: Content
}

export type Content = 'directory' | 'message'

/** How far a transfer is, every 100 ms at most. */
export interface ProgressEvent extends Told {
  readonly type: 'progress'
  /** Plaintext bytes that have moved: written to the connection by a sender, verified and handed to the destination by a receiver. It never falls, also when another attempt begins again. */
  readonly bytes: number
  /** Bytes that a sender has read: those beyond `bytes` wait to be sealed or written. Absent at a receiver. */
  readonly queued?: number
  /** Bytes of the whole, once they are known. */
  readonly size?: number
  /** Bytes a second of the last few seconds. */
  readonly rate: number
  /** The stage that has bound the engine so far; with `stats` only. */
  readonly boundBy?: MeteredStage
  /** What protects it, once that is agreed. */
  readonly suite?: Suite
  /** RSA private operations that what has moved, also again, costs its receiver, at least; of the suite `rsa-oaep` only. */
  readonly privateOperations?: number
}

/** An attempt goes on behind bytes that an earlier one has moved. */
export interface ResumedEvent extends Told {
  readonly type: 'resumed'
  readonly at: number
}

/** An attempt has failed, and another one follows. */
export interface RetryEvent extends Told {
  readonly type: 'retry'
  /** Milliseconds until then. */
  readonly wait: number
  readonly error: Failure
}

/** Something of a directory that was to be sent stays behind. */
export interface OmittedEvent extends Told {
  readonly type: 'omitted'
  /** Verified name of who does not get it; absent for a pipe. */
  readonly peer?: string
  /** Of the directory. */
  readonly name?: string
  /** Below the directory. */
  readonly path: string
  readonly why: string
}

/** A transfer has ended well. */
export interface EndEvent extends Told {
  readonly type: 'end'
  readonly direction: 'sent' | 'received'
  readonly peer?: string
  readonly name?: string
  readonly content?: Content
  /** Plaintext bytes of the whole. */
  readonly bytes: number
  /** Bytes of them that an earlier attempt had moved. */
  readonly resumedAt: number
  /** What the receiver has confirmed; absent for a pipe, where nobody can. */
  readonly kind?: 'durable' | 'delivered'
  /** That carried chunks of it; 0 for a pipe. */
  readonly connections: number
  /** Of a directory. */
  readonly entries?: number
  /** What of a directory its sender had to leave out. */
  readonly omitted?: number
  /** What it is called at its receiver, where its name was taken. */
  readonly renamed?: string
  /** Bytes that were there of it and were given up. */
  readonly givenUp?: number
  /** Why: they were of another state of it, or they differ. */
  readonly reason?: 'changed' | 'differs'
  /** What protected it; absent where an earlier attempt had moved all of it. */
  readonly suite?: Suite
  /** RSA private operations that it has cost its receiver, at least; of the suite `rsa-oaep` only. */
  readonly privateOperations?: number
  /** From `start` to here. */
  readonly milliseconds: number
}

/** A transfer has failed, or a connection that never came to one. */
export interface ErrorEvent extends Told {
  readonly type: 'error'
  /** Absent for a stranger. */
  readonly peer?: string
  readonly name?: string
  readonly error: Failure
}

/** A listener has its address. */
export interface ListeningEvent extends Told {
  readonly type: 'listening'
  readonly host: string
  readonly port: number
}

/** The policy has refused a peer something. */
export interface DeniedEvent extends Told {
  readonly type: 'denied'
  readonly peer: string
  readonly action: Action
  readonly path: string
  readonly size?: number
}

/** An `SftError` as data. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly hint?: string
  readonly exitCode: number
  readonly retryable: boolean
}

export type TransferEvent =
  | StartEvent
  | ProgressEvent
  | ResumedEvent
  | RetryEvent
  | OmittedEvent
  | EndEvent
  | ErrorEvent
  | ListeningEvent
  | DeniedEvent

/** Each of them; the channel of `node:diagnostics_channel` on which it is published, too, is `sft:transfer:TYPE`. */
export const EVENT_TYPES = [
  'start',
  'progress',
  'resumed',
  'retry',
  'omitted',
  'end',
  'error',
  'listening',
  'denied'
] as const satisfies readonly TransferEvent['type'][]

export interface EventOptions {
  /** Told of everything, as it happens; the transfer waits meanwhile. It must not throw. */
  onEvent?: ((event: TransferEvent) => void) | undefined
  /** Told of the progress alone. */
  onProgress?: ((progress: ProgressEvent) => void) | undefined
}

const CHANNELS = EVENT_TYPES.map(type => ({ type, channel: channel(`sft:transfer:${type}`) }))

/** Takes an event, which gets its time here. */
export type Tell = (event: Timeless<TransferEvent>) => void

type Timeless<E> = E extends TransferEvent ? Omit<E, 'time'> : never

/** Tells a caller and the channels; `undefined` when nobody wants to know now. */
export function tellerOf({ onEvent, onProgress }: EventOptions): Tell | undefined {
  if (!onEvent && !onProgress && !CHANNELS.some(each => each.channel.hasSubscribers)) return undefined
  return untimed => {
    const event = { time: new Date().toISOString(), ...untimed } as TransferEvent
    CHANNELS.find(({ type }) => type === event.type)?.channel.publish(event)
    onEvent?.(event)
    if (event.type === 'progress') onProgress?.(event)
  }
}

/** A fault as data; what is none of ours is a cancellation when a signal has aborted, otherwise internal. */
export function failureOf(error: unknown, signal?: AbortSignal): Failure {
  if (SftError.is(error)) {
    const { code, message, hint, exitCode, retryable } = error
    return { code, message, ...(hint !== undefined && { hint }), exitCode, retryable }
  }
  const message = error instanceof Error ? error.message : String(error)
  const code = signal?.aborted ? 'ERR_SFT_CANCELLED' : 'ERR_SFT_INTERNAL'
  const { exitCode, retryable } = new SftError(code, message)
  return { code, message, exitCode, retryable }
}
