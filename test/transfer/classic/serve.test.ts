import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFile, link, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { selfSign } from '../../../src/auth/certificates/certificate.ts'
import { encodeCertificates } from '../../../src/auth/certificates/pem.ts'
import { encodeClassic } from '../../../src/auth/classic/wire.ts'
import {
  type ClassicGetOptions,
  type ClassicServeEvent,
  type ClassicServeOptions,
  createClassicPool,
  getClassic,
  serveClassic
} from '../../../src/classic.ts'
import { openAuditLog } from '../../../src/transfer/audit-log.ts'
import { decryptBlock, encryptBlock } from '../../../src/workers/classic-blocks.ts'
import { pattern } from '../../fixtures/bytes.ts'
import { classicIdentity, makeClassicSystem } from '../../fixtures/classic.ts'
import { dialRaw, type RawPeer } from '../../fixtures/classic-hostile.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'

const system = await makeClassicSystem()
const identity = await classicIdentity(system, 'user1')
const user2 = await classicIdentity(system, 'user2')
const pool = createClassicPool({ threads: 0 })
const QUICK = { first: 300, greeting: 300, firstBlock: 300, block: 300 }

async function serve(t: Test, options: Partial<ClassicServeOptions> = {}) {
  const directory = options.directory ?? t.testdir({ file: pattern(250), sub: { inner: 'inner' } })
  const events: ClassicServeEvent[] = []
  const listener = await serveClassic({
    identity: () => identity,
    pool,
    directory,
    port: 0,
    onEvent: event => events.push(event),
    ...options
  })
  t.teardown(() => listener.close())
  const { port } = listener
  const get = (name: string, more: Partial<ClassicGetOptions> = {}) =>
    getClassic({
      identity: user2,
      pool,
      host: '127.0.0.1',
      port,
      name,
      output: join(t.testdirName, `got-${events.length}-${randomBytes(4).toString('hex')}`),
      ...more
    })
  return { listener, port, events, get, directory }
}

const nameFor = (name: string | Uint8Array) => encryptBlock(identity.publicKey, Buffer.from(name))

/** Greets, and asks. */
async function ask(t: Test, port: number, payload: Uint8Array, pem = user2.pem): Promise<RawPeer> {
  const peer = await dialRaw(t, port)
  peer.send('SECE', pem)
  t.equal((await peer.read())?.type, 'RSCV')
  return peer.send('RQFL', payload)
}

t.test('serves a file, block by block', async t => {
  const { port, events, listener } = await serve(t)
  t.equal(listener.host, '127.0.0.1', 'M151: loopback')
  const peer = await ask(t, port, nameFor('file'))
  const blocks: Uint8Array[] = []
  for (let message = await peer.read(); message; message = await peer.read()) {
    t.equal(message.type, 'RSFL')
    blocks.push(decryptBlock(user2.privateKey, message.payload) ?? new Uint8Array(0))
  }
  t.same(
    blocks.map(({ byteLength }) => byteLength),
    [100, 100, 50]
  )
  t.ok(Buffer.concat(blocks).equals(pattern(250)))
  t.match(events, [{ type: 'transfer', alias: 'user2', path: 'file', bytes: 250 }])
})

t.test('M143, A5: RSCI for what is no certificate of a classic peer, and the end', async t => {
  const { port, events } = await serve(t)
  const stranger = await classicIdentity(await makeClassicSystem(), 'user2')
  const now = Date.now()
  const { publicKey, privateKey } = stranger
  const fields = {
    subject: { commonName: 'user2' },
    publicKey,
    notBefore: new Date(now - 1e6),
    notAfter: new Date(now + 1e6)
  }
  const native = await (await makeOrganisation()).issue('alice')
  const bad = {
    'of another root': stranger.pem,
    'self-signed': Buffer.from(selfSign({ ...fields, extensions: [], keyIds: false }, privateKey).toString()),
    expired: (await system.issue('user2', { ttl: -1e9 })).pem,
    'the root': Buffer.from(system.certificate.toString()),
    native: Buffer.from(encodeCertificates(native.chain)),
    garbage: randomBytes(1554),
    nothing: new Uint8Array(0)
  }
  for (const [what, pem] of Object.entries(bad)) {
    const peer = (await dialRaw(t, port)).send('SECE', pem)
    t.same(await peer.rest(), ['RSCI', 'end'], what)
  }
  t.ok(events.every(({ type }) => type === 'fault'))
  t.equal(events.length, Object.keys(bad).length)
})

