import { SftError } from '../../streams/errors.ts'
import { optional, required } from '../../streams/tlv.ts'
import { MAX_CRL_NUMBER } from '../certificates/crl.ts'
import { MAX_CERTIFICATE } from '../certificates/path.ts'
import { type Codec, tlv } from './handshake-messages.ts'

/** What peers say of revocation lists (SPEC §4.8): numbers in `SECE`, pieces in `CRLN`. */

/** `key id[20] ‖ u64 number`. */
const KEY_ID_BYTES = 20
const CRL_NUMBER_BYTES = 28
/** Bytes of a list in one `CRLN`; with the issuer's certificate it stays below the cap of a control frame. */
export const PIECE_BYTES = 48 * 1024

/** CRL numbers by key identifier in hex: identifiers strictly increasing, numbers that a list can have (M45). */
export const listNumbers: Codec<ReadonlyMap<string, number>> = {
  encode: numbers => {
    const entries = [...numbers].sort(([a], [b]) => (a < b ? -1 : 1))
    const bytes = Buffer.alloc(entries.length * CRL_NUMBER_BYTES)
    for (const [index, [id, number]] of entries.entries()) {
      bytes.write(id, index * CRL_NUMBER_BYTES, 'hex')
      bytes.writeBigUInt64BE(BigInt(number), index * CRL_NUMBER_BYTES + KEY_ID_BYTES)
    }
    return Uint8Array.from(bytes)
  },
  decode: body => {
    if (body.byteLength % CRL_NUMBER_BYTES !== 0) throw malformed('the CRL numbers have a wrong size')
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    const starts = Array.from({ length: bytes.byteLength / CRL_NUMBER_BYTES }, (_, index) => index * CRL_NUMBER_BYTES)
    const entries = starts.map(at => [bytes.toString('hex', at, at + KEY_ID_BYTES), numberAt(bytes, at)] as const)
    const increasing = entries.every(([id], index) => id > (entries[index - 1]?.[0] ?? ''))
    if (!increasing) throw malformed('the CRL numbers are not in order')
    return new Map(entries)
  }
}

/** `CRLN`: a piece of a revocation list; the first has the certificate of its issuer. */
export const listPiece = tlv(
  {
    issuer: optional(1, 'bytes', { max: MAX_CERTIFICATE }),
    size: required(2, 'int'),
    offset: required(3, 'int'),
    piece: required(4, 'bytes', { max: PIECE_BYTES })
  },
  ({ piece }) => piece.byteLength > 0
)

function numberAt(bytes: Buffer, at: number): number {
  const number = bytes.readBigUInt64BE(at + KEY_ID_BYTES)
  if (number > MAX_CRL_NUMBER) throw malformed('a CRL number is too large')
  return Number(number)
}

function malformed(message: string): SftError {
  return new SftError('ERR_SFT_ENCODING', message)
}
