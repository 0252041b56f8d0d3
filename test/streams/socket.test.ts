import type { Socket } from 'node:net'
import { Duplex as NodeDuplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { readSocket, socketDuplex, writeSocket } from '../../src/streams/socket.ts'
import { C, collect, cut, join, LENGTHS, pattern, print, STEPS } from '../fixtures/bytes.ts'
import { socketPair } from '../fixtures/sockets.ts'
import { tracked } from '../fixtures/stage-contract.ts'

for (const len of LENGTHS) {
  for (const step of STEPS) {
    t.test(`len=${len} step=${step}`, async t => {
      const [left, right] = await socketPair(t, 'tcp')
      const reading = join(readSocket(right))
      await writeSocket(left, cut(pattern(len), step))
      t.equal(print(await reading), print(pattern(len)))
    })
  }
}

t.test('both ways at once, much more than any buffer holds', async t => {
  const [left, right] = (await socketPair(t, 'tcp')).map(socket => socketDuplex(socket))
  if (!left || !right) throw new Error('no pair')
  const bytes = pattern(6 * 1024 * 1024)
  const [, , one, two] = await Promise.all([
    left.sink(cut(bytes, 300_000)),
    right.sink(cut(bytes, 70_000)),
    join(left.source),
    join(right.source)
  ])
  t.equal(print(one), print(bytes))
  t.equal(print(two), print(bytes))
})

t.test('half close: each side goes on after the other has ended', async t => {
  const [left, right] = await socketPair(t, 'tcp')
  const [here, there] = [socketDuplex(left), socketDuplex(right)]
  await here.sink([pattern(10)])
  t.equal(print(await join(there.source)), print(pattern(10)), 'here has ended')
  await there.sink(cut(pattern(C), 100))
  t.equal(print(await join(here.source)), print(pattern(C)), 'and still reads')
})

t.test('a source that is left early destroys nothing', async t => {
  const [left, right] = await socketPair(t, 'tcp')
  const [here, there] = [socketDuplex(left), socketDuplex(right)]
  const sending = here.sink([pattern(10)])
  await there.source.next()
  await there.source.return()
  await sending
  await there.sink([pattern(20)])
  t.equal(print(await join(here.source)), print(pattern(20)))
})

t.test('a reset is a lost connection, for the reader and for the writer', async t => {
  const [left, right] = await socketPair(t, 'tcp')
  const reading = collect(readSocket(left))
  const { source, state } = tracked(forever())
  const writing = writeSocket(left, source)
  const first = readSocket(right)
  await first.next()
  right.resetAndDestroy()
  await t.rejects(reading, { code: 'ERR_SFT_CONNECTION_LOST' })
  await t.rejects(writing, { code: 'ERR_SFT_CONNECTION_LOST' })
  while (!state.closed) await new Promise(resolve => setImmediate(resolve))
  t.pass('the source is closed')
})

t.test('a connection that closes without an end is lost, once what came has been read', async t => {
  const [left, right] = await socketPair(t, 'tcp')
  await new Promise(resolve => left.write(pattern(100), resolve))
  const source = readSocket(right)
  t.equal((await source.next()).value?.byteLength, 100)
  right.destroy()
  await t.rejects(source.next(), { code: 'ERR_SFT_CONNECTION_LOST' })
  await t.rejects(collect(readSocket(right)), { code: 'ERR_SFT_CONNECTION_LOST' }, 'and stays lost')
})

t.test('a writer whose source waits notices that the connection is lost', async t => {
  const [left, right] = await socketPair(t, 'tcp')
  left.resume()
  const never = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }
  const writing = writeSocket(left, never)
  right.resetAndDestroy()
  await t.rejects(writing, { code: 'ERR_SFT_CONNECTION_LOST' })
})

t.test('abort ends both directions', async t => {
  const [left, right] = await socketPair(t, 'tcp')
  const here = socketDuplex(left)
  const both = [t.rejects(collect(here.source), { code: 'ERR_SFT_CONNECTION_LOST' })]
  both.push(t.rejects(here.sink(forever()), { code: 'ERR_SFT_CONNECTION_LOST' }))
  await readSocket(right).next()
  here.abort()
  await Promise.all(both)
})

t.test('pieces that the kernel takes in parts, and pieces of one byte', async t => {
  const [left, right] = await socketPair(t, 'unix')
  const reading = join(readSocket(right))
  await writeSocket(left, [pattern(1_000_000), ...cut(pattern(3000), 1), pattern(700_000, 3)])
  const expected = Buffer.concat([pattern(1_000_000), pattern(3000), pattern(700_000, 3)])
  t.equal(print(await reading), print(expected))
})

t.test('a peer that takes nothing is a timeout, of the stall and a second for each KiB', async t => {
  await t.rejects(writeSocket(stuckSocket(), [pattern(100)], { stall: 10 }), { code: 'ERR_SFT_TIMEOUT' })
  const local = writeSocket(stuckSocket(), [pattern(100)], { stall: 0 })
  t.equal(await Promise.race([local, sleep(300, 'waiting')]), 'waiting', 'a local pipe has no deadline')
})

t.test('a peer that is slow, but takes some, is no timeout', async t => {
  const [left, right] = await socketPair(t, 'unix')
  const writing = writeSocket(left, cut(pattern(2_000_000), 100_000), { stall: 10_000 })
  let bytes = 0
  for await (const piece of readSocket(right)) {
    bytes += piece.byteLength
    await sleep(1)
  }
  await t.resolves(writing)
  t.equal(bytes, 2_000_000)
})

t.test('no listener is left behind', async t => {
  const [left, right] = await socketPair(t, 'tcp')
  const counts = (socket: Socket) => ['data', 'end', 'close', 'drain'].map(name => socket.listenerCount(name))
  const [before, after] = [counts(left), counts(right)]
  const reading = collect(readSocket(right))
  await writeSocket(left, [pattern(10)])
  await reading
  t.same(counts(left), before)
  t.same(counts(right), after)
})

function* forever(): Generator<Uint8Array> {
  for (;;) yield pattern(64 * 1024)
}

/** Takes what is written and never says that it has gone. */
function stuckSocket(): Socket {
  return new NodeDuplex({ read: () => {}, write: () => {}, writev: () => {} }) as Socket
}