t.test('M141, A12, A13: whatever has no place ends the connection, before any file is opened', async t => {
  const { port, events } = await serve(t)
  const long = Buffer.from(encodeClassic('SECE'))
  long.writeUInt32BE(2 ** 32 - 1, 4)
  const first: Record<string, (peer: RawPeer) => unknown> = {
    'RQFL before a certificate': peer => peer.send('RQFL', nameFor('file')),
    RSFL: peer => peer.send('RSFL', randomBytes(256)),
    RSCV: peer => peer.send('RSCV', user2.pem),
    RSCI: peer => peer.send('RSCI'),
    'A11: four gigabytes': peer => peer.raw(long),
    'a web browser': peer => peer.raw(Buffer.from('GET / HTTP/1.1\r\n\r\n')),
    'a native peer': peer => peer.raw(Buffer.concat([Uint8Array.of(0x40), Buffer.from('HELO'), randomBytes(60)])),
    'an end': peer => peer.end()
  }
  for (const [what, speak] of Object.entries(first)) {
    const peer = await dialRaw(t, port)
    speak(peer)
    t.same(await peer.rest(), ['reset'], what)
  }
  for (const type of ['SECE', 'RSCV', 'RSCI', 'RSFL'] as const) {
    const peer = (await dialRaw(t, port)).send('SECE', user2.pem)
    t.equal((await peer.read())?.type, 'RSCV')
    t.same(await peer.send(type, user2.pem).rest(), ['reset'], `${type} for a request`)
  }
  t.ok(
    events.every(({ type }) => type === 'fault'),
    'no request was looked at'
  )
})

t.test('M147, A14: only regular files below the directory, and one answer for everything else', async t => {
  const directory = t.testdir({
    outside: 'secret',
    served: { file: pattern(100), sub: { inner: 'inner' }, '.dot': 'dot' }
  })
  const served = join(directory, 'served')
  await symlink('../outside', join(served, 'link-out'))
  await symlink('sub/inner', join(served, 'link-in'))
  await link(join(directory, 'outside'), join(served, 'hard'))
  t.equal(spawnSync('mkfifo', [join(served, 'fifo')]).status, 0)
  const { port, events, get } = await serve(t, { directory: served })
  const refused = [
    '/etc/passwd',
    '../outside',
    'sub/../../outside',
    join(directory, 'outside'),
    '/dev/zero',
    '/proc/self/environ',
    'link-out',
    'hard',
    'fifo',
    'sub',
    '.',
    '..',
    '/',
    'none',
    'file/',
    'file\0',
    'file/x',
    '~/file',
    'x'.repeat(190)
  ]
  for (const name of refused) {
    const peer = await ask(t, port, nameFor(name))
    t.same(await peer.rest(), ['end'], JSON.stringify(name.slice(0, 40)))
  }
  t.same(
    events.map(({ type }) => type),
    refused.map(() => 'denied')
  )
  for (const name of ['file', 'sub/inner', 'link-in', 'sub/../file', '.dot'])
    t.match(await get(name), { alias: 'user1' }, name)
  for (const [what, payload] of Object.entries({
    'no UTF-8': nameFor(Uint8Array.of(0xff, 0xfe)),
    'no block': randomBytes(256),
    'a short one': randomBytes(10),
    nothing: new Uint8Array(0),
    'an empty name': nameFor('')
  }))
    t.same(await (await ask(t, port, payload)).rest(), ['end'], what)
})

