import { once } from 'node:events'
import { connect as dial, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { connect } from '../../src/transfer/connect.ts'
import type { Answers } from '../../src/transfer/file-session.ts'
import { type ListenEvent, type Listener, listen } from '../../src/transfer/listen.ts'
import { inlinePool } from '../../src/workers/pool.ts'
import { join, pattern } from '../fixtures/bytes.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

const organisation = await makeOrganisation()
const [alice, bob] = await Promise.all([organisation.issue('alice'), organisation.issue('bob')])
const pool = inlinePool()
const host = '127.0.0.1'
const content = pattern(1000)

/** Bob, who answers every request with `content` and counts them. */
async function start(t: Test) {
  const seen = { opened: 0, events: [] as ListenEvent[] }
  const open: Answers['open'] = async () => {
    seen.opened++
    return { metadata: {}, file: true, owned: false, source: () => [content], [Symbol.asyncDispose]: async () => {} }
  }
  const onEvent = (event: ListenEvent): void => void seen.events.push(event)
  const listener = await listen({ identity: () => bob, pool, host, port: 0, answers: { open }, onEvent })
  t.teardown(() => listener.close())
  return { listener, seen }
}

async function get(listener: Listener): Promise<Buffer> {
  await using session = await connect({ identity: alice, pool, host, port: listener.port, expect: 'bob' })
  let got: Buffer = Buffer.alloc(0)
  const sink = () => async (source: AsyncIterable<Uint8Array>) => {
    got = await join(source)
    return { bytes: got.byteLength }
  }
  await session.get('anything', { kind: 'delivered', sink: sink as never })
  return got
}

async function knock(listener: Listener): Promise<Socket> {
  const socket = dial(listener.port, host).on('error', () => {})
  await once(socket, 'connect')
  return socket
}

t.test('answers an honest peer, and says so', async t => {
  const { listener, seen } = await start(t)
  t.ok((await get(listener)).equals(content))
  await listener.close()
  t.match(seen.events, [{ type: 'transfer', peer: 'alice', direction: 'sent', bytes: 1000 }])
})

t.test('M18: a request before the handshake opens nothing', async t => {
  const { listener, seen } = await start(t)
  const socket = await knock(listener)
  socket.write(Buffer.from('\x0cRQFL\x02\x06secret', 'latin1'))
  socket.resume()
  await once(socket, 'close')
  t.equal(seen.opened, 0)
  t.match(seen.events, [{ type: 'fault', peer: undefined }])
})

t.test('64 silent strangers are all there is room for, until their deadline', { timeout: 30_000 }, async t => {
  const { listener } = await start(t)
  const silent = await Promise.all(Array.from({ length: 64 }, () => knock(listener)))
  const closed = silent.map(socket => once(socket.resume(), 'close'))
  const one = (await knock(listener)).resume()
  await once(one, 'close')
  t.ok(
    silent.every(socket => !socket.closed),
    'one more is closed at once, the others wait'
  )
  await Promise.all(closed)
  t.ok((await get(listener)).equals(content), 'then an honest peer is served')
})

t.test('an address in use has a code', async t => {
  const { listener } = await start(t)
  await t.rejects(listen({ identity: () => bob, pool, host, port: listener.port, answers: {} }), {
    code: 'ERR_SFT_CONNECT'
  })
})

t.test('close ends silent connections and lets nobody in', async t => {
  const { listener } = await start(t)
  const socket = (await knock(listener)).resume()
  const closed = once(socket, 'close')
  await listener.close()
  await closed
  await t.rejects(connect({ identity: alice, pool, host, port: listener.port, expect: 'bob' }), {
    code: 'ERR_SFT_CONNECT'
  })
})
