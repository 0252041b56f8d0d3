import { type Capture, type Connection, DIRECTIONS, type Direction, type Dissected } from '../model.ts'
import { certificatesOf } from './certificates.ts'
import { dissectClassic, isClassic } from './classic-messages.ts'
import { dissectHttp, isHttp } from './http.ts'
import { FrameCount, Parts } from './parts.ts'
import { dissectPipe, pipeDirection } from './pipe.ts'
import { dissectSession, isSession } from './session.ts'
import { clearHandshake, dissectTls, isTls } from './tls.ts'

/**
 * Says of each connection what its bytes are (M172): by the first of them, never by a port. What is none of these is unexplained.
 *
 * @throws SftError ERR_SFT_LIMIT for more frames or certificates than a capture has (M170).
 */
export function dissect(capture: Capture): Dissected[] {
  const count = new FrameCount()
  return capture.connections.map(connection => dissectConnection(facing(connection), count))
}

function dissectConnection(connection: Connection, count: FrameCount): Dissected {
  const parts = new Parts(connection, count)
  const protocol = split(parts)
  const frames = parts.inOrder()
  const pieces = protocol === 'tls' ? (direction: Direction) => clearHandshake(frames, direction) : undefined
  return { connection, protocol, frames, faults: parts.faults, certificates: certificatesOf(connection, pieces) }
}

function split(parts: Parts): Dissected['protocol'] {
  const { connection } = parts
  const piped = pipeDirection(connection)
  if (piped) dissectPipe(parts, piped)
  const known = piped ? undefined : DIALLED.find(({ begins }) => begins(connection))
  known?.dissect(parts)
  if (!piped && !known) for (const direction of DIRECTIONS) parts.unexplained(direction, 0)
  return piped ? 'sft pipe' : (known?.protocol ?? 'unknown')
}

/** What begins with a message of the one who dials. */
const DIALLED: readonly {
  readonly protocol: Dissected['protocol']
  readonly begins: (connection: Connection) => boolean
  readonly dissect: (parts: Parts) => void
}[] = [
  { protocol: 'sft session', begins: isSession, dissect: dissectSession },
  { protocol: 'classic', begins: isClassic, dissect: dissectClassic },
  { protocol: 'tls', begins: isTls, dissect: dissectTls },
  { protocol: 'http', begins: isHttp, dissect: dissectHttp }
]

/** Without its handshake, who dialled was a guess by the ports: what they say shows it. */
function facing(connection: Connection): Connection {
  const { handshake, dialler, listener, up, down } = connection
  if (handshake.length > 0 || DIALLED.some(({ begins }) => begins(connection))) return connection
  const turned = { ...connection, dialler: listener, listener: dialler, up: down, down: up }
  return DIALLED.some(({ begins }) => begins(turned)) ? turned : connection
}