t.test('names with a point in front, where those are not served', async t => {
  const directory = t.testdir({ '.ssh': { id: 'secret' }, '.profile': 'x', sub: { '.hidden': 'x' }, 'a.b': 'x' })
  const { get } = await serve(t, { directory, hidden: false })
  for (const name of ['.ssh/id', '.profile', 'sub/.hidden', './.profile', '.'])
    await t.rejects(get(name), { code: 'ERR_SFT_NOT_FOUND' }, name)
  t.match(await get('a.b'), { bytes: 1 })
})

t.test('A15: whoever is not meant gets nothing', async t => {
  const { get, events } = await serve(t, { to: ['user3'] })
  await t.rejects(get('file'), { code: 'ERR_SFT_NOT_FOUND' })
  const user3 = await classicIdentity(system, 'user3')
  t.match(await get('file', { identity: user3 }), { bytes: 250 })
  t.match(events, [
    { type: 'denied', alias: 'user2', path: 'file' },
    { type: 'transfer', alias: 'user3' }
  ])
})

t.test('A17: a block that was meant for us is no name, and is told like any other', async t => {
  const { port, events } = await serve(t)
  const block = encryptBlock(identity.publicKey, pattern(100))
  t.same(await (await ask(t, port, block)).rest(), ['end'])
  const text = encryptBlock(identity.publicKey, Buffer.from('the contents of a file'))
  t.same(await (await ask(t, port, text)).rest(), ['end'])
  t.same(
    events.map(({ type }) => type),
    ['denied', 'denied']
  )
})

t.test('M148, A18: a request that was recorded is not answered again', async t => {
  const { port, events } = await serve(t)
  const recorded = nameFor('file')
  t.same(await (await ask(t, port, recorded)).rest(), ['RSFL', 'RSFL', 'RSFL', 'end'])
  t.same(await (await ask(t, port, recorded)).rest(), ['end'])
  t.same(await (await ask(t, port, nameFor('file'))).rest(), ['RSFL', 'RSFL', 'RSFL', 'end'])
  t.match(events, [{ type: 'transfer' }, { type: 'replay', alias: 'user2' }, { type: 'transfer' }])
})

t.test('M142, A28: who says nothing is not waited for', async t => {
  const { port, events } = await serve(t, { deadlines: QUICK })
  t.same(await (await dialRaw(t, port)).rest(), ['reset'])
  const half = (await dialRaw(t, port)).raw(encodeClassic('SECE', user2.pem).subarray(0, 800))
  t.same(await half.rest(), ['reset'])
  const greeted = (await dialRaw(t, port)).send('SECE', user2.pem)
  t.same(await greeted.rest(), ['RSCV', 'reset'])
  t.match(
    events.map(event => event.type === 'fault' && (event.error as { code: string }).code),
    Array(3).fill('ERR_SFT_TIMEOUT')
  )
})

t.test('A27: three hundred that only connect do not keep an honest one out', async t => {
  const { port, get } = await serve(t)
  const idle = await Promise.all(Array.from({ length: 300 }, () => dialRaw(t, port)))
  t.match(await get('file'), { bytes: 250 })
  const ended = idle.slice(0, 200).map(peer => peer.rest())
  t.same(new Set((await Promise.all(ended)).flat()), new Set(['end']), 'the oldest were ended')
})

