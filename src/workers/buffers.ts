/**
 * Large buffers live outside the collector's sight: whoever owns one gives its memory back at once, so that the next one
 * reuses pages that are mapped and warm, and megabytes of dead buffers never pile up between two collections.
 */

/** Allocates `size` bytes in an ArrayBuffer of their own (never a slice of Node's shared pool), uninitialised. */
export function allocate(size: number): Uint8Array<ArrayBuffer> {
  return Buffer.allocUnsafeSlow(size)
}

/**
 * Gives back the memory of a buffer that its owner has consumed; its views are empty afterwards. Only a view that fills
 * more than half of its ArrayBuffer is released: a slice of Node's shared pool never does, and small ones are not worth it.
 */
export function release(bytes: Uint8Array): void {
  const buffer = bytes.buffer
  if (buffer instanceof ArrayBuffer && bytes.byteLength * 2 > buffer.byteLength) buffer.transfer(0)
}
