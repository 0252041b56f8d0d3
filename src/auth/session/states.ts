import { invariant, SftError } from '../../streams/errors.ts'
import type { FrameType } from '../../streams/types.ts'

/** State × type of SPEC §9 as data: what each side may read in each state, what it writes, and where that leads. */

export type Role = 'initiator' | 'responder'

type Moves<State extends string> = Readonly<Partial<Record<FrameType, State>>>

/** One row: what is read by which role, and what is written. */
interface Row<State extends string> {
  readonly initiator: Moves<State>
  readonly responder: Moves<State>
  readonly writes: Moves<State>
}

export type HandshakeState =
  | 'start'
  | 'hello sent'
  | 'join sent'
  | 'joining'
  | 'chain'
  | 'signature'
  | 'mac'
  | 'authenticated'
  | 'over'

/** Up to `RSCV`, or to `JOIR` of a stripe. Both sides prove themselves alike, so the order of what one writes is not a matter of the peer's. */
export const HANDSHAKE: Readonly<Record<HandshakeState, Row<HandshakeState>>> = {
  start: {
    initiator: {},
    responder: { HELO: 'chain', JOIN: 'joining' },
    writes: { HELO: 'hello sent', JOIN: 'join sent' }
  },
  'hello sent': { initiator: { HELR: 'chain' }, responder: {}, writes: {} },
  chain: {
    initiator: { SECE: 'signature' },
    responder: { SECE: 'signature', RSCI: 'over' },
    writes: { HELR: 'chain', SECE: 'chain', SECV: 'chain', SECF: 'chain' }
  },
  signature: { initiator: { SECV: 'mac' }, responder: { SECV: 'mac' }, writes: {} },
  mac: { initiator: { SECF: 'authenticated' }, responder: { SECF: 'authenticated' }, writes: {} },
  authenticated: {
    initiator: { RSCV: 'over', RSCI: 'over' },
    responder: {},
    writes: { SECE: 'authenticated', SECV: 'authenticated', SECF: 'authenticated', RSCI: 'over', RSCV: 'over' }
  },
  'join sent': { initiator: { JOIR: 'over' }, responder: {}, writes: {} },
  joining: { initiator: {}, responder: {}, writes: { JOIR: 'over' } },
  over: { initiator: {}, responder: {}, writes: {} }
}

export type SessionState =
  | 'idle'
  | 'requested'
  | 'asked'
  | 'start sent'
  | 'start received'
  | 'sending'
  | 'sent everything'
  | 'receiving'
  | 'received everything'
  | 'over'

/** `PING` and `ABRT` are read and written in every state of a session. */
const READS = { ABRT: 'over' } as const

/** After `RSCV`. `PING` moves nothing and stands in no row; `CLOS` ends an idle session. */
export const SESSION: Readonly<Record<SessionState, Row<SessionState>>> = {
  idle: {
    initiator: { ...READS, CLOS: 'over' },
    responder: { ...READS, RQFL: 'asked', OFFR: 'asked', CLOS: 'over' },
    writes: { RQFL: 'requested', OFFR: 'requested', CLOS: 'over' }
  },
  requested: { ...both({ STRM: 'receiving', ACPT: 'start received', RSCI: 'idle' }), writes: {} },
  asked: { ...both({}), writes: { STRM: 'sending', ACPT: 'start sent', RSCI: 'idle' } },
  'start sent': { ...both({ STRM: 'receiving' }), writes: {} },
  'start received': { ...both({}), writes: { STRM: 'sending' } },
  sending: { ...both({}), writes: { RSFL: 'sending', FINL: 'sent everything' } },
  'sent everything': { ...both({ ACPT: 'idle' }), writes: {} },
  receiving: { ...both({ RSFL: 'receiving', FINL: 'received everything' }), writes: {} },
  'received everything': { ...both({}), writes: { ACPT: 'idle' } },
  over: { initiator: {}, responder: {}, writes: { CLOS: 'over' } }
}

export type StripeState = 'resting' | 'sending' | 'sent everything' | 'receiving' | 'over'

/** A stripe after `JOIR` (SPEC §8.1). A request puts it into `sending` or `receiving`, the end of its stream at rest again. */
export const STRIPE: Readonly<Record<StripeState, Row<StripeState>>> = {
  resting: { ...both({ CLOS: 'over' }), writes: {} },
  sending: { ...both({}), writes: { RSFL: 'sending', FINL: 'sent everything' } },
  'sent everything': { ...both({ CLOS: 'over' }), writes: {} },
  receiving: { ...both({ RSFL: 'receiving', FINL: 'resting' }), writes: {} },
  over: { initiator: {}, responder: {}, writes: {} }
}

function both<State extends string>(
  moves: Moves<State>
): Readonly<{ initiator: Moves<State | 'over'>; responder: Moves<State | 'over'> }> {
  return { initiator: { ...READS, ...moves }, responder: { ...READS, ...moves } }
}

/** Where one side stands. */
export interface Progress<State extends string> {
  readonly state: () => State
  /** @throws SftError ERR_SFT_FRAME_TYPE for a frame that may not be read in this state (M6); the state stays. */
  check(type: FrameType): void
  /** Moves by a frame that was read and verified. Throws like `check`. */
  read(type: FrameType): void
  /** Moves by a frame about to be written; one that may not be is a fault of our own. */
  write(type: FrameType): void
}

export function follow<State extends string>(
  table: Readonly<Record<State, Row<State>>>,
  role: Role,
  start: State
): Progress<State> {
  let state = start
  const next = (type: FrameType): State => {
    const to: State | undefined = table[state][role][type]
    if (to === undefined) throw new SftError('ERR_SFT_FRAME_TYPE', `a frame of type ${type} is not allowed here`)
    return to
  }
  return {
    state: () => state,
    check: type => void next(type),
    read: type => {
      state = next(type)
    },
    write: type => {
      const to: State | undefined = table[state].writes[type]
      invariant(to !== undefined, `wrote ${type} in state ${state}`)
      state = to
    }
  }
}
