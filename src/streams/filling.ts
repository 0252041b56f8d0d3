import type { Source } from './types.ts'

/**
 * Fills `into`, which is the source's until the promise settles, and resolves with the bytes that are in it: its length, or fewer only at the
 * end of the input. `arrived` is called whenever some have come. `undefined` from a source that has no such bytes: then pieces are pulled.
 */
export type Fill = (into: Uint8Array, arrived?: () => void) => Promise<number> | undefined

/** Marks a source that fills: an array has a method of that name, too. */
export const FILLS = Symbol('fills')

/**
 * A byte source that also reads straight into its consumer's memory, so that a frame is not touched between the kernel and the cipher. Pieces and fills
 * may alternate; one call at a time.
 */
export interface FillingSource extends AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  readonly [FILLS]: true
  fill: Fill
}

/** What fills from a source, if it can. */
export function fillOf(source: Source<Uint8Array> | AsyncIterator<Uint8Array>): Fill | undefined {
  return FILLS in source ? (source as FillingSource).fill.bind(source) : undefined
}

/** Gives a generator over a source the source's way to fill. */
export function withFill<G extends AsyncGenerator<Uint8Array>>(generator: G, fill: Fill | undefined): G {
  return fill ? Object.assign(generator, { [FILLS]: true, fill }) : generator
}
