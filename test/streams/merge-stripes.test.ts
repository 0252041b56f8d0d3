import fc from 'fast-check'
import t from 'tap'
import { mergeStripes } from '../../src/streams/merge-stripes.ts'
import type { FrameType, ReceivedFrame } from '../../src/streams/types.ts'
import { u64 } from '../../src/workers/construction.ts'
import { collect } from '../fixtures/bytes.ts'
import { deal } from '../fixtures/deal.ts'

/** The merge of SPEC §8.1; the contract of stages runs in `stage-contract.test.ts`. */

const framed = (type: FrameType, body: Uint8Array): ReceivedFrame => ({ type, body: Uint8Array.from(body) })
const chunk = (index: number): ReceivedFrame => framed('RSFL', u64(index))
const final = (mark = 0): ReceivedFrame => framed('FINL', Uint8Array.of(mark))
const numbers = (...indices: number[]): ReceivedFrame[] => [...indices.map(chunk), final()]
const indexOf = ({ type, body }: ReceivedFrame): number | string =>
  type === 'RSFL' ? Number(new DataView(body.buffer).getBigUint64(0)) : type

/** A connection by hand: it brings what is pushed, and counts what was asked for. */
class Hand {
  readonly #waiting: ((next: IteratorResult<ReceivedFrame>) => void)[] = []
  readonly #frames: ReceivedFrame[] = []
  #ended = false
  pulled = 0
  returned = false

  push(...frames: ReceivedFrame[]): void {
    for (const frame of frames) {
      const waiting = this.#waiting.shift()
      if (waiting && frame.type === 'FINL') this.#ended = true
      if (waiting) waiting({ done: false, value: frame })
      else this.#frames.push(frame)
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<ReceivedFrame> {
    return {
      next: async () => {
        this.pulled += 1
        if (this.#ended && this.#frames.length === 0) return { done: true, value: undefined }
        const value = this.#frames.shift()
        if (value?.type === 'FINL') this.#ended = true
        return value ? { done: false, value } : new Promise(resolve => this.#waiting.push(resolve))
      },
      return: async () => {
        this.returned = true
        return { done: true, value: undefined }
      }
    }
  }
}

async function* from(frames: readonly ReceivedFrame[]): AsyncGenerator<ReceivedFrame> {
  yield* frames
}

const merged = async (window: number, ...connections: ReceivedFrame[][]): Promise<(number | string)[]> =>
  (await collect(mergeStripes({ window })(connections.map(from)))).map(indexOf)
const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
}

t.test('any split that increases on each connection comes out in order, whatever the window (M29, M41)', async t => {
  await t.resolves(
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 15 }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 16 }),
        fc.integer({ min: 1, max: 40 }),
        async (choices, count, window) => {
          const connections: ReceivedFrame[][] = Array.from({ length: count }, () => [])
          for (const [index, choice] of choices.entries()) connections[choice % count]?.push(chunk(index))
          const out = await merged(window, ...connections.map(frames => [...frames, final()]))
          return out.length === choices.length + 1 && out.every((seen, i) => seen === (i < choices.length ? i : 'FINL'))
        }
      ),
      { numRuns: 300 }
    )
  )
})

t.test('a first chunk other than 0', async t => {
  const out = await collect(mergeStripes({ window: 2, firstChunk: 7 })([from(numbers(8)), from(numbers(7, 9))]))
  t.same(out.map(indexOf), [7, 8, 9, 'FINL'])
  await t.rejects(collect(mergeStripes({ window: 2, firstChunk: 7 })([from(numbers(6, 7))])), {
    code: 'ERR_SFT_CHUNK_ORDER'
  })
})

t.test('wrong indices are found, on one connection or between two (M29, M42)', async t => {
  const cases: Record<string, ReceivedFrame[][]> = {
    'twice on two': [numbers(0, 1), numbers(1, 2)],
    'twice on one': [numbers(0, 0, 1)],
    'again later': [numbers(0, 1, 2, 3), numbers(0)],
    'backwards on one': [numbers(1, 0)],
    'missing at the start': [numbers(1), numbers(2)],
    'missing in the middle': [numbers(0, 3), numbers(2)],
    'missing before a far one': [numbers(0), numbers(2 ** 34)],
    'an index beyond 2^53': [numbers(0), [framed('RSFL', new Uint8Array(8).fill(255)), final()]]
  }
  for (const [name, connections] of Object.entries(cases)) {
    for (const window of [1, 2, 100])
      await t.rejects(merged(window, ...connections), { code: 'ERR_SFT_CHUNK_ORDER' }, `${name}, window ${window}`)
  }
})

