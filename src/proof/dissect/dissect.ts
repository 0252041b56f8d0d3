import type { Capture, Connection, Direction, Dissected } from '../model.ts'
import { certificatesOf } from './certificates.ts'
import { dissectClassic, isClassic } from './classic-messages.ts'
import { dissectHttp, isHttp } from './http.ts'
import { Parts } from './parts.ts'
import { dissectPipe, pipeDirection } from './pipe.ts'
import { dissectSession, isSession } from './session.ts'
import { clearHandshake, dissectTls, isTls } from './tls.ts'

/** Says of each connection what its bytes are (M172): by the first of them, never by a port. What is none of these is unexplained. */
export function dissect(capture: Capture): Dissected[] {
  return capture.connections.map(connection => {
    const dissected = dissectConnection(connection)
    const { protocol, frames } = dissected
    const pieces = protocol === 'tls' ? (direction: Direction) => clearHandshake(frames, direction) : undefined
    return { ...dissected, certificates: certificatesOf(connection, pieces) }
  })
}

function dissectConnection(connection: Connection): Omit<Dissected, 'certificates'> {
  const piped = pipeDirection(connection)
  if (piped) return dissectPipe(connection, piped).finish('sft pipe')
  if (isSession(connection)) return dissectSession(connection).finish('sft session')
  if (isClassic(connection)) return dissectClassic(connection).finish('classic')
  if (isTls(connection)) return dissectTls(connection).finish('tls')
  if (isHttp(connection)) return dissectHttp(connection).finish('http')
  return dissectUnknown(connection).finish('unknown')
}

function dissectUnknown(connection: Connection): Parts {
  const parts = new Parts(connection)
  for (const direction of ['up', 'down'] as const) parts.unexplained(direction, 0)
  return parts
}