t.test('M148: five at once, and a sixth is told at once', async t => {
  const directory = t.testdir({ big: Buffer.alloc(8 * 1024 * 1024) })
  const { port, events, get } = await serve(t, { directory })
  const slow = await Promise.all(Array.from({ length: 5 }, () => ask(t, port, nameFor('big'))))
  for (const peer of slow) t.equal((await peer.read())?.type, 'RSFL')
  for (const peer of slow) peer.socket.pause()
  await t.rejects(get('big'), { code: 'ERR_SFT_BUSY' })
  for (const peer of slow) peer.socket.destroy()
  const freed = async (): Promise<void> => {
    while (events.filter(({ type }) => type === 'fault').length < 6)
      await new Promise(resolve => setTimeout(resolve, 20))
  }
  await freed()
  await writeFile(join(directory, 'small'), pattern(100))
  t.match(await get('small'), { bytes: 100 })
})

t.test('a file that changes while it is read ends in a reset, and is no file there', async t => {
  const directory = t.testdir({ file: Buffer.alloc(4 * 1024 * 1024) })
  const { port, events } = await serve(t, { directory })
  const peer = await ask(t, port, nameFor('file'))
  t.equal((await peer.read())?.type, 'RSFL')
  await appendFile(join(directory, 'file'), 'more')
  t.equal((await peer.rest()).at(-1), 'reset')
  t.match(events, [{ type: 'fault', alias: 'user2', error: { code: 'ERR_SFT_SOURCE_CHANGED' } }])
})

t.test('A10: a reader that is slow gets the same bytes', async t => {
  const bytes = randomBytes(40_000)
  const { port } = await serve(t, { directory: t.testdir({ file: bytes }) })
  const peer = await ask(t, port, nameFor('file'))
  const parts: Uint8Array[] = []
  for (let message = await peer.read(); message; message = await peer.read()) {
    parts.push(decryptBlock(user2.privateKey, message.payload) ?? new Uint8Array(0))
    if (parts.length % 50 === 0) {
      peer.socket.pause()
      await new Promise(resolve => setTimeout(resolve, 10))
      peer.socket.resume()
    }
  }
  t.ok(Buffer.concat(parts).equals(bytes))
})

t.test('an audit knows of everything, and without it nothing is answered', async t => {
  const directory = t.testdir({ served: { file: 'x' } })
  const path = join(directory, 'audit')
  const audit = await openAuditLog(path)
  const { get, port } = await serve(t, { directory: join(directory, 'served'), audit })
  await get('file')
  await t.rejects(get('none'), { code: 'ERR_SFT_NOT_FOUND' })
  const payload = nameFor('file')
  await (await ask(t, port, payload)).rest()
  await (await ask(t, port, payload)).rest()
  await (await dialRaw(t, port)).send('RSCI').rest()
  await audit.append({ type: 'last' })
  const lines = (await readFile(path, 'utf8'))
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  t.match(lines, [
    { type: 'classic.transfer', alias: 'user2', path: 'file', bytes: 1 },
    { type: 'classic.denied', alias: 'user2', path: 'none' },
    { type: 'classic.transfer' },
    { type: 'classic.replay', alias: 'user2' },
    { type: 'classic.fault', reason: 'ERR_SFT_FRAME_TYPE' },
    { type: 'last' }
  ])
  await audit.close()
  await audit.append({ type: 'late' }).catch(() => undefined)
  await t.rejects(get('file'), { code: 'ERR_SFT_CONNECTION_LOST' })
})

t.test('an address or a directory that can not be had', async t => {
  const { listener, directory } = await serve(t)
  const options = { identity: () => identity, pool, directory, port: listener.port }
  await t.rejects(serveClassic(options), { code: 'ERR_SFT_CONNECT' })
  await t.rejects(serveClassic({ ...options, directory: join(directory, 'none') }), { code: 'ERR_SFT_NOT_FOUND' })
})

t.test('closing ends what is under way', async t => {
  const directory = t.testdir({ file: Buffer.alloc(4 * 1024 * 1024) })
  const { listener, port } = await serve(t, { directory })
  const peer = await ask(t, port, nameFor('file'))
  t.equal((await peer.read())?.type, 'RSFL')
  await mkdir(join(directory, 'x'))
  await listener.close()
  await peer.rest()
  t.pass('and settles')
})
