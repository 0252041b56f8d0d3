import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { Engine } from '../../src/transfer/engine.ts'
import type { TransferEvent } from '../../src/transfer/events.ts'
import { pattern, sha256 } from '../fixtures/bytes.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

/** One transfer over several connections (SPEC §8.1), engine to engine over TCP. */

const MIB = 1024 * 1024
const SIZES = [0, 1, MIB, MIB + 1, 37 * MIB]

const organisation = await makeOrganisation()
const directory = t.testdir({ served: {}, inbox: {}, got: {}, sent: {} })
const alice = new Engine({ identity: await organisation.issue('alice'), threads: 1 })
const bob = new Engine({ identity: await organisation.issue('bob'), threads: 1 })
t.teardown(() => Promise.all([alice.close(), bob.close()]))
const block = pattern(MIB)

/** A file that differs in every megabyte. */
async function makeFile(size: number, path: string): Promise<string> {
  const bytes = Buffer.alloc(size)
  for (let at = 0; at < size; at += MIB) {
    bytes.set(block.subarray(0, Math.min(MIB, size - at)), at)
    if (size - at >= 4) bytes.writeUInt32BE(at, at)
  }
  await writeFile(path, bytes)
  return sha256(bytes)
}

const hashOf = async (...path: string[]): Promise<string> => sha256(await readFile(join(directory, ...path)))
const address = { host: '127.0.0.1', port: 0 }
const hashes = new Map<number, string>()
for (const size of SIZES) hashes.set(size, await makeFile(size, join(directory, 'served', String(size))))

async function connectionsOf(run: () => Promise<unknown>): Promise<number> {
  const before = process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length
  await run()
  return process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length - before
}

for (const streams of [1, 2, 8, 16]) {
  t.test(`get and send, streams=${streams}`, async t => {
    const events: TransferEvent[] = []
    const onEvent = (event: TransferEvent): void => void events.push(event)
    const server = await bob.serve(join(directory, 'served'), { ...address, onEvent })
    const inbox = await bob.receiveInto(join(directory, 'inbox'), { ...address, onEvent, from: ['alice'], force: true })
    for (const size of SIZES) {
      const place = join(directory, 'got', `${streams}-${size}`)
      const got = await alice.get(`bob@127.0.0.1:${server.port}`, String(size), place, { streams })
      t.match(got, { bytes: size, kind: 'durable' })
      t.equal(await hashOf('got', `${streams}-${size}`), hashes.get(size), `get ${size}`)
      const sent = await alice.send(join(directory, 'served', String(size)), `bob@127.0.0.1:${inbox.port}`, {
        streams
      })
      t.match(sent, { bytes: size, kind: 'durable' })
      t.equal(await hashOf('inbox', String(size)), hashes.get(size), `send ${size}`)
      for (const { connections } of [got, sent]) t.ok(connections >= 1 && connections <= streams, `${connections}`)
      if (size > 16 * MIB && streams > 1) t.ok(got.connections > 1 && sent.connections > 1, 'several carry data')
    }
    await Promise.all([server.close({ drain: 10_000 }), inbox.close({ drain: 10_000 })])
    t.same(
      events.filter(({ type }) => type === 'error'),
      [],
      'no fault'
    )
    t.equal(events.filter(({ type }) => type === 'end').length, 2 * SIZES.length)
  })
}

t.test('no socket is left', async t => {
  const server = await bob.serve(join(directory, 'served'), address)
  const left = await connectionsOf(async () => {
    await alice.get(`bob@127.0.0.1:${server.port}`, String(MIB), join(directory, 'got', 'left'), { streams: 16 })
    await server.close({ drain: 10_000 })
  })
  t.ok(left <= 0, `${left} sockets`)
})

t.test('stripes stay for the requests that follow, in both directions', async t => {
  let more = 0
  const server = await bob.receiveInto(join(directory, 'inbox'), { ...address, from: ['alice'], force: true })
  await using session = await alice.connect(`bob@127.0.0.1:${server.port}`, { streams: 4 })
  t.equal(session.session.stripes.connections, 1, 'none is named yet')
  for (const name of ['a', 'b', 'c']) {
    const bytes = pattern(9 * MIB + more++)
    const outgoing = {
      metadata: { name, size: bytes.byteLength },
      file: true,
      owned: false,
      source: () => [bytes]
    }
    const result = await session.put({ name, size: bytes.byteLength }, outgoing)
    t.match(result, { bytes: bytes.byteLength, kind: 'durable' })
    t.equal(session.session.stripes.connections, 4)
    t.equal(await hashOf('inbox', name), sha256(bytes))
  }
  await session.close()
  await server.close({ drain: 10_000 })
})

t.test('a refusal leaves the stripes for the next request', async t => {
  const server = await bob.serve(join(directory, 'served'), address)
  await using session = await alice.connect(`bob@127.0.0.1:${server.port}`, { streams: 3 })
  const destination = {
    kind: 'delivered' as const,
    sink: () => async (source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) => {
      let bytes = 0
      for await (const piece of source) bytes += piece.byteLength
      return { bytes }
    }
  }
  await t.rejects(session.get('no such file', destination), { code: 'ERR_SFT_NOT_FOUND' })
  t.match(await session.get(String(37 * MIB), destination), { bytes: 37 * MIB })
  t.equal(session.session.stripes.connections, 3)
  await session.close()
  await server.close({ drain: 10_000 })
})

t.test('streams out of range', async t => {
  for (const streams of [0, 17, -1, 1.5, Number.NaN]) {
    const options = { streams }
    const usage = { code: 'ERR_SFT_USAGE' }
    await t.rejects(alice.get('bob@127.0.0.1:1', 'x', join(directory, 'got', 'x'), options), usage)
    await t.rejects(alice.send(join(directory, 'served', '1'), 'bob@127.0.0.1:1', options), usage)
    await t.rejects(alice.connect('bob@127.0.0.1:1', options), usage)
  }
})

t.test('a signal ends a striped transfer, and the joining', async t => {
  const server = await bob.serve(join(directory, 'served'), address)
  const left = await connectionsOf(async () => {
    const controller = new AbortController()
    const sink = async (source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) => {
      for await (const _ of source) controller.abort(new Error('enough'))
      return { bytes: 0 }
    }
    const options = { streams: 4, signal: controller.signal }
    await using session = await alice.connect(`bob@127.0.0.1:${server.port}`, options)
    await t.rejects(session.get(String(37 * MIB), { kind: 'delivered', sink: () => sink }), {
      code: 'ERR_SFT_CANCELLED'
    })
    const early = new AbortController()
    const connecting = alice.connect(`bob@127.0.0.1:${server.port}`, { streams: 16, signal: early.signal })
    setImmediate(() => early.abort(new Error('early')))
    await t.rejects(connecting)
    await server.close()
  })
  t.ok(left <= 0, `${left} sockets`)
})
