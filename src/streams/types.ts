/** The shapes that stages share. A stage takes options and returns `source => generator`; it does nothing until pulled. */

export type Source<T> = Iterable<T> | AsyncIterable<T>
export type Stage<In, Out> = (source: Source<In>) => AsyncGenerator<Out, void, undefined>
export type Sink<T, R = void> = (source: Source<T>) => Promise<R>

/** A byte duplex, such as `socketDuplex(socket)` or one end of a pair in memory. It stands only at the ends of a pipe. */
export interface Duplex {
  source: AsyncGenerator<Uint8Array, void, undefined>
  sink: Sink<Uint8Array>
}

/** The four ASCII letters of every frame type of sft/1 (SPEC §3). */
export type FrameType =
  | 'HELO'
  | 'HELR'
  | 'SECE'
  | 'SECV'
  | 'SECF'
  | 'RSCV'
  | 'RSCI'
  | 'JOIN'
  | 'JOIR'
  | 'RQFL'
  | 'OFFR'
  | 'ACPT'
  | 'STRM'
  | 'RSFL'
  | 'CKPT'
  | 'FINL'
  | 'PING'
  | 'ABRT'
  | 'CLOS'
  | 'CRLN'

/** A whole frame without its length: the type, and the body in as many pieces as its maker had (written without joining them). */
export interface Frame {
  readonly type: FrameType
  readonly body: readonly Uint8Array[]
}

/** A frame as it comes from the wire: one contiguous body in an ArrayBuffer of its own, which the receiver owns. */
export interface ReceivedFrame {
  readonly type: FrameType
  readonly body: Uint8Array<ArrayBuffer>
}

declare const brand: unique symbol

/** Plaintext cut to the chunk size, in an ArrayBuffer of its own; whoever takes it owns it. */
export type Chunk = Uint8Array<ArrayBuffer> & { readonly [brand]: 'Chunk' }

/** An `RSFL` or `FINL` frame. Framing an unsealed chunk, or sealing twice, does not compile. */
export type SealedChunk = Frame & {
  readonly type: 'RSFL' | 'FINL'
  /** Bytes of the source in it. */
  readonly plain: number
  readonly [brand]: 'SealedChunk'
}
