import { once } from 'node:events'
import { createServer, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { takeAccepted } from '../../src/streams/accepted.ts'
import { readSocket } from '../../src/streams/socket.ts'
import { SocketReader } from '../../src/streams/socket-reader.ts'
import { collect, cut, join, pattern, print } from '../fixtures/bytes.ts'
import { socketPair } from '../fixtures/sockets.ts'

const MIB = 1024 * 1024

interface Ends {
  readonly reader: SocketReader
  readonly socket: Socket
  readonly writer: Socket
}

/** A reader in whose own memory bytes land, on a socket that we dialled or accepted, or one that copies from Node's buffers; and the socket that writes to it. */
async function ends(t: Test, how: 'dialled' | 'accepted' | 'data'): Promise<Ends> {
  if (how === 'data') {
    const [socket, writer] = await socketPair(t, 'tcp')
    return { reader: readSocket(socket), socket, writer }
  }
  if (how === 'accepted') return acceptedEnds(t)
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const reader = new SocketReader()
  const accepting = once(server, 'connection')
  const dialled = new Socket({ allowHalfOpen: true, onread: reader.onread })
  dialled.connect({ host: '127.0.0.1', port: (server.address() as { port: number }).port })
  const [writer] = (await accepting) as [Socket]
  server.close()
  t.teardown(() => [dialled, writer].forEach(socket => void socket.destroy()))
  return { reader: reader.attach(dialled), socket: dialled, writer }
}

async function acceptedEnds(t: Test): Promise<Ends> {
  const [writer, accepted] = await socketPair(t, 'tcp', { pauseOnConnect: true })
  const { socket, reader } = takeAccepted(accepted)
  t.teardown(() => void socket.destroy())
  t.ok(accepted.destroyed, 'the shell is gone')
  t.not(socket, accepted)
  return { reader: (reader as SocketReader).attach(socket), socket, writer }
}

for (const how of ['dialled', 'accepted', 'data'] as const) {
  t.test(`${how}: pieces and fills in turns give every byte once, in order`, async t => {
    const { reader, writer } = await ends(t, how)
    const bytes = pattern(5 * MIB)
    writer.end(bytes)
    const seen: Uint8Array[] = []
    for (let turn = 0; ; turn++) {
      const piece = await reader.next()
      if (piece.done) break
      seen.push(piece.value)
      const place = new Uint8Array([1, 70_000, 300_001][turn % 3] as number)
      seen.push(place.subarray(0, await reader.fill(place)))
    }
    t.equal(print(Buffer.concat(seen)), print(bytes))
  })

  t.test(`${how}: small arrivals between large ones, read ahead of the consumer, stay what they were`, async t => {
    const { reader, writer } = await ends(t, how)
    const sizes = Array.from({ length: 60 }, (_, i) => (i % 3 === 1 ? 900 : 30_000))
    const sent = sizes.map((size, i) => pattern(size, i))
    writer.write(sent[0] as Uint8Array)
    const first = (await reader.next()).value as Uint8Array
    for (const piece of sent.slice(1)) {
      writer.write(piece)
      await sleep(1)
    }
    writer.end()
    const rest = await join(reader)
    t.equal(print(Buffer.concat([first, rest])), print(Buffer.concat(sent)))
  })

  t.test(`${how}: a fill is short at the end only, and tells of every arrival`, async t => {
    const { reader, writer } = await ends(t, how)
    let arrivals = 0
    const filling = reader.fill(new Uint8Array(100), () => arrivals++)
    for (const byte of [1, 2, 3]) {
      writer.write(Uint8Array.of(byte))
      while (arrivals < byte) await sleep(1)
    }
    writer.end()
    t.equal(await filling, 3)
    t.equal(await reader.fill(new Uint8Array(10)), 0)
    t.ok((await reader.next()).done)
  })

  t.test(`${how}: what goes on behind a place that is full is not written there`, async t => {
    const { reader, writer } = await ends(t, how)
    writer.write(pattern(200_000))
    const place = new Uint8Array(65_536)
    await reader.fill(place)
    const before = print(place)
    await sleep(20)
    t.equal(print(place), before)
    t.equal(before, print(pattern(200_000).subarray(0, 65_536)))
  })

  t.test(`${how}: a connection lost is raised by a fill as by a piece`, async t => {
    const { reader, writer } = await ends(t, how)
    const filling = reader.fill(new Uint8Array(100))
    await new Promise(resolve => writer.write(pattern(10), resolve))
    await sleep(5)
    writer.resetAndDestroy()
    await t.rejects(filling, { code: 'ERR_SFT_CONNECTION_LOST' })
    t.ok((await reader.next()).done, 'and ends the reader')
  })

  t.test(`${how}: a return lets go of a fill that waits, and pauses the socket`, async t => {
    const { reader, socket } = await ends(t, how)
    const filling = reader.fill(new Uint8Array(100))
    await reader.return()
    t.equal(await filling, 0)
    t.ok(socket.isPaused())
    t.notOk(socket.destroyed)
    t.ok((await reader.next()).done)
  })

  t.test(`${how}: a stranger, of whom nothing was consumed, gets little memory`, async t => {
    const { socket, writer } = await ends(t, how)
    writer.on('error', () => {}).end(pattern(4 * MIB))
    await sleep(50)
    t.ok(socket.bytesRead <= 256 * 1024, `${socket.bytesRead} bytes taken`)
  })
}

t.test(
  'a socket without a handle of the kind that Node has stays as it is, and is read through its own buffers',
  async t => {
    const [writer, accepted] = await socketPair(t, 'tcp', { pauseOnConnect: true })
    Object.defineProperty(Reflect.get(accepted, '_handle'), 'useUserBuffer', { value: undefined })
    const { socket, reader } = takeAccepted(accepted)
    t.equal(socket, accepted)
    t.equal(reader, undefined)
    t.notOk(accepted.destroyed)
    writer.destroy()
  }
)

t.test('a socket that was paused until it is read gives what came meanwhile', async t => {
  const [writer, accepted] = await socketPair(t, 'tcp', { pauseOnConnect: true })
  writer.end('early')
  await sleep(10)
  t.equal(Buffer.from(await join(readSocket(accepted))).toString(), 'early')
})

t.test('what a socket knows of its peer moves with it', async t => {
  const { socket, writer } = await acceptedEnds(t)
  t.equal(socket.remotePort, writer.localPort)
  t.equal(socket.remoteAddress, '127.0.0.1')
})

t.test('two reads at once are a fault of ours', async t => {
  const { reader } = await ends(t, 'data')
  const reading = reader.next()
  await t.rejects(reader.next(), /internal/)
  await reader.return()
  t.ok((await reading).done)
})

t.test('throw ends it like an early return', async t => {
  const { reader, writer } = await ends(t, 'data')
  writer.write(pattern(10))
  const error = new Error('enough')
  t.equal(await reader.throw(error).catch((reason: unknown) => reason), error)
  t.same(await collect(cut(new Uint8Array(0), 1)), [])
  t.ok((await reader.next()).done)
})
