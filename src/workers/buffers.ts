/**
 * Large buffers live outside the collector's sight: whoever owns one gives its memory back at once, so that the next one
 * reuses pages that are mapped and warm, and megabytes of dead buffers never pile up between two collections.
 */

/** Allocates `size` bytes in an ArrayBuffer of their own (never a slice of Node's shared pool), uninitialised. */
export function allocate(size: number): Uint8Array<ArrayBuffer> {
  return Buffer.allocUnsafeSlow(size)
}

/** Below this size the collector does as well. */
const WORTH_RELEASING = 8 * 1024

/**
 * Gives back the memory of a buffer that its owner has consumed; its views are empty afterwards. Only a large view that fills
 * more than half of its ArrayBuffer is released: a slice of Node's shared pool never does.
 */
export function release(bytes: Uint8Array): void {
  const buffer = bytes.buffer
  if (bytes.byteLength < WORTH_RELEASING || !(buffer instanceof ArrayBuffer)) return
  if (bytes.byteLength * 2 > buffer.byteLength) buffer.transfer(0)
}
