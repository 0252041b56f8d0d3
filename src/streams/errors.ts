/**
 * The closed list of errors (SPEC §10). A fault of a peer, a disk or a caller is an `SftError` with one of these codes;
 * a fault of our own is an assertion that starts with `internal:`.
 */

/** What each code means to a shell (`exit`) and to a program (`retryable`: the same call may succeed later). */
export const ERRORS = {
  ERR_SFT_INTERNAL: { exit: 1, retryable: false },
  ERR_SFT_USAGE: { exit: 2, retryable: false },
  ERR_SFT_SECRET_UNAVAILABLE: { exit: 2, retryable: false },
  ERR_SFT_PASSPHRASE: { exit: 2, retryable: false },
  ERR_SFT_NO_IDENTITY: { exit: 2, retryable: false },
  ERR_SFT_UNKNOWN_PEER: { exit: 2, retryable: false },
  ERR_SFT_CAPTURE: { exit: 2, retryable: false },
  ERR_SFT_NOT_FOUND: { exit: 3, retryable: false },
  ERR_SFT_CONNECT: { exit: 10, retryable: true },
  ERR_SFT_BUSY: { exit: 10, retryable: true },
  ERR_SFT_FILE: { exit: 11, retryable: false },
  ERR_SFT_STORE: { exit: 11, retryable: true },
  ERR_SFT_PROTOCOL: { exit: 12, retryable: false },
  ERR_SFT_VERSION: { exit: 12, retryable: false },
  ERR_SFT_MAGIC: { exit: 12, retryable: false },
  ERR_SFT_FRAME_LENGTH: { exit: 12, retryable: false },
  ERR_SFT_FRAME_TOO_LARGE: { exit: 12, retryable: false },
  ERR_SFT_FRAME_TYPE: { exit: 12, retryable: false },
  ERR_SFT_ENCODING: { exit: 12, retryable: false },
  ERR_SFT_HEADER: { exit: 12, retryable: false },
  ERR_SFT_LIMIT: { exit: 12, retryable: false },
  ERR_SFT_PARTIAL: { exit: 23, retryable: false },
  ERR_SFT_SOURCE_CHANGED: { exit: 24, retryable: true },
  ERR_SFT_REPLAY: { exit: 25, retryable: false },
  ERR_SFT_TIMEOUT: { exit: 30, retryable: true },
  ERR_SFT_TRUNCATED: { exit: 40, retryable: true },
  ERR_SFT_TRAILING: { exit: 40, retryable: false },
  ERR_SFT_NOT_RECIPIENT: { exit: 40, retryable: false },
  ERR_SFT_COMMITMENT: { exit: 40, retryable: false },
  ERR_SFT_HEADER_AUTH: { exit: 40, retryable: false },
  ERR_SFT_SIGNATURE: { exit: 40, retryable: false },
  ERR_SFT_CHUNK_AUTH: { exit: 40, retryable: false },
  ERR_SFT_CHUNK_ORDER: { exit: 40, retryable: false },
  ERR_SFT_CHUNK_SIZE: { exit: 40, retryable: false },
  ERR_SFT_FINAL: { exit: 40, retryable: false },
  ERR_SFT_RECORD_AUTH: { exit: 40, retryable: false },
  ERR_SFT_AUDIT: { exit: 40, retryable: false },
  ERR_SFT_HANDSHAKE: { exit: 40, retryable: false },
  ERR_SFT_EXPECTED: { exit: 40, retryable: false },
  ERR_SFT_CERT_INVALID: { exit: 41, retryable: false },
  ERR_SFT_CERT_UNTRUSTED: { exit: 41, retryable: false },
  ERR_SFT_CERT_USAGE: { exit: 41, retryable: false },
  ERR_SFT_CERT_EXPIRED: { exit: 41, retryable: false },
  ERR_SFT_CERT_NAME: { exit: 41, retryable: false },
  ERR_SFT_SENDER: { exit: 41, retryable: false },
  ERR_SFT_REFUSED_BY_PEER: { exit: 41, retryable: false },
  ERR_SFT_CRL: { exit: 41, retryable: false },
  ERR_SFT_CERT_REVOKED: { exit: 42, retryable: false },
  ERR_SFT_LOGIN_REFUSED: { exit: 43, retryable: false },
  ERR_SFT_PUSH_REFUSED: { exit: 44, retryable: false },
  ERR_SFT_EXISTS: { exit: 45, retryable: false },
  ERR_SFT_UNAUTHENTICATED: { exit: 46, retryable: false },
  ERR_SFT_PROOF: { exit: 47, retryable: false },
  ERR_SFT_CONNECTION_LOST: { exit: 75, retryable: true },
  ERR_SFT_OUTPUT_CLOSED: { exit: 141, retryable: false },
  ERR_SFT_CANCELLED: { exit: 1, retryable: false }
} as const satisfies Record<string, { exit: number; retryable: boolean }>

/** A stable code of this library; `switch (error.code)` narrows. */
export type SftErrorCode = keyof typeof ERRORS

const BRAND = Symbol.for('sft.error')

/** A fault with a stable code. `hint` says what to do next; neither text holds a secret or a path of the other side. */
export class SftError extends Error {
  override readonly name = 'SftError'
  readonly code: SftErrorCode
  readonly retryable: boolean
  readonly hint: string | undefined
  /** What a command exits with (`ERRORS`). */
  readonly exitCode: number

  constructor(code: SftErrorCode, message: string, options: { cause?: unknown; hint?: string } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.retryable = ERRORS[code].retryable
    this.hint = options.hint
    this.exitCode = ERRORS[code].exit
    Object.defineProperty(this, BRAND, { value: true })
  }

  /** True for an `SftError` of any copy of this library; `instanceof` fails across copies. */
  static is(error: unknown): error is SftError {
    return typeof error === 'object' && error !== null && BRAND in error
  }
}

/** Asserts what only a fault of our own can break. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new SftError('ERR_SFT_INTERNAL', `internal: ${message}`)
}
