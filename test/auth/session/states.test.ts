import t, { type Test } from 'tap'
import {
  follow,
  HANDSHAKE,
  type HandshakeState,
  type Role,
  SESSION,
  type SessionState,
  STRIPE,
  type StripeState
} from '../../../src/auth/session/states.ts'
import type { FrameType } from '../../../src/streams/types.ts'

const TYPES: FrameType[] = [
  ...(['HELO', 'HELR', 'SECE', 'SECV', 'SECF', 'RSCV', 'RSCI', 'JOIN', 'JOIR', 'RQFL'] as const),
  ...(['OFFR', 'ACPT', 'STRM', 'RSFL', 'FINL', 'PING', 'ABRT', 'CLOS'] as const)
]
const ROLES: Role[] = ['initiator', 'responder']

/** SPEC §9, written a second time: what may be read, for the initiator and for the responder. */
const HANDSHAKE_READS: Record<HandshakeState, [string, string]> = {
  start: ['', 'HELO JOIN'],
  'hello sent': ['HELR', ''],
  'join sent': ['JOIR', ''],
  joining: ['', ''],
  chain: ['SECE', 'SECE RSCI'],
  signature: ['SECV', 'SECV'],
  mac: ['SECF', 'SECF'],
  authenticated: ['RSCV RSCI', ''],
  over: ['', '']
}

/** `PING` is read in every state and stands in no row. */
const SESSION_READS: Record<SessionState, [string, string]> = {
  idle: ['ABRT CLOS', 'RQFL OFFR ABRT CLOS'],
  requested: ['STRM ACPT RSCI ABRT', 'STRM ACPT RSCI ABRT'],
  asked: ['ABRT', 'ABRT'],
  'start sent': ['STRM ABRT', 'STRM ABRT'],
  'start received': ['ABRT', 'ABRT'],
  sending: ['ABRT', 'ABRT'],
  'sent everything': ['ACPT ABRT', 'ACPT ABRT'],
  receiving: ['RSFL FINL ABRT', 'RSFL FINL ABRT'],
  'received everything': ['ABRT', 'ABRT'],
  over: ['', '']
}

const STRIPE_READS: Record<StripeState, [string, string]> = {
  resting: ['ABRT CLOS', 'ABRT CLOS'],
  sending: ['ABRT', 'ABRT'],
  'sent everything': ['ABRT CLOS', 'ABRT CLOS'],
  receiving: ['RSFL FINL ABRT', 'RSFL FINL ABRT'],
  over: ['', '']
}

t.test('every role × state × type is allowed or refused as SPEC §9 says (M6)', t => {
  checkAll(t, HANDSHAKE_READS, HANDSHAKE)
  checkAll(t, SESSION_READS, SESSION)
  checkAll(t, STRIPE_READS, STRIPE)
  t.end()
})

t.test('a handshake, a pull, a push and a refusal lead back to idle', t => {
  const handshake = follow(HANDSHAKE, 'initiator', 'start')
  handshake.write('HELO')
  for (const type of ['HELR', 'SECE', 'SECV', 'SECF'] as const) handshake.read(type)
  for (const type of ['SECE', 'SECV', 'SECF'] as const) handshake.write(type)
  handshake.read('RSCV')
  t.equal(handshake.state(), 'over')
  const [asking, answering] = [follow(HANDSHAKE, 'initiator', 'start'), follow(HANDSHAKE, 'responder', 'start')]
  asking.write('JOIN')
  answering.read('JOIN')
  answering.write('JOIR')
  asking.read('JOIR')
  t.same([asking.state(), answering.state()], ['over', 'over'])
  const flows: [Role, string][] = [
    ['initiator', 'w:RQFL r:STRM r:RSFL r:FINL w:ACPT'],
    ['initiator', 'w:RQFL r:RSCI'],
    ['initiator', 'w:OFFR r:ACPT w:STRM w:RSFL w:RSFL w:FINL r:ACPT'],
    ['responder', 'r:RQFL w:STRM w:FINL r:ACPT'],
    ['responder', 'r:OFFR w:ACPT r:STRM r:FINL w:ACPT'],
    ['responder', 'r:OFFR w:RSCI']
  ]
  for (const [role, flow] of flows) {
    const progress = follow(SESSION, role, 'idle')
    for (const step of flow.split(' ')) progress[step[0] === 'w' ? 'write' : 'read'](step.slice(2) as FrameType)
    t.equal(progress.state(), 'idle', flow)
  }
  t.end()
})

t.test('a refused frame moves nothing; writing what may not be written is a fault of our own', t => {
  const progress = follow(SESSION, 'initiator', 'idle')
  t.throws(() => progress.read('RSFL'), { code: 'ERR_SFT_FRAME_TYPE' })
  t.throws(() => progress.write('RSFL'), { code: 'ERR_SFT_INTERNAL' })
  t.equal(progress.state(), 'idle')
  t.end()
})

function check(t: Test, run: () => void, allowed: boolean): void {
  if (allowed) t.doesNotThrow(run)
  else t.throws(run, { code: 'ERR_SFT_FRAME_TYPE' })
}

function checkAll<State extends string>(
  t: Test,
  reads: Readonly<Record<State, [string, string]>>,
  table: Parameters<typeof follow<State>>[0]
): void {
  for (const state of Object.keys(reads) as State[]) {
    for (const [index, role] of ROLES.entries()) {
      const allowed = (reads[state][index] as string).split(' ')
      for (const type of TYPES) check(t, () => follow(table, role, state).check(type), allowed.includes(type))
    }
  }
}
