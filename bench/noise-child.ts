import { createHash } from 'node:crypto'

/** `noise-child.ts PULSES MILLISECONDS`: hashes for so long, so many times; prints the MB/s of each pulse as JSON. */

const PIECE = Buffer.alloc(256 * 1024, 1)

const [pulses, milliseconds] = process.argv.slice(2).map(Number) as [number, number]
const pulse = (): number => {
  const start = performance.now()
  const digest = createHash('sha256')
  let bytes = 0
  let elapsed = 0
  while (elapsed < milliseconds) {
    digest.update(PIECE)
    bytes += PIECE.byteLength
    elapsed = performance.now() - start
  }
  return bytes / 1e3 / elapsed
}
// the first is to wake the processor
pulse()
process.stdout.write(JSON.stringify(Array.from({ length: pulses }, pulse)))
