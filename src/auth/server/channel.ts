import type { TLSSocket } from 'node:tls'

const LABEL = 'EXPORTER-sft-login'
const SIZE = 32

/**
 * Exports what binds a login to its channel, in base64: the same on both ends of one TLS connection and on no other (SPEC §4.4). In TLS 1.3 an
 * empty context and none are the same (RFC 8446 §7.5).
 */
export function exportChannel(socket: TLSSocket): string {
  return socket.exportKeyingMaterial(SIZE, LABEL, Buffer.alloc(0)).toString('base64')
}
