import { createHash } from 'node:crypto'
import { SftError } from '../../streams/errors.ts'
import type { Source } from '../../streams/types.ts'

/** What the caller knows of the file from elsewhere; the wire vouches for nothing. */
export interface ClassicExpectation {
  /** SHA-256 of the whole file, 32 bytes. */
  readonly sha256?: Uint8Array | undefined
  /** Bytes. */
  readonly size?: number | undefined
}

/** Counts and hashes what comes, and lets it end only as it was expected (M150): before the file has its name. */
export class Tally {
  readonly #expect: ClassicExpectation
  readonly #onBytes: (bytes: number) => void
  readonly #hash = createHash('sha256')
  #bytes = 0
  #sha256 = ''

  constructor(expect: ClassicExpectation, onBytes = (_bytes: number): void => {}) {
    this.#expect = expect
    this.#onBytes = onBytes
  }

  /** Passes bytes on. @throws SftError ERR_SFT_EXPECTED; ERR_SFT_NOT_FOUND when nothing came and that was not expected. */
  readonly stage = async function* (this: Tally, source: Source<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of source) {
      this.#count(piece)
      yield piece
    }
    this.#end()
  }.bind(this)

  verdict(): { sha256: string; asExpected: boolean } {
    const { sha256, size } = this.#expect
    return { sha256: this.#sha256, asExpected: sha256 !== undefined || size !== undefined }
  }

  #count(piece: Uint8Array): void {
    this.#bytes += piece.byteLength
    this.#hash.update(piece)
    this.#onBytes(piece.byteLength)
    // not at the end: it may never come
    if (this.#bytes > (this.#expect.size ?? Number.POSITIVE_INFINITY)) throw other('more bytes than were expected')
  }

  #end(): void {
    const { sha256, size } = this.#expect
    this.#sha256 = this.#hash.digest('hex')
    if (size !== undefined && this.#bytes !== size) throw other(`${this.#bytes} bytes, ${size} were expected`)
    if (sha256 !== undefined && this.#sha256 !== Buffer.from(sha256).toString('hex'))
      throw other('another SHA-256 than was expected')
    if (this.#bytes === 0 && size === undefined && sha256 === undefined)
      throw new SftError(
        'ERR_SFT_NOT_FOUND',
        'nothing came: the file is empty, or the classic server does not have it',
        {
          hint: '--expect-size 0 takes it for empty'
        }
      )
  }
}

function other(what: string): SftError {
  return new SftError('ERR_SFT_EXPECTED', `not the file that was expected: ${what}`)
}
