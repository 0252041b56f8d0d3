import fc from 'fast-check'
import t from 'tap'
import { cut } from '../fixtures/bytes.ts'
import { type Edit, edited, edits, fuzz } from '../fixtures/fuzz.ts'
import { attempt, isRefusal, threeChunks } from '../fixtures/three-chunks.ts'
import { wholeStream } from '../fixtures/whole-stream.ts'

/** No edit of a stream is accepted, and none makes a reader fail without a code. */

const long = { timeout: 600_000 }
const whole = await wholeStream()
const chunks = await threeChunks()

t.test('an edited pipe, from its magic on', long, t =>
  fuzz(t, 3, fc.tuple(edits, fc.integer({ min: 100, max: 30_000 })), async ([changes, step]: [Edit[], number]) => {
    const bytes = edited(whole.bytes, changes)
    const outcome = await whole.attempt(cut(bytes, step))
    return bytes.equals(whole.bytes) ? outcome === 'ok' : isRefusal(outcome)
  })
)

t.test('edited chunks, the header opened once', long, t =>
  fuzz(t, 3, edits, async changes => {
    const bytes = edited(chunks.bytes, changes)
    const outcome = await attempt(chunks, bytes)
    return bytes.equals(chunks.bytes) ? outcome === 'ok' : isRefusal(outcome)
  })
)

t.test('frames of the stream in any order', long, t =>
  fuzz(t, 3, fc.array(fc.nat({ max: 3 }), { maxLength: 8 }), async order => {
    const frames = order.map(i => chunks.bytes.subarray(chunks.edges[i], chunks.edges[i + 1]))
    const outcome = await attempt(chunks, Buffer.concat(frames))
    return order.join() === '0,1,2,3' ? outcome === 'ok' : isRefusal(outcome)
  })
)
