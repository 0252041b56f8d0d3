import fc from 'fast-check'
import t from 'tap'
import { SftError } from '../../src/streams/errors.ts'
import { frameBytes } from '../../src/streams/frame.ts'
import type { ReceivedFrame } from '../../src/streams/types.ts'
import { unframe } from '../../src/streams/unframe.ts'
import { cut, pattern } from '../fixtures/bytes.ts'
import { type Edit, edited, edits, fuzz } from '../fixtures/fuzz.ts'

/** Whatever comes, `unframe` gives frames that re-encode to what was read, and then an end or an error with a code. */

const CAP = 4096
const TYPES = ['STRM', 'RSFL', 'FINL', 'PING'] as const
const good = Buffer.concat(
  [0, 1, 120, 124, 300, 2000].flatMap((size, i) => [
    ...frameBytes({ type: TYPES[i % 4] ?? 'PING', body: [pattern(size)] })
  ])
)

async function holds(bytes: Uint8Array, step: number): Promise<boolean> {
  const seen: ReceivedFrame[] = []
  let ended = false
  try {
    for await (const each of unframe({ cap: CAP })(cut(bytes, step))) seen.push(each)
    ended = true
  } catch (error) {
    if (!SftError.is(error) || error.code === 'ERR_SFT_INTERNAL') throw error
  }
  const again = Buffer.concat(seen.flatMap(({ type, body }) => [...frameBytes({ type, body: [body] })]))
  const exact = again.equals(bytes.subarray(0, again.byteLength))
  return exact && (!ended || again.byteLength === bytes.byteLength) && seen.every(({ body }) => body.byteLength <= CAP)
}

const step = fc.integer({ min: 1, max: 700 })

t.test('edited frames', { timeout: 600_000 }, t =>
  fuzz(t, 2, fc.tuple(edits, step), ([changes, size]: [Edit[], number]) => holds(edited(good, changes), size))
)

t.test('any bytes', { timeout: 600_000 }, t =>
  fuzz(t, 2, fc.tuple(fc.uint8Array({ maxLength: 300 }), step), ([bytes, size]: [Uint8Array, number]) =>
    holds(bytes, size)
  )
)
