import type { PeerIdentity } from '../auth/certificates/path.ts'
import type { Identity } from '../auth/identity/identity.ts'
import type { RateLimits } from '../streams/rate-limit.ts'
import type { Suite } from '../workers/construction.ts'
import type { CipherPool } from '../workers/pool.ts'
import { type AnswerOptions, answersFor } from './answering.ts'
import type { EventOptions } from './events.ts'
import { acceptGuarded } from './guarded.ts'
import { type Listener, listen } from './listen.ts'
import { type ListenAddress, type Listening, listeningOf, messagesFor, toldIncoming } from './listening.ts'
import type { MessageOptions } from './message.ts'
import type { Meter, MeteredStage } from './meter.ts'
import { type ReceiveOneOptions, receiveOne } from './receive-one.ts'
import type { Answers, TransferResult } from './requests.ts'
import { closingAlso } from './serving.ts'

type Accept = NonNullable<Answers['accept']>

/** What the listeners of an engine have in common. */
export interface ListenersOptions {
  /** Asked at each session: a renewed certificate may have taken its place. */
  readonly identity: () => Identity
  readonly pool: CipherPool
  readonly chunkSize: number | undefined
  /** The only ones that peers may dial with; undefined for all. */
  readonly suites: readonly Suite[] | undefined
  readonly meter: Meter | undefined
  readonly limits: RateLimits | undefined
  readonly boundBy: () => MeteredStage | undefined
}

export type ReceivingOne = Omit<
  ReceiveOneOptions,
  'identity' | 'pool' | 'suites' | 'limits' | 'message' | 'onEvent' | 'onFault'
> &
  MessageOptions &
  EventOptions &
  Pick<ListenAddress, 'policy' | 'audit'>

/** Waits for peers that dial an engine, and answers them. */
export class Listeners {
  readonly #options: ListenersOptions

  constructor(options: ListenersOptions) {
    this.#options = options
  }

  async answer(options: AnswerOptions): Promise<Listener> {
    const listening = listeningOf(options, this.#options.boundBy)
    const { answers, root } = await answersFor(options, listening, this.#options.meter)
    try {
      const listener = await this.#listen(options, listening, answers)
      return root ? closingAlso(listener, root) : listener
    } catch (error) {
      await root?.[Symbol.asyncDispose]()
      throw error
    }
  }

  receiveOne(options: ReceivingOne): Promise<TransferResult & { peer: string }> {
    const { identity, pool, suites, meter, limits, boundBy } = this.#options
    const { destination: given, onListening } = options
    const listening = listeningOf(options, boundBy)
    const { auditor, watches, tell } = listening
    const accept: Accept = typeof given === 'function' ? given : async () => given
    const told = toldIncoming(acceptGuarded(accept, listening), listening)
    return receiveOne({
      ...options,
      destination: meter?.accepting(told) ?? told,
      message: messagesFor(options, listening),
      onListening: listener => {
        watches.listening(listener)
        onListening?.(listener)
      },
      onEvent: tell,
      onSession: peer => auditor?.session(peer),
      identity,
      pool,
      suites,
      limits
    })
  }

  async #listen(
    { host, port }: ListenAddress,
    { auditor, watches, tell }: Listening,
    answers: Answers
  ): Promise<Listener> {
    const { identity, pool, chunkSize, suites, limits } = this.#options
    const onSession = (peer: PeerIdentity) => auditor?.session(peer)
    const listener = await listen({
      identity,
      pool,
      host,
      port,
      answers,
      chunkSize,
      suites,
      limits,
      onEvent: tell,
      onSession
    })
    watches.listening(listener)
    return listener
  }
}
