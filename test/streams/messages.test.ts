import t from 'tap'
import { SftError } from '../../src/streams/errors.ts'
import { type AbortableDuplex, messageStream } from '../../src/streams/messages.ts'
import type { Frame, FrameType, ReceivedFrame } from '../../src/streams/types.ts'
import { duplexPair, oneByteAtATime, scripted, tcpPair } from '../fixtures/duplex-pair.ts'

const LONG = { total: 10_000 }
const CAP = { cap: 2 ** 21 }

t.test('frames flow both ways, also one byte at a time and over TCP', async t => {
  const pairs = [
    duplexPair(),
    duplexPair({ forth: oneByteAtATime, back: oneByteAtATime }),
    await tcpPair(),
    await tcpPair({ forth: oneByteAtATime })
  ]
  for (const [left, right] of pairs) {
    const a = messageStream(left, CAP)
    const b = messageStream(right, CAP)
    for (const size of [0, 1, 127, 128, 511, 512, 513, 70_000]) {
      const body = Buffer.alloc(size, size)
      const [received] = await Promise.all([b.read(LONG), a.write({ type: 'OFFR', body: [body] }, LONG)])
      t.strictSame([received?.type, received?.body.byteLength], ['OFFR', size])
      t.ok(received && Buffer.compare(received.body, body) === 0)
      await Promise.all([a.read(LONG), b.write(frame('PING'), LONG)])
    }
    await Promise.all([a.end(LONG), b.end(LONG)])
    t.strictSame([await a.read(LONG), await b.read(LONG)], [undefined, undefined])
    t.equal(await a.read(LONG), undefined, 'and again')
  }
})

t.test('concurrent writers are serialised frame by frame, in the order of their calls', async t => {
  const [left, right] = duplexPair()
  const a = messageStream(left, CAP)
  const b = messageStream(right, CAP)
  const bodies = Array.from({ length: 50 }, (_, i) => [Buffer.alloc(1000 * i, i), Buffer.alloc(7, i)])
  const writes = Promise.all(bodies.map(body => a.write({ type: 'RSFL', body }, LONG)))
  for (const body of bodies) {
    const received = await b.read(LONG)
    t.equal(Buffer.compare(received?.body as Uint8Array, Buffer.concat(body)), 0)
  }
  await writes
})

t.test('a write settles when the sink asks for more, and pieces are written as they are', async t => {
  const asked: Uint8Array[] = []
  let release = () => {}
  const duplex = sinkOnly(async source => {
    for await (const piece of source) {
      asked.push(piece)
      await new Promise<void>(resolve => {
        release = resolve
      })
    }
  })
  const a = messageStream(duplex, CAP)
  const body = Buffer.alloc(100_000)
  let written = 0
  const writes = [1, 2].map(() => a.write({ type: 'RSFL', body: [body] }, LONG).then(() => written++))
  await turns()
  t.strictSame([asked.length, written], [1, 0], 'one piece is under way, nothing is queued behind it')
  release()
  await turns()
  t.strictSame([asked.length, asked[1] === body, written], [2, true, 0])
  release()
  await turns()
  t.strictSame([asked.length, written], [3, 1])
  release()
  await turns()
  release()
  await Promise.all(writes)
})

t.test('the cap is asked for every frame', async t => {
  const caps = [100, 10, 100]
  const [left, right] = duplexPair()
  const a = messageStream(left, CAP)
  const b = messageStream(right, { cap: () => caps.shift() ?? 0 })
  void a.write(frame('PING', 90), LONG)
  t.equal((await b.read(LONG))?.body.byteLength, 90)
  void a.write(frame('PING', 6), LONG)
  t.equal((await b.read(LONG))?.body.byteLength, 6)
  a.write(frame('PING', 97), LONG).catch(() => {})
  await t.rejects(b.read(LONG), { code: 'ERR_SFT_FRAME_TOO_LARGE' })
  await t.rejects(b.read(LONG), { code: 'ERR_SFT_FRAME_TOO_LARGE' }, 'and stays so')
})

