import { X509Certificate } from 'node:crypto'
import { SftError } from '../../streams/errors.ts'

/** PEM (RFC 7468) for files and for the answer of the auth server; the wire of sft/1 carries DER. */

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g

/** Wraps DER as PEM. */
export function encodePem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

/**
 * Reads the first block with a label, as the bytes that stand there.
 *
 * @throws SftError ERR_SFT_CERT_INVALID when there is none.
 */
export function decodePem(label: string, pem: string): Uint8Array {
  const [, base64] = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----`).exec(pem) ?? []
  if (base64 === undefined) throw new SftError('ERR_SFT_CERT_INVALID', `the text holds no ${label}`)
  return Uint8Array.from(Buffer.from(base64, 'base64'))
}

/** Writes certificates one after the other. */
export function encodeCertificates(chain: readonly Uint8Array[]): string {
  return chain.map(der => encodePem('CERTIFICATE', der)).join('')
}

/**
 * Reads all certificates of a PEM text in their order, as DER; text around them is ignored.
 *
 * @throws SftError ERR_SFT_CERT_INVALID when there is none, or one is malformed.
 */
export function decodeCertificates(pem: string): Uint8Array[] {
  const blocks = pem.match(CERTIFICATE) ?? []
  if (blocks.length === 0) throw new SftError('ERR_SFT_CERT_INVALID', 'the text holds no certificate')
  return blocks.map(block => Uint8Array.from(parseBlock(block).raw))
}

/**
 * Reads the first certificate of a PEM text, such as a pinned root.
 *
 * @throws SftError ERR_SFT_CERT_INVALID when there is none, or it is malformed.
 */
export function decodeCertificate(pem: string): X509Certificate {
  return new X509Certificate(decodeCertificates(pem)[0] as Uint8Array)
}

function parseBlock(block: string): X509Certificate {
  try {
    return new X509Certificate(block)
  } catch (cause) {
    throw new SftError('ERR_SFT_CERT_INVALID', 'a certificate is malformed', { cause })
  }
}
