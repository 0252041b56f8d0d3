import t from 'tap'
import { SftError } from '../../src/streams/errors.ts'
import { openInput } from '../../src/transfer/input.ts'
import { Replay } from '../../src/transfer/replay.ts'
import { pattern } from '../fixtures/bytes.ts'

const MIB = 1024 * 1024
const bytes = pattern(5 * MIB + 7)

const alive = setInterval(() => {}, 1000)
t.teardown(() => clearInterval(alive))

/** A source that gives pieces when it is told to. */
function producer() {
  const pieces: Uint8Array[] = []
  let wake = (): void => {}
  const state = { pulled: 0, ended: false, closed: false, error: undefined as unknown }
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        state.pulled++
        while (pieces.length === 0 && !state.ended && !state.error)
          await new Promise<void>(resolve => {
            wake = resolve
          })
        if (state.error) throw state.error
        const piece = pieces.shift()
        if (piece === undefined) return
        yield piece
      }
    } finally {
      state.closed = true
    }
  }
  const give = (...more: Uint8Array[]): void => {
    pieces.push(...more)
    wake()
  }
  const end = (error?: unknown): void => {
    state.ended = true
    state.error = error
    wake()
  }
  return { source: source(), give, end, state }
}

const replayOf = async (source: AsyncIterable<Uint8Array>, kept = MIB, signal?: AbortSignal): Promise<Replay> =>
  new Replay(await openInput(source), kept, signal)

async function read(replay: Replay, start: number, length: number, stop = new AbortController()): Promise<Buffer> {
  replay.begin(start)
  const pieces: Buffer[] = []
  let left = length
  for await (const piece of replay.outgoing().source(stop.signal, start)) {
    pieces.push(Buffer.from(piece.subarray(0, left)))
    left -= piece.byteLength
    if (left <= 0) break
  }
  return Buffer.concat(pieces)
}

t.test('M86: attempts go on from what is kept, and then with what comes', async t => {
  const { source, give, end, state } = producer()
  await using replay = await replayOf(source, 2 * MIB)
  give(bytes.subarray(0, MIB + 5))
  t.ok((await read(replay, 0, MIB)).equals(bytes.subarray(0, MIB)))
  t.equal(replay.advanced(), false, 'not at the beginning')
  t.equal(replay.read, MIB + 5)
  t.throws(() => replay.whole(), { code: 'ERR_SFT_PROTOCOL' }, 'nobody can have more than was read')
  give(bytes.subarray(MIB + 5, 3 * MIB), bytes.subarray(3 * MIB))
  end()
  t.ok((await read(replay, MIB, 10 * MIB)).equals(bytes.subarray(MIB)))
  t.same([replay.advanced(), replay.advanced()], [true, false])
  t.equal(replay.whole(), bytes.byteLength)
  t.ok((await read(replay, 4 * MIB, 10 * MIB)).equals(bytes.subarray(4 * MIB)), 'and again, all of it read')
  t.equal(replay.advanced(), true)
  t.ok((await read(replay, 4 * MIB, 10 * MIB)).equals(bytes.subarray(4 * MIB)))
  t.equal(replay.advanced(), false, 'no farther than before')
  t.throws(() => replay.begin(2 * MIB), { code: 'ERR_SFT_REPLAY', exitCode: 25, retryable: false, hint: /--replay/ })
  t.equal(state.closed, true)
})

t.test('a read that an attempt has left is taken by the next one, and nothing is read between them', async t => {
  const { source, give, end, state } = producer()
  await using replay = await replayOf(source)
  const stop = new AbortController()
  const left = read(replay, 0, 1, stop)
  while (state.pulled === 0) await new Promise(resolve => setImmediate(resolve))
  stop.abort(new Error('lost'))
  await t.rejects(left, { message: 'lost' })
  give(bytes.subarray(0, 10), bytes.subarray(10, 20))
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
  t.equal(replay.read, 10, 'what was asked for has come, and no more')
  end()
  t.ok((await read(replay, 0, 100)).equals(bytes.subarray(0, 20)))
})

t.test('what the source failed with is final', async t => {
  const { source, give, end } = producer()
  await using replay = await replayOf(source)
  give(bytes.subarray(0, 10))
  t.equal((await read(replay, 0, 10)).byteLength, 10)
  t.equal(replay.failed, false)
  const lost = new SftError('ERR_SFT_CONNECTION_LOST', 'the source was a connection')
  end(lost)
  for (const _ of [1, 2]) await t.rejects(read(replay, 0, 100), lost)
  t.equal(replay.failed, true)
})

t.test('a source that waits is let go of', async t => {
  for (const end of ['signal', 'dispose']) {
    const stop = new AbortController()
    const { source, state } = producer()
    const replay = await replayOf(source, MIB, stop.signal)
    const reading = read(replay, 0, 10)
    reading.catch(() => {})
    while (state.pulled === 0) await new Promise(resolve => setImmediate(resolve))
    if (end === 'signal') {
      stop.abort(new SftError('ERR_SFT_CANCELLED', 'enough'))
      await t.rejects(reading, { message: 'enough' })
    }
    await replay[Symbol.asyncDispose]()
    await t.rejects(reading, { code: 'ERR_SFT_CANCELLED' })
  }
})

t.test('every stream has an id of its own; what can be read again is refused', async t => {
  await using one = await replayOf(producer().source)
  await using other = await replayOf(producer().source)
  t.equal(one.id.byteLength, 32)
  t.notSame(one.id, other.id)
  await t.rejects(async () => new Replay(await openInput(bytes), MIB), { code: 'ERR_SFT_USAGE' })
})
