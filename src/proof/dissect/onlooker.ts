import {
  HANDSHAKE,
  type HandshakeState,
  type Role,
  SESSION,
  type SessionState,
  STRIPE,
  type StripeState
} from '../../auth/session/states.ts'
import type { FrameType } from '../../streams/types.ts'

/** Follows both sides of a connection by the types of their frames (SPEC §9), as one does who can open none of them. */

type Both<State> = Record<Role, State>

const ALWAYS: ReadonlySet<FrameType> = new Set<FrameType>(['PING', 'CRLN', 'ABRT'])
const ENDS: ReadonlySet<FrameType> = new Set<FrameType>(['ABRT', 'CLOS'])

export class Onlooker {
  readonly #handshake: Both<HandshakeState> = { initiator: 'start', responder: 'start' }
  readonly #session: Both<SessionState> = { initiator: 'idle', responder: 'idle' }
  readonly #stripe: Both<StripeState> = { initiator: 'resting', responder: 'resting' }
  /** Who has said that it is over. What the other sends then may have been under way. */
  readonly #ended: Both<boolean> = { initiator: false, responder: false }
  #isStripe = false

  /** Where the one stands who is to read it, and whether this frame has a place there. */
  see(type: FrameType, by: Role): { readonly state: string; readonly fits: boolean } {
    const to = by === 'initiator' ? 'responder' : 'initiator'
    const state = this.#stateOf(to)
    const fits = this.#ended[by] ? ENDS.has(type) : this.#ended[to] || this.#move(type, by, to)
    if (fits && (ENDS.has(type) || (type === 'RSCI' && state !== 'requested'))) this.#ended[by] = true
    if (type === 'JOIN') this.#isStripe = true
    return { state, fits }
  }

  #stateOf(side: Role): string {
    const handshake = this.#handshake[side]
    if (handshake !== 'over') return handshake
    return this.#isStripe ? this.#stripe[side] : this.#session[side]
  }

  #move(type: FrameType, by: Role, to: Role): boolean {
    if (step(HANDSHAKE, this.#handshake, type, by, to)) return true
    if (!this.#maySpeak(type, by)) return false
    if (ALWAYS.has(type)) return type !== 'CRLN' || !this.#isStripe
    return this.#isStripe ? this.#moveStripe(type, by, to) : step(SESSION, this.#session, type, by, to)
  }

  /** Who has proved itself may speak; the responder says first that it takes the session. Who has keys may say why it does not. */
  #maySpeak(type: FrameType, by: Role): boolean {
    const { initiator, responder } = this.#handshake
    if (type === 'ABRT') return responder !== 'start' && initiator !== 'hello sent'
    const proved = responder === 'authenticated' || responder === 'over'
    return by === 'initiator' ? proved && initiator !== 'join sent' : responder === 'over'
  }

  /** Which way a stripe carries was said on the first connection: its first chunk shows it. */
  #moveStripe(type: FrameType, by: Role, to: Role): boolean {
    if (type === 'CLOS') return STRIPE[this.#stripe[to]][to][type] !== undefined
    const carries = type === 'RSFL' || type === 'FINL'
    if (carries && this.#stripe[by] !== 'sending' && this.#stripe[by] !== 'receiving') {
      this.#stripe[by] = 'sending'
      this.#stripe[to] = 'receiving'
    }
    return step(STRIPE, this.#stripe, type, by, to)
  }
}

interface Row<State extends string> {
  readonly initiator: Readonly<Partial<Record<FrameType, State>>>
  readonly responder: Readonly<Partial<Record<FrameType, State>>>
  readonly writes: Readonly<Partial<Record<FrameType, State>>>
}

/** Moves both sides, if the one may write it and the other read it. */
function step<State extends string>(
  table: Readonly<Record<State, Row<State>>>,
  states: Both<State>,
  type: FrameType,
  by: Role,
  to: Role
): boolean {
  const written = table[states[by]].writes[type]
  const read = table[states[to]][to][type]
  if (written === undefined || read === undefined) return false
  states[by] = written
  states[to] = read
  return true
}
