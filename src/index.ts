/**
 * sft: moves files securely inside an organisation.
 *
 * The shortest way in is the engine:
 *
 *     await using engine = new Engine({ identity: await loadIdentity(dataDirectory(process.env)) })
 *     await engine.send('report.pdf', 'bob@files.example.org:12566')
 *
 * Beneath it are the stages, which compose with it-pipe and with `stream.pipeline`, and the handshake as a stage over any duplex.
 *
 * @packageDocumentation
 */

// identities and the authority
export type { Authority } from './auth/authority/authority.ts'
export type { BackupSummary } from './auth/authority/backup.ts'
export type { AuthorityInspection } from './auth/authority/inspection.ts'
export type { RotationOptions } from './auth/authority/rotation.ts'
export type { AuthStore, CertificateStore, StoredCertificate, User, UserStore } from './auth/authority/store/store.ts'
export type { RevocationReason } from './auth/certificates/crl.ts'
export { type PassphraseSource, spkiHash } from './auth/certificates/keys.ts'
export { type PeerIdentity, verifyPath } from './auth/certificates/path.ts'
export { decodeCertificate, encodeCertificates } from './auth/certificates/pem.ts'
export type { AnnounceOptions, DirectoryOptions, LocatedPeer, ServingPeer } from './auth/client/directory-client.ts'
export type { FetchListsOptions, FollowListsOptions } from './auth/client/list-client.ts'
export type { EnrolOptions, LoginOptions } from './auth/client/login.ts'
export type { RenewalOptions } from './auth/client/renewal.ts'
// the engine
export type { AuditEvent } from './auth/identity/audit-chain.ts'
export { type AuditFileVerdict, verifyAuditLog } from './auth/identity/audit-files.ts'
export { type AutoRenewalOptions, keepRenewed } from './auth/identity/auto-renewal.ts'
export {
  expiryOf,
  type Identity,
  initEmbedded,
  isDue,
  type LoadOptions,
  loadIdentity,
  ownList,
  type PublicIdentity,
  readPublicIdentity
} from './auth/identity/identity.ts'
export {
  configDirectory,
  dataDirectory,
  exposedFiles,
  type Origin,
  readOrigin,
  replaceChain,
  saveIdentity
} from './auth/identity/identity-files.ts'
export { verifyMember } from './auth/identity/member.ts'
export { addPeer, findPeer, listPeers, type PeerEntry, removePeer } from './auth/identity/peers.ts'
export { openRevocations, rereadRevocations } from './auth/identity/revocation-files.ts'
export { type KnownList, Revocations } from './auth/identity/revocations.ts'
export {
  archiveAudit,
  authorityAt,
  backupAuthority,
  clockOffset,
  describeAuthority,
  enrol,
  fetchLists,
  followLists,
  initAuthority,
  inspectAuthority,
  issueToken,
  keepAnnounced,
  listServing,
  locatePeer,
  login,
  moveRootKey,
  nameInToken,
  openAuthority,
  openStore,
  renew,
  restoreAuthority,
  rotateIssuing,
  serveAuthority
} from './auth/on-demand.ts'
export type { AuthEvent } from './auth/server/events.ts'
export { type PasswordHasher, passwordHasher } from './auth/server/password.ts'
export type { AuthServer, AuthServerOptions } from './auth/server/server.ts'
export type { EnrolmentToken } from './auth/server/tokens.ts'
export { type SecureOptions, secure } from './auth/session/secure.ts'
export type { SecureDuplex } from './auth/session/secure-duplex.ts'
// the stages
export {
  type Checkpoint,
  openCheckpoints,
  type SealCheckpointsOptions,
  type SignCheckpoint,
  sealCheckpoints,
  type VerifyCheckpoint
} from './streams/checkpoints.ts'
export { type ChunkOptions, chunk } from './streams/chunk.ts'
// errors
export { ERRORS, SftError, type SftErrorCode } from './streams/errors.ts'
export type { Existing, ExistingOptions } from './streams/existing.ts'
export { frame } from './streams/frame.ts'
export type { Metadata, ParsedHeader, StreamHeader } from './streams/header.ts'
export { type InboundOptions, inbound, type StreamOpening } from './streams/inbound.ts'
export { mapOrdered } from './streams/map-ordered.ts'
export { type MergeOptions, mergeStripes } from './streams/merge-stripes.ts'
export { type OpenOptions, open } from './streams/open.ts'
export { type OutboundOptions, outbound, sealed } from './streams/outbound.ts'
export { type Clock, limited, RateLimit } from './streams/rate-limit.ts'
export { type ReadFileOptions, readFile } from './streams/read-file.ts'
export { seal, type WindowOptions } from './streams/seal.ts'
export { readSocket, type SocketOptions, socketDuplex, writeSocket } from './streams/socket.ts'
export { readDescriptor, writeDescriptor } from './streams/stdio.ts'
export type {
  Chunk,
  Duplex,
  Frame,
  FrameType,
  ReceivedFrame,
  SealedChunk,
  Sink,
  Source,
  Stage
} from './streams/types.ts'
export { type UnframeOptions, unframe } from './streams/unframe.ts'
export { type WriteFileOptions, writeFile } from './streams/write-file.ts'
export { DEFAULT_PORT, formatHostPort, isPeerAddress, parseHostPort, parsePeerAddress } from './transfer/address.ts'
export type { AnswerOptions } from './transfer/answering.ts'
export { type AuditLog, type AuditLogOptions, openAuditLog } from './transfer/audit-log.ts'
export type { Locate } from './transfer/batch/addresses.ts'
export type { Batch, BatchOptions, JobResult } from './transfer/batch/batch.ts'
export type { GetJob, Job, KeyedJob, SendJob } from './transfer/batch/job.ts'
export type { ListedJob } from './transfer/batch/list.ts'
export { readJobs } from './transfer/batch/on-demand.ts'
export type { JobDone, JobFailed, JobOutcome, JobQueue } from './transfer/batch/queue.ts'
export { type ConnectOptions, connect } from './transfer/connect.ts'
export type { Begun, Destination, Written } from './transfer/destination.ts'
export { Engine } from './transfer/engine.ts'
export type {
  DialOptions,
  EngineOptions,
  EngineStats,
  GetOptions,
  SendOptions
} from './transfer/engine-options.ts'
export {
  type Content,
  type DeniedEvent,
  type EndEvent,
  type ErrorEvent,
  EVENT_TYPES,
  type EventOptions,
  type Failure,
  failureOf,
  type ListeningEvent,
  type OmittedEvent,
  type ProgressEvent,
  type ResumedEvent,
  type RetryEvent,
  type StartEvent,
  type TransferEvent
} from './transfer/events.ts'
export { type ExportOptions, type ExportRoot, openExportRoot, outgoingFile } from './transfer/export-root.ts'
export { FileSession } from './transfer/file-session.ts'
export { collectLeftovers, type GcOptions, type Leftover } from './transfer/gc.ts'
export type { Denial, Guard } from './transfer/guarded.ts'
export { hold } from './transfer/hold.ts'
export { type InboxOptions, isHarmlessName, openInbox, type Senders } from './transfer/inbox.ts'
export { type Input, openInput } from './transfer/input.ts'
export { type ListenEvent, type Listener, type ListenOptions, listen } from './transfer/listen.ts'
export type { ListenAddress } from './transfer/listening.ts'
export {
  type AcceptMessagesOptions,
  acceptMessages,
  MAX_MESSAGE,
  type MessageOptions,
  type OnMessage
} from './transfer/message.ts'
export type { MeteredStage, Stats } from './transfer/meter.ts'
export { type Output, openOutput, receivedName } from './transfer/output.ts'
export type { PartialOwner } from './transfer/partial.ts'
export {
  type OpenStreamOptions,
  openStream,
  type SealStreamOptions,
  type StreamInfo,
  sealStream
} from './transfer/pipe.ts'
export { type Action, type Policy, type PolicyRequest, type PolicyVerdict, parsePolicy } from './transfer/policy.ts'
export { openPolicy, type PolicyFileOptions } from './transfer/policy-file.ts'
export {
  type Preview,
  type PreviewEntry,
  type PreviewOptions,
  previewInput,
  previewRemote
} from './transfer/preview.ts'
export { type Receipt, type SignedReceipt, type VerifyReceiptOptions, verifyReceipt } from './transfer/receipt.ts'
export { formatReceipt, parseReceipt } from './transfer/receipt-file.ts'
export type { ReceiptOptions } from './transfer/receipt-parties.ts'
export type {
  AnsweredTransfer,
  Answers,
  JobOptions,
  Offer,
  PutOptions,
  TransferResult,
  Wanted
} from './transfer/requests.ts'
export type { KeptOptions, Restart, RestartOptions } from './transfer/restart.ts'
export type { RetryOptions } from './transfer/retry.ts'
export type { StageName, StageStats } from './transfer/stage-stats.ts'
export type { Recipient } from './transfer/stream-header.ts'
export { TREE } from './transfer/tree/entry.ts'
export type { FilterOptions } from './transfer/tree/filter.ts'
export { openTree, type TreeOptions } from './transfer/tree/tree-source.ts'
export type { Omission } from './transfer/tree/walk.ts'
// the pool and the construction
export {
  DEFAULT_CHUNK_SIZE,
  isChunkSize,
  MAX_CHUNK_SIZE,
  MIN_CHUNK_SIZE,
  plainSize,
  SUITES,
  type Suite,
  sealedSize
} from './workers/construction.ts'
export { buildNative, type NativeBuild } from './workers/native/build.ts'
export { type AeadBackend, aeadBackend } from './workers/owned-aead.ts'
export { type CipherPool, createPool, inlinePool, type PoolOptions } from './workers/pool.ts'
export { deriveStreamKey, type StreamKey } from './workers/stream-key.ts'