t.test('what is missing is known before the connections end, once all have passed it', async t => {
  const [a, b] = [new Hand(), new Hand()]
  const out = mergeStripes({ window: 4 })([a, b])
  a.push(chunk(0), chunk(2))
  b.push(chunk(3))
  t.equal(indexOf((await out.next()).value as ReceivedFrame), 0)
  await t.rejects(out.next(), { code: 'ERR_SFT_CHUNK_ORDER' })
  t.same([a.returned, b.returned], [true, true], 'although both wait for their peer')
})

t.test('frames that do not belong here, and ends that do not fit', async t => {
  await t.rejects(merged(4, [framed('PING', new Uint8Array(0))]), { code: 'ERR_SFT_FRAME_TYPE' })
  await t.rejects(merged(4, [framed('RSFL', new Uint8Array(7))]), { code: 'ERR_SFT_CHUNK_SIZE' })
  await t.rejects(merged(4, numbers(0), [chunk(1)]), { code: 'ERR_SFT_TRUNCATED' })
  await t.rejects(merged(4, [chunk(0), final(1)], [final(2)]), { code: 'ERR_SFT_FINAL' })
  await t.rejects(merged(4, [...numbers(0), chunk(2)], numbers(1)), { code: 'ERR_SFT_TRAILING' })
  await t.rejects(merged(4, [...numbers(0), final()], numbers(1)), { code: 'ERR_SFT_TRAILING' })
})

t.test('the end waits for every connection, and a final that is early for the chunks', async t => {
  const [a, b] = [new Hand(), new Hand()]
  const out = mergeStripes({ window: 4 })([a, b])
  a.push(...numbers(0, 2))
  t.equal(indexOf((await out.next()).value as ReceivedFrame), 0)
  let settled = false
  const next = out.next().finally(() => {
    settled = true
  })
  await turns()
  t.notOk(settled, 'chunk 1 is still to come')
  b.push(chunk(1))
  t.equal(indexOf((await next).value as ReceivedFrame), 1)
  t.equal(indexOf((await out.next()).value as ReceivedFrame), 2)
  const end = out.next()
  await turns()
  b.push(final())
  t.equal(indexOf((await end).value as ReceivedFrame), 'FINL')
  t.ok((await out.next()).done)
})

t.test('a connection that is far ahead is left unread: memory is the window and one for each (M41)', async t => {
  const [slow, fast, other] = [new Hand(), new Hand(), new Hand()]
  const window = 5
  const out = mergeStripes({ window })([slow, fast, other])
  fast.push(...Array.from({ length: 50 }, (_, i) => chunk(1 + 2 * i)))
  other.push(...Array.from({ length: 50 }, (_, i) => chunk(2 + 2 * i)))
  const first = out.next()
  await turns()
  t.ok(fast.pulled + other.pulled <= window + 2, `${fast.pulled} + ${other.pulled} taken`)
  slow.push(chunk(0))
  t.equal(indexOf((await first).value as ReceivedFrame), 0)
  for (let index = 1; index <= 100; index++) {
    t.equal(indexOf((await out.next()).value as ReceivedFrame), index)
    const taken = fast.pulled + other.pulled
    if (taken > index + window + 3) t.fail(`${taken} taken at ${index}`)
  }
  await out.return()
})

t.test('an error of a connection comes after the chunks in order before it, the same object', async t => {
  const error = { not: 'even an Error' }
  async function* failing(): AsyncGenerator<ReceivedFrame> {
    yield chunk(1)
    throw error
  }
  const silent = new Hand()
  silent.push(chunk(0))
  const out = mergeStripes({ window: 4 })([failing(), silent])
  t.equal(indexOf((await out.next()).value as ReceivedFrame), 0)
  t.equal(indexOf((await out.next()).value as ReceivedFrame), 1)
  t.equal(await out.next().catch(seen => seen), error)
  t.ok(silent.returned)
})

t.test('does nothing until pulled', async t => {
  const hand = new Hand()
  const out = mergeStripes({ window: 2 })([hand])
  await turns()
  t.equal(hand.pulled, 0)
  await out.return()
})

t.test('dealt to connections of different speed', async t => {
  const frames = numbers(...Array.from({ length: 200 }, (_, i) => i))
  const out = await collect(mergeStripes({ window: 3 })(deal(frames, 5, { jitter: true })))
  t.same(out.map(indexOf), frames.map(indexOf))
})
