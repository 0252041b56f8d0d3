import { SftError } from './errors.ts'
import { fillOf, withFill } from './filling.ts'
import { MAGIC } from './header.ts'
import type { Source, Stage } from './types.ts'

/**
 * Takes the magic off a one-way stream (SPEC §3, M7): bytes flow in, the rest flows out, in the pieces it came in.
 *
 * @throws SftError ERR_SFT_MAGIC when the input is something else, ERR_SFT_TRUNCATED when it ends inside the magic.
 */
export function stripMagic(): Stage<Uint8Array, Uint8Array> {
  return source => {
    const fill = fillOf(source)
    return withFill(strip(source), fill)
  }
}

async function* strip(source: Source<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let seen = 0
  for await (const piece of source) {
    const head = piece.subarray(0, MAGIC.byteLength - seen)
    if (!head.every((byte, i) => byte === MAGIC[seen + i])) throw notAStream()
    seen += head.byteLength
    if (piece.byteLength > head.byteLength) yield head.byteLength === 0 ? piece : piece.subarray(head.byteLength)
  }
  if (seen < MAGIC.byteLength) throw new SftError('ERR_SFT_TRUNCATED', 'the stream ends inside its first 8 bytes')
}

function notAStream(): SftError {
  return new SftError('ERR_SFT_MAGIC', 'this is no sft stream', { hint: 'is the input what sft send wrote?' })
}
