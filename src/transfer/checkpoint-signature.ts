import { createHash } from 'node:crypto'
import type { PeerIdentity } from '../auth/certificates/path.ts'
import { signPss, verifyPss } from '../auth/certificates/signature.ts'
import type { Identity } from '../auth/identity/identity.ts'
import type { Checkpoint, SignCheckpoint, VerifyCheckpoint } from '../streams/checkpoints.ts'
import { COMMITMENT_BYTES } from '../streams/header.ts'
import { u64 } from '../workers/construction.ts'

/** The sender's signature over the chunks of a stream for several recipients (SPEC §7.5, M73). */

const CONTEXTS = {
  checkpoint: Buffer.from('sft/1 ckpt\0', 'latin1'),
  final: Buffer.from('sft/1 final\0', 'latin1')
} as const

/**
 * Signs as the sender.
 *
 * @param bound clear part and commitment of the stream's header
 */
export function checkpointSigner({ privateKey }: Identity, bound: Uint8Array): SignCheckpoint {
  const stream = nameOf(bound)
  return checkpoint => signPss(privateKey, signedText(stream, checkpoint))
}

/** Checks that the sender whose signature is in the header has signed this, too. */
export function checkpointVerifier({ publicKey }: PeerIdentity, bound: Uint8Array): VerifyCheckpoint {
  const stream = nameOf(bound)
  return (checkpoint, signature) => verifyPss(publicKey, signedText(stream, checkpoint), signature)
}

/** `H0 ‖ commitment`: this stream under this key, and no other. */
function nameOf(bound: Uint8Array): Uint8Array {
  const end = bound.byteLength - COMMITMENT_BYTES
  return Buffer.concat([createHash('sha256').update(bound.subarray(0, end)).digest(), bound.subarray(end)])
}

function signedText(stream: Uint8Array, { final, chunks, bytes, root }: Checkpoint): Uint8Array {
  return Buffer.concat([final ? CONTEXTS.final : CONTEXTS.checkpoint, stream, u64(chunks), u64(bytes), root])
}