t.test('a failed sink rejects every present and later write; reads go on', async t => {
  const [left, right] = duplexPair()
  const failing: AbortableDuplex = {
    source: left.source,
    sink: async source => {
      for await (const _ of source) throw new Error('broken')
    }
  }
  const a = messageStream(failing, CAP)
  const writes = [a.write(frame('PING'), LONG), a.write(frame('PING'), LONG)]
  for (const write of writes) await t.rejects(write, { message: 'broken' })
  await t.rejects(a.write(frame('PING'), LONG), { message: 'broken' })
  await t.rejects(a.end(LONG), { message: 'broken' })
  const b = messageStream(right, CAP)
  void b.write(frame('ABRT', 1), LONG)
  t.equal((await a.read(LONG))?.type, 'ABRT')
})

t.test('a sink that stops early is a lost connection', async t => {
  const duplex = sinkOnly(async source => {
    for await (const _ of source) return
  })
  const a = messageStream(duplex, CAP)
  await t.rejects(a.write(frame('RSFL', 1000), LONG), { code: 'ERR_SFT_CONNECTION_LOST' })
  const b = messageStream(
    sinkOnly(async () => {}),
    CAP
  )
  await t.rejects(b.write(frame('PING'), LONG), { code: 'ERR_SFT_CONNECTION_LOST' })
})

t.test('a sink that stops inside the last frame is a lost connection too', async t => {
  const duplex = sinkOnly(async source => {
    for await (const _ of source) return
  })
  const a = messageStream(duplex, CAP)
  const written = a.write({ type: 'RSFL', body: [Buffer.alloc(1000), Buffer.alloc(1000)] }, LONG)
  const ended = a.end(LONG)
  await Promise.all([
    t.rejects(written, { code: 'ERR_SFT_CONNECTION_LOST' }),
    t.rejects(ended, { code: 'ERR_SFT_CONNECTION_LOST' })
  ])
})

t.test('the first failure stays the reason', async t => {
  const a = messageStream(
    sinkOnly(async () => {
      throw new Error('broken')
    }),
    CAP
  )
  await t.rejects(a.write(frame('PING'), LONG), { message: 'broken' })
  void a.abort(new SftError('ERR_SFT_CANCELLED', 'cancelled'))
  await t.rejects(a.write(frame('PING'), LONG), { message: 'broken' })
  await t.rejects(a.read(LONG), { code: 'ERR_SFT_CANCELLED' })
})

t.test('an error of the source reaches the reader unchanged, and every later read', async t => {
  const error = new Error('reset')
  const a = messageStream(
    {
      source: (async function* () {
        yield Uint8Array.of(4)
        throw error
      })(),
      sink: async source => {
        for await (const _ of source);
      }
    },
    CAP
  )
  await t.rejects(a.read(LONG), error)
  await t.rejects(a.read(LONG), error)
  await a.write(frame('PING'), LONG)
})

t.test('an end inside a frame is no clean end', async t => {
  const pair = duplexPair()
  void pair[1].sink([Uint8Array.of(5, 80, 73)])
  await t.rejects(messageStream(pair[0], CAP).read(LONG), { code: 'ERR_SFT_TRUNCATED' })
})

t.test('a read that gets nothing in time aborts both sides', async t => {
  for (const wait of [{ total: 20 }, { idle: 20 }, { total: 20, idle: 10_000 }]) {
    const [left, right] = duplexPair()
    const a = messageStream(left, CAP)
    await t.rejects(a.read(wait), { code: 'ERR_SFT_TIMEOUT' })
    await t.rejects(a.write(frame('PING'), LONG), { code: 'ERR_SFT_TIMEOUT' })
    t.equal(await messageStream(right, CAP).read(LONG), undefined, 'the peer sees the end')
  }
})

t.test('an idle limit counts from the last byte, a total one does not', async t => {
  const slow = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    for (const byte of [11, 80, 73, 78, 71, 1, 2, 3, 4, 5, 6, 7]) {
      await new Promise(resolve => setTimeout(resolve, 100))
      yield Uint8Array.of(byte)
    }
  }
  const patient = duplexPair()
  void patient[1].sink(slow())
  t.equal((await messageStream(patient[0], CAP).read({ idle: 800 }))?.type, 'PING')
  const strict = duplexPair()
  strict[1].sink(slow()).catch(() => {})
  await t.rejects(messageStream(strict[0], CAP).read({ total: 200, idle: 800 }), { code: 'ERR_SFT_TIMEOUT' })
})

