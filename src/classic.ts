/**
 * sft/classic: the system that sft re-implements, byte for byte, behind a fence (SPEC §14). Nothing that comes over its wire is authenticated or known
 * to be whole; use it to talk to peers that speak nothing else.
 *
 * @packageDocumentation
 */

export { isAlias, parseAlias } from './auth/classic/alias.ts'
export {
  CLASSIC_AUTH_PORT,
  type ClassicAuthEvent,
  type ClassicAuthOptions,
  type ClassicAuthServer,
  isLoopback,
  LOOPBACK,
  serveClassicAuth
} from './auth/classic/auth-server.ts'
export {
  hasClassicAuthority,
  type InitClassicOptions,
  initClassicAuthority,
  openClassicAuthority
} from './auth/classic/authority.ts'
export {
  type ClassicCheck,
  type ClassicPeer,
  parseClassicRoot,
  verifyClassicCertificate
} from './auth/classic/certificate.ts'
export { CLASSIC_DEADLINES, type ClassicDeadlines } from './auth/classic/greeting.ts'
export {
  type ClassicIdentity,
  type ClassicKeyOptions,
  classicKey,
  classicRootOf,
  keepClassicCertificate,
  loadClassicIdentity,
  withCurrentCertificate
} from './auth/classic/identity.ts'
export { CLASSIC_LIFE } from './auth/classic/issuance.ts'
export { type ClassicLoginOptions, classicLogin } from './auth/classic/login.ts'
export { openSeenLogins, type SeenLogins } from './auth/classic/seen-payloads.ts'
export { type ClassicUsers, classicUsers, withDemoUsers } from './auth/classic/users.ts'
export { type ClassicAddress, parseClassicAddress } from './transfer/classic/address.ts'
export type { ClassicExpectation } from './transfer/classic/expectation.ts'
export { type ClassicGetOptions, type ClassicGot, getClassic } from './transfer/classic/get.ts'
export {
  type ClassicListener,
  type ClassicServeEvent,
  type ClassicServeOptions,
  serveClassic
} from './transfer/classic/serve.ts'
export { type ClassicPool, type ClassicPoolOptions, createClassicPool } from './workers/classic-pool.ts'
