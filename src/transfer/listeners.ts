import type { PeerIdentity } from '../auth/certificates/path.ts'
import { type AnswerOptions, answersFor } from './answering.ts'
import type { EventOptions } from './events.ts'
import { acceptGuarded } from './guarded.ts'
import { type Listener, type ListenOptions, listen } from './listen.ts'
import { type ListenAddress, type Listening, listeningOf, messagesFor, toldIncoming } from './listening.ts'
import type { MessageOptions } from './message.ts'
import type { Meter, MeteredStage } from './meter.ts'
import { type ReceiveOneOptions, receiveOne } from './receive-one.ts'
import type { Answers, TransferResult } from './requests.ts'
import { closingAlso } from './serving.ts'

type Accept = NonNullable<Answers['accept']>

/** What the listeners of an engine have in common. */
type Common = Pick<ListenOptions, 'identity' | 'pool' | 'chunkSize' | 'suites' | 'limits'>

export interface ListenersOptions extends Common {
  readonly meter: Meter | undefined
  readonly boundBy: () => MeteredStage | undefined
}

export type ReceivingOne = Omit<ReceiveOneOptions, keyof Common | 'message' | 'onEvent' | 'onFault'> &
  MessageOptions &
  EventOptions &
  Pick<ListenAddress, 'policy' | 'audit'>

/** Waits for peers that dial an engine, and answers them. */
export class Listeners {
  readonly #common: Common
  readonly #meter: Meter | undefined
  readonly #boundBy: () => MeteredStage | undefined

  constructor({ meter, boundBy, ...common }: ListenersOptions) {
    this.#common = common
    this.#meter = meter
    this.#boundBy = boundBy
  }

  async answer(options: AnswerOptions): Promise<Listener> {
    const listening = listeningOf(options, this.#boundBy)
    const { answers, root } = await answersFor(options, listening, this.#meter)
    try {
      const listener = await this.#listen(options, listening, answers)
      return root ? closingAlso(listener, root) : listener
    } catch (error) {
      await root?.[Symbol.asyncDispose]()
      throw error
    }
  }

  receiveOne(options: ReceivingOne): Promise<TransferResult & { peer: string }> {
    const { destination: given, onListening } = options
    const listening = listeningOf(options, this.#boundBy)
    const { auditor, watches, tell } = listening
    const accept: Accept = typeof given === 'function' ? given : async () => given
    const told = toldIncoming(acceptGuarded(accept, listening), listening)
    return receiveOne({
      ...options,
      ...this.#common,
      destination: this.#meter?.accepting(told) ?? told,
      message: messagesFor(options, listening),
      onListening: listener => {
        watches.listening(listener)
        onListening?.(listener)
      },
      onEvent: tell,
      onSession: peer => auditor?.session(peer)
    })
  }

  async #listen(
    { host, port }: ListenAddress,
    { auditor, watches, tell }: Listening,
    answers: Answers
  ): Promise<Listener> {
    const onSession = (peer: PeerIdentity) => auditor?.session(peer)
    const listener = await listen({ ...this.#common, host, port, answers, onEvent: tell, onSession })
    watches.listening(listener)
    return listener
  }
}
