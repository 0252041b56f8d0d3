import { dataOf, type Stream } from './streams.ts'

/** Which sizes of chunks a file gives (SPEC §7.2, §7.4, §7.6), and so whether a stream can be that file. */

const POWERS = [14, 15, 16, 17, 18, 19, 20]
const STRICT_POWERS = [14, 15, 16]
/** Bytes of a modulus: RSA-2048, 3072, 4096. */
const MODULI = [256, 384, 512]
const OAEP_BYTES = 66

/** How a stream cuts its file: bytes of a full chunk on the wire, and of the file in it. */
export interface Cut {
  readonly wire: number
  readonly file: number
  /** Of the strict suite: bytes of a block, and of the file in it. */
  readonly block?: { readonly wire: number; readonly file: number }
}

/** Every cut that the header, if it can be read, and the full chunks allow. */
export function cutsOf({ header, strict, chunks }: Stream): Cut[] {
  const sizes = header ? [header.chunkSize] : (strict ? STRICT_POWERS : POWERS).map(power => 2 ** power)
  const moduli = header?.modulus === undefined ? MODULI : [header.modulus]
  const all = strict ? sizes.flatMap(size => moduli.map(modulus => strictCut(size, modulus))) : sizes.map(plainCut)
  const full = chunks.slice(0, -1)
  const last = chunks.at(-1)?.length ?? 0
  return all.filter(
    ({ wire, block }) =>
      full.every(({ length }) => length === wire) && last <= wire && (block === undefined || last % block.wire === 0)
  )
}

const plainCut = (size: number): Cut => ({ wire: size, file: size })

function strictCut(size: number, modulus: number): Cut {
  const blocks = Math.floor(size / modulus)
  const block = { wire: modulus, file: modulus - OAEP_BYTES }
  return { wire: blocks * block.wire, file: blocks * block.file, block }
}

/** How a stream would carry a file. */
export interface Fit {
  /** By how many bytes it is more than the file takes. */
  readonly off: number
  /** Nothing of a stream that has chunks of any size. */
  readonly cut?: Cut
}

/** Whether the stream has exactly the sizes of a file of `size` bytes. */
export const hasSizesOf = (stream: Stream, size: number): boolean => fitOf(stream, size)?.off === 0

/** The best of all ways in which the stream can be what of a file of `size` bytes goes on from its first chunk. */
export function fitOf(stream: Stream, size: number): Fit | undefined {
  const { chunks, header, strict } = stream
  const first = chunks[0]?.index ?? 0
  const data = dataOf(stream)
  const fits = cutsOf(stream).map((cut): Fit => {
    const rest = size - first * cut.file
    return { off: data - (cut.block ? Math.ceil(rest / cut.block.file) * cut.block.wire : rest), cut }
  })
  // chunks of any size: what comes of a source that is no regular file, and only from its beginning
  if (header?.variable !== false && !strict && first === 0) fits.push({ off: data - size })
  return fits.sort((a, b) => Math.abs(a.off) - Math.abs(b.off))[0]
}
