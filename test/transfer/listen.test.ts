import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect as dial, type Socket } from 'node:net'
import t from 'tap'
import type { Identity } from '../../src/auth/identity/identity.ts'
import { connect } from '../../src/transfer/connect.ts'
import type { Destination } from '../../src/transfer/destination.ts'
import { type ListenEvent, type Listener, type ListenOptions, listen } from '../../src/transfer/listen.ts'
import type { Outgoing } from '../../src/transfer/outgoing.ts'
import { inlinePool } from '../../src/workers/pool.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

const organisation = await makeOrganisation()
const [alice, bob, expired] = await Promise.all([
  organisation.issue('alice'),
  organisation.issue('bob'),
  organisation.issueFaulty('alice', 'expired')
])
const pool = inlinePool()
const host = '127.0.0.1'
const nowhere: Destination = {
  kind: 'delivered',
  sink: () => async source => {
    let bytes = 0
    for await (const piece of source) bytes += piece.byteLength
    return { bytes }
  }
}
const outgoing = (text: string): Outgoing & AsyncDisposable => ({
  metadata: { name: 'x' },
  file: false,
  owned: false,
  source: () => [Buffer.from(text)],
  [Symbol.asyncDispose]: async () => {}
})
const answers = { open: async (path: string) => outgoing(path) }

/** A listener of bob's, and what happened there. */
async function listening(options: Partial<ListenOptions> = {}): Promise<{ listener: Listener; events: ListenEvent[] }> {
  const events: ListenEvent[] = []
  const onEvent = (event: ListenEvent): void => void events.push(event)
  const listener = await listen({ identity: () => bob, pool, host, port: 0, answers, onEvent, ...options })
  return { listener, events }
}

const session = (listener: Listener, identity: Identity = alice, more: object = {}) =>
  connect({ identity, pool, host, port: listener.port, expect: 'bob', ...more })

async function silent(listener: Listener): Promise<Socket> {
  const socket = dial(listener.port, host)
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** Waits until something holds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 10))
}

t.test('a transfer, and what is told of it', async t => {
  const { listener, events } = await listening()
  t.same([listener.host, listener.port > 0], [host, true])
  {
    await using near = await session(listener)
    t.equal(near.peer.name, 'bob')
    t.match(await near.get('path', nowhere), { bytes: 4 })
    t.match(await near.get('longer path', nowhere), { bytes: 11 })
  }
  await listener.close()
  const transfer = { type: 'transfer', peer: 'alice', identity: { name: 'alice' }, direction: 'sent' }
  t.match(events, [
    { ...transfer, bytes: 4 },
    { ...transfer, bytes: 11 }
  ])
  await t.rejects(session(listener), { code: 'ERR_SFT_CONNECT' }, 'closed')
})

t.test('faults end nothing', async t => {
  const { listener, events } = await listening()
  const stranger = await silent(listener)
  stranger.end('GET / HTTP/1.1\r\n\r\n')
  await once(stranger, 'close')
  await t.rejects(
    session(listener, expired).then(near => near.get('x', nowhere)),
    { code: 'ERR_SFT_REFUSED_BY_PEER' }
  )
  await t.rejects(session(listener, alice, { expect: 'carol' }), { code: 'ERR_SFT_CERT_NAME' })
  await until(() => events.length === 3)
  t.match(events, [{ type: 'fault' }, { type: 'fault', error: { code: 'ERR_SFT_CERT_EXPIRED' } }, { type: 'fault' }])
  t.ok(
    events.every(event => event.type === 'fault' && event.peer === undefined),
    'nobody is named who is not proven'
  )
  await using near = await session(listener)
  t.match(await near.get('path', nowhere), { bytes: 4 })
  await near.close()
  await listener.close()
})

t.test('M18: a request before the handshake opens nothing', async t => {
  const asked: string[] = []
  const open = async (path: string) => {
    asked.push(path)
    return outgoing(path)
  }
  const { listener, events } = await listening({ answers: { open } })
  const socket = await silent(listener)
  socket.write(Buffer.from('\x0cRQFL\x02\x06secret', 'latin1'))
  await once(socket.resume(), 'close')
  await until(() => events.length === 1)
  t.same(asked, [])
  t.match(events, [{ type: 'fault', peer: undefined }])
  await listener.close()
})

t.test('a current identity for every connection', async t => {
  const carol = await organisation.issue('carol')
  let current = bob
  const { listener } = await listening({ identity: () => current })
  await (await session(listener)).close()
  current = carol
  await t.rejects(session(listener), { code: 'ERR_SFT_CERT_NAME' })
  await (await session(listener, alice, { expect: 'carol' })).close()
  await listener.close()
})

