import t from 'tap'
import { seeded } from '../fixtures/seeded.ts'
import { attempt, cutEach, flipEach, isRefusal, threeChunks } from '../fixtures/three-chunks.ts'
import { wholeStream } from '../fixtures/whole-stream.ts'

/** Guarantees 5 and 6: any change, and any proper prefix, is refused. All bits and all prefixes are in test/long. */

const random = seeded()
const stream = await threeChunks()
t.comment(`SFT_SEED=${random.seed}`)

t.test('the stream opens as it is', async t => {
  t.equal(await attempt(stream, stream.bytes), 'ok')
})

t.test('every second byte flipped in one bit', async t => {
  // the others with another seed, and every bit of all of them in test/long
  const phase = random.int(2)
  const { flips, accepted } = await flipEach(stream, offset => (offset % 2 === phase ? [random.int(8)] : []))
  t.ok(flips >= Math.floor(stream.bytes.byteLength / 2))
  t.same(accepted, [])
})

t.test('every prefix around the edges of frames, and a sample of the others', async t => {
  const edges = stream.edges.flatMap(edge => [-2, -1, 0, 1, 2, 3, 7, 8, 15, 16, 24].map(step => edge + step))
  const sample = Array.from({ length: 2000 }, () => random.int(stream.bytes.byteLength))
  const proper = [...edges, ...sample].filter(size => size >= 0 && size < stream.bytes.byteLength)
  const { cuts, accepted } = await cutEach(stream, proper)
  t.ok(cuts > 2000)
  t.same(accepted, [])
})

t.test('every frame dropped, repeated or swapped with another', async t => {
  const frames = stream.edges.slice(1).map((end, i) => stream.bytes.subarray(stream.edges[i], end))
  const orders = frames.flatMap((_, i) => [
    frames.filter((__, at) => at !== i),
    frames.flatMap((each, at) => (at === i ? [each, each] : [each])),
    ...frames
      .keys()
      .map(j => frames.map((each, at) => frames[at === i ? j : at === j ? i : -1] ?? each))
      .filter((__, j) => j !== i)
  ])
  t.equal(orders.length, 4 * (2 + 3))
  for (const order of orders) {
    const outcome = await attempt(stream, Buffer.concat(order))
    t.ok(isRefusal(outcome), outcome)
  }
})

t.test('a sample of bits of magic and header, opened from the start', async t => {
  const whole = await wholeStream()
  t.equal(await whole.attempt([whole.bytes]), 'ok')
  const accepted: string[] = []
  for (let round = 0; round < 400; round++) {
    const offset = round < 60 ? round : random.int(whole.headerBytes)
    const bytes = Uint8Array.from(whole.bytes)
    bytes[offset] = (bytes[offset] as number) ^ (1 << random.int(8))
    const outcome = await whole.attempt([bytes])
    if (!isRefusal(outcome)) accepted.push(`offset ${offset}: ${outcome}`)
  }
  t.same(accepted, [])
})