t.test('a write that nobody takes aborts both sides', async t => {
  const [left] = duplexPair()
  const a = messageStream(left, CAP)
  const writes = [0, 1, 2].map(() => a.write(frame('RSFL', 60_000), { total: 300 }))
  const results = await Promise.allSettled(writes)
  t.equal(results[0]?.status, 'fulfilled', 'the first fits into the pipe')
  t.match(results[2], { status: 'rejected', reason: { code: 'ERR_SFT_TIMEOUT' } })
  await t.rejects(a.read(LONG), { code: 'ERR_SFT_TIMEOUT' })
})

t.test('abort rejects what waits, closes source and sink, and settles', async t => {
  for (const [left, right] of [duplexPair(), await tcpPair()]) {
    const error = new SftError('ERR_SFT_CANCELLED', 'cancelled')
    const a = messageStream(left, CAP)
    const read = t.rejects(a.read(LONG), error)
    await a.abort(error)
    await read
    await t.rejects(a.read(LONG), error)
    await t.rejects(a.write(frame('PING'), LONG), error)
    t.equal(await messageStream(right, CAP).read(LONG), undefined)
  }
})

t.test('abort throws into a plain duplex and returns its source', async t => {
  const error = new SftError('ERR_SFT_CANCELLED', 'cancelled')
  let thrown: unknown
  let returned = false
  const a = messageStream(
    {
      source: (async function* () {
        try {
          yield Uint8Array.of(4, 80, 73, 78, 71)
        } finally {
          returned = true
        }
      })(),
      sink: async source => {
        try {
          for await (const _ of source);
        } catch (caught) {
          thrown = caught
          throw caught
        }
      }
    },
    CAP
  )
  t.equal((await a.read(LONG))?.type, 'PING')
  await a.abort(error)
  t.equal(thrown, error)
  t.ok(returned)
})

t.test('finish flushes, waits for the end of the other side, and rejects a pending read', async t => {
  for (const [left, right] of [duplexPair(), await tcpPair()]) {
    const over = new SftError('ERR_SFT_CANCELLED', 'over')
    const a = messageStream(left, CAP)
    const b = messageStream(right, CAP)
    const read = t.rejects(a.read(LONG), over)
    const last = a.write(frame('ABRT', 1), LONG)
    for (let i = 0; i < 20; i++) void b.write(frame('RSFL', 50_000), LONG).catch(() => {})
    const finished = a.finish(over, 10_000)
    await read
    t.equal((await b.read(LONG))?.type, 'ABRT')
    t.equal(await b.read(LONG), undefined)
    await b.end(LONG)
    await Promise.all([finished, last])
    await t.rejects(a.read(LONG), over)
  }
})

t.test('finish does not wait for a peer that never ends', async t => {
  const over = new SftError('ERR_SFT_CANCELLED', 'over')
  let aborted: unknown
  const abort = (error: unknown) => {
    aborted = error
  }
  const a = messageStream({ ...scripted(), abort }, CAP)
  await a.finish(over, 30)
  await t.rejects(a.read(LONG), over)
  t.equal(aborted, over, 'the transport is not left open')
})

t.test('two reads at once, or a write after the end, are faults of our own', async t => {
  const [left] = duplexPair()
  const a = messageStream(left, CAP)
  const read = a.read(LONG)
  t.throws(() => a.read(LONG), { code: 'ERR_SFT_INTERNAL' })
  await a.end(LONG)
  t.throws(() => a.write(frame('PING'), LONG), { code: 'ERR_SFT_INTERNAL' })
  const error = new SftError('ERR_SFT_CANCELLED', 'cancelled')
  void a.abort(error)
  await t.rejects(read, error)
})

t.test('the body of a received frame is its own', async t => {
  const [left, right] = duplexPair()
  const a = messageStream(left, CAP)
  const b = messageStream(right, CAP)
  void a.write(frame('RSFL', 20), LONG)
  void a.write(frame('RSFL', 20), LONG)
  const [first, second] = [(await b.read(LONG)) as ReceivedFrame, (await b.read(LONG)) as ReceivedFrame]
  t.not(first.body.buffer, second.body.buffer)
})

function frame(type: FrameType, size = 0): Frame {
  return { type, body: [Buffer.alloc(size)] }
}

/** A duplex whose source never says anything. */
function sinkOnly(sink: AbortableDuplex['sink']): AbortableDuplex {
  return { source: duplexPair()[0].source, sink }
}

async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise(resolve => setImmediate(resolve))
}