t.test('M131: at most 64 handshakes at once, and who says nothing keeps nobody out', async t => {
  const { listener, events } = await listening()
  const begun = await silent(listener)
  begun.write(Buffer.of(0x80))
  const sockets: Socket[] = []
  for (let i = 0; i < 63; i++) sockets.push(await silent(listener))
  for (const socket of [begun, ...sockets]) socket.resume()
  const honest = await session(listener)
  t.match(await honest.get('path', nowhere), { bytes: 4 }, 'beside 64 that wait')
  await honest.close()
  t.same(
    [begun, ...sockets].map(socket => socket.destroyed),
    [false, true, ...sockets.slice(1).map(() => false)],
    'the oldest that had said nothing has gone'
  )
  for (let i = 0; i < 100; i++) sockets.push((await silent(listener)).resume())
  t.match(await (await session(listener)).get('path', nowhere), { bytes: 4 }, 'beside more than there is room for')
  await Promise.all([begun, ...sockets].map(socket => socket.destroyed || once(socket, 'close')))
  await until(() => events.filter(event => event.type === 'fault').length === 164)
  const next = await session(listener)
  t.match(await next.get('path', nowhere), { bytes: 4 })
  await next.close()
  await listener.close()
})

t.test('at most so many sessions', async t => {
  const { listener } = await listening({ maxSessions: 0 })
  const sockets = await Promise.all(Array.from({ length: 64 }, () => silent(listener)))
  await t.rejects(session(listener), { code: /ERR_SFT_(CONNECTION_LOST|HANDSHAKE|CONNECT)/ })
  for (const socket of sockets) socket.destroy()
  await listener.close()
})

t.test('close', async t => {
  const started = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const slow = async () => ({
    ...outgoing(''),
    source: async function* () {
      yield Buffer.from('first')
      started.resolve()
      await gate.promise
      yield Buffer.from('second')
    }
  })
  const { listener, events } = await listening({ answers: { open: slow } })
  const [near, idle, mute] = await Promise.all([session(listener), session(listener), silent(listener)])
  mute.resume()
  const getting = near.get('x', nowhere)
  await started.promise
  const closing = listener.close({ drain: 20_000 })
  t.same(await idle.session.read(), undefined, 'a session at rest is closed')
  await idle.close()
  gate.resolve()
  t.match(await getting, { bytes: 11 }, 'a transfer under way ends well')
  await near.close()
  await closing
  t.ok(mute.destroyed || (await once(mute, 'close')), 'a handshake does not')
  t.match(
    events.filter(event => event.type === 'transfer'),
    [{ bytes: 11 }]
  )
})

t.test('close without time cuts a transfer', async t => {
  const hanging = async () => ({
    ...outgoing(''),
    source: async function* () {
      yield Buffer.from('first')
      await new Promise(() => {})
    }
  })
  const { listener, events } = await listening({ answers: { open: hanging } })
  const near = await session(listener)
  const getting = near.get('x', nowhere)
  getting.catch(() => {})
  await new Promise(resolve => setTimeout(resolve, 100))
  await listener.close()
  await t.rejects(getting, { code: 'ERR_SFT_CANCELLED' })
  await until(() => events.length === 1)
  t.match(events, [{ type: 'fault', peer: 'alice' }])
  await near.close()
})

t.test('an address that can not be had', async t => {
  const { listener } = await listening()
  await t.rejects(listening({ port: listener.port }), { code: 'ERR_SFT_CONNECT', message: /EADDRINUSE/ })
  await listener.close()
})

t.test('connecting', async t => {
  const options = { identity: alice, pool, host, expect: 'bob' }
  await t.rejects(connect({ ...options, port: 1 }), {
    code: 'ERR_SFT_CONNECT',
    message: /127\.0\.0\.1:1 \(ECONNREFUSED\)/
  })
  await t.rejects(connect({ ...options, port: 1, signal: AbortSignal.abort(new Error('before')) }), {
    message: 'before'
  })
  const { port, child } = await deaf()
  t.teardown(() => child.kill('SIGKILL'))
  await t.rejects(connect({ ...options, port, connectTimeout: 200 }), {
    code: 'ERR_SFT_CONNECT',
    message: /no answer in 0\.2 s/
  })
  const controller = new AbortController()
  const waiting = connect({ ...options, port, signal: controller.signal })
  setTimeout(() => controller.abort(new Error('during')), 50)
  await t.rejects(waiting, { message: 'during' })
  const { listener } = await listening()
  const stopped = new AbortController()
  const near = await connect({ ...options, port: listener.port, signal: stopped.signal })
  stopped.abort(new Error('after'))
  await t.rejects(near.get('x', nowhere), { code: 'ERR_SFT_CANCELLED' })
  await listener.close()
})

/** A process that listens, but whose queue of connections is full: one more gets no answer. */
async function deaf(): Promise<{ port: number; child: ChildProcess }> {
  const script = `require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () { console.log(this.address().port) })`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer]
  const port = Number(line)
  child.kill('SIGSTOP')
  for (let i = 0; i < 4; i++) {
    const filler = dial(port, host)
    filler.on('error', () => {})
    t.teardown(() => filler.destroy())
  }
  await new Promise(resolve => setTimeout(resolve, 300))
  return { port, child }
}
