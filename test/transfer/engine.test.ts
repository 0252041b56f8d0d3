import { createHash } from 'node:crypto'
import { symlinkSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { verifyAuditLog } from '../../src/auth/identity/audit-files.ts'
import { openAuditLog } from '../../src/transfer/audit-log.ts'
import { Engine } from '../../src/transfer/engine.ts'
import type { DeniedEvent, TransferEvent } from '../../src/transfer/events.ts'
import { parsePolicy } from '../../src/transfer/policy.ts'
import { createPool } from '../../src/workers/pool.ts'
import { C, cut, join as joinBytes, pattern } from '../fixtures/bytes.ts'
import { watchPublished } from '../fixtures/events-schema.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

const organisation = await makeOrganisation()
const [alice, bob] = await Promise.all([organisation.issue('alice'), organisation.issue('bob')])
const { spkiHash } = await import('../../src/auth/certificates/keys.ts')
const forBob = { publicKey: bob.publicKey, spkiHash: spkiHash(bob.publicKey) }
const bytes = pattern(3 * C + 7)
const host = '127.0.0.1'

const published = watchPublished(t)

t.test('seal and open', async t => {
  await using near = new Engine({ identity: alice, threads: 0, chunkSize: C, suite: 'chacha20-poly1305' })
  await using far = new Engine({ identity: bob, threads: 1 })
  const seen: unknown[] = []
  const onHeader = (info: { sender: { name: string }; metadata: object }) => seen.push(info.sender.name, info.metadata)
  const sealed = near.seal(bytes, forBob, { name: 'report' })
  t.ok((await joinBytes(far.open(sealed, { onHeader }))).equals(bytes))
  t.match(seen, ['alice', { name: 'report', size: bytes.byteLength }])
  await t.rejects(joinBytes(far.open(near.seal(bytes, forBob), { from: ['carol'] })), { code: 'ERR_SFT_SENDER' })
  await t.rejects(joinBytes(near.open(near.seal(bytes, forBob))), { code: 'ERR_SFT_NOT_RECIPIENT' })
  const forBoth = [forBob, { publicKey: near.identity.publicKey, spkiHash: spkiHash(near.identity.publicKey) }]
  const both = await joinBytes(near.seal(bytes, forBoth))
  for (const engine of [near, far]) t.ok((await joinBytes(engine.open([both]))).equals(bytes), 'one stream for both')
  await t.rejects(joinBytes(near.seal(bytes, [])), { code: 'ERR_SFT_USAGE' })
  await t.rejects(joinBytes(near.seal('no/such/file', forBob)), { code: 'ERR_SFT_NOT_FOUND' })
  const hanging = near.seal(hang(), forBob, { signal: AbortSignal.timeout(50) })
  await t.rejects(joinBytes(hanging), { name: 'TimeoutError' })
})

async function* hang(): AsyncGenerator<Uint8Array> {
  yield Uint8Array.from(bytes)
  await new Promise(() => {})
}

t.test('serve and get, receive and send', async t => {
  const directory = t.testdir({ served: {}, inbox: {}, got: {} })
  await writeFile(join(directory, 'served/file'), bytes)
  await using near = new Engine({ identity: alice, threads: 0, chunkSize: C })
  await using far = new Engine({ identity: bob, threads: 0 })
  const events: TransferEvent[] = []
  const onEvent = (event: TransferEvent): void => void events.push(event)
  {
    await using server = await far.serve(join(directory, 'served'), { host, port: 0, onEvent })
    const address = `bob@${host}:${server.port}`
    t.match(await near.get(address, 'file', join(directory, 'got')), { bytes: bytes.byteLength, kind: 'durable' })
    t.ok((await readFile(join(directory, 'got/received_file'))).equals(bytes))
    await t.rejects(near.get(address, 'file', join(directory, 'got')), { code: 'ERR_SFT_EXISTS' })
    t.match(await near.get(address, 'file', join(directory, 'got'), { force: true }), { kind: 'durable' })
    await t.rejects(near.get(address, 'no', join(directory, 'never')), { code: 'ERR_SFT_NOT_FOUND' })
    await using session = await near.connect(address)
    t.equal(session.peer.name, 'bob')
  }
  await using inbox = await far.receiveInto(join(directory, 'inbox'), { host, port: 0, from: ['alice'], onEvent })
  const to = `bob@${host}:${inbox.port}`
  t.match(await near.send(cut(bytes, 999), to, { name: 'streamed' }), { bytes: bytes.byteLength, kind: 'durable' })
  t.match(await near.send(join(directory, 'served/file'), to), { kind: 'durable' })
  for (const name of ['streamed', 'file']) t.ok((await readFile(join(directory, 'inbox', name))).equals(bytes), name)
  const stopped = near.send(hang(), to, { name: 'never', signal: AbortSignal.timeout(300) })
  await t.rejects(stopped, { code: 'ERR_SFT_CANCELLED' })
  t.match(
    events.filter(event => event.type === 'end').map(event => [event.direction, event.peer]),
    [
      ['sent', 'alice'],
      ['sent', 'alice'],
      ['received', 'alice'],
      ['received', 'alice']
    ]
  )
})

t.test('usage', async t => {
  for (const chunkSize of [0, 1000, C / 2, 2 ** 21, Number.NaN])
    t.throws(() => new Engine({ identity: alice, chunkSize }), { code: 'ERR_SFT_USAGE' }, `${chunkSize}`)
  await using engine = new Engine({ identity: alice, threads: 0 })
  for (const address of ['host:1', 'Bob@host:1', 'bob@', ''])
    await t.rejects(engine.send(bytes, address), { code: 'ERR_SFT_USAGE' }, address)
  await t.rejects(engine.get('host:1', 'x', t.testdir()), { code: 'ERR_SFT_USAGE' }, 'said before anything is opened')
})

t.test('a pool of the caller stays open', async t => {
  await using pool = createPool({ threads: 1 })
  const roundTrip = async () => {
    await using engine = new Engine({ identity: bob, pool })
    return joinBytes(engine.open(engine.seal(pattern(2 ** 20), forBob)))
  }
  t.equal((await roundTrip()).byteLength, 2 ** 20)
  t.equal((await roundTrip()).byteLength, 2 ** 20)
})

t.test(
  'A15, M59: a policy decides who gets and sends what; a refusal is not found to the peer, and told to the owner',
  async t => {
    const directory = t.testdir({
      served: { open: { file: 'for all' }, secret: { file: 'for none' }, large: 'x'.repeat(2048) },
      inbox: {}
    })
    symlinkSync('../secret/file', join(directory, 'served/open/link'))
    const policy = parsePolicy(
      JSON.stringify({
        groups: { staff: ['alice'] },
        rules: [
          { who: ['@staff'], may: 'get', where: ['open/**', 'large'], maxSize: '1K' },
          { who: ['alice'], may: 'send', where: ['*.txt'], maxSize: 100 }
        ]
      })
    )
    const denied: DeniedEvent[] = []
    const onEvent = (event: TransferEvent): void => {
      if (event.type === 'denied') denied.push(event)
    }
    await using near = new Engine({ identity: alice, threads: 0 })
    await using other = new Engine({ identity: await organisation.issue('carol'), threads: 0 })
    await using far = new Engine({ identity: bob, threads: 0 })
    await using server = await far.serve(join(directory, 'served'), { host, port: 0, policy, onEvent })
    const address = `bob@${host}:${server.port}`
    t.match(await near.get(address, 'open/file', join(directory, 'got')), { bytes: 7 })
    const gone = { code: 'ERR_SFT_NOT_FOUND', message: 'the peer refused: not found' }
    for (const path of ['secret/file', 'open/link', 'open/../secret/file', 'large', 'nothing'])
      await t.rejects(near.get(address, path, join(directory, 'never')), gone, path)
    await t.rejects(other.get(address, 'open/file', join(directory, 'never')), gone, 'another member')
    t.match(denied, [
      { peer: 'alice', action: 'get', path: 'secret/file', size: 8 },
      { peer: 'alice', path: 'secret/file' },
      { peer: 'alice', path: 'secret/file' },
      { peer: 'alice', path: 'large', size: 2048 },
      { peer: 'carol', path: 'open/file' }
    ])
    denied.length = 0
    const inboxOptions = { host, port: 0, from: 'members', policy, onEvent } as const
    await using inbox = await far.receiveInto(join(directory, 'inbox'), inboxOptions)
    const to = `bob@${host}:${inbox.port}`
    t.match(await near.send(Buffer.from('hello'), to, { name: 'a.txt' }), { kind: 'durable' })
    const refused = { code: 'ERR_SFT_PUSH_REFUSED' }
    await t.rejects(near.send(Buffer.from('hello'), to, { name: 'a.exe' }), refused)
    await t.rejects(near.send(Buffer.alloc(101), to, { name: 'b.txt' }), refused)
    await t.rejects(other.send(Buffer.from('hello'), to, { name: 'c.txt' }), refused)
    const unknown = near.send([Buffer.alloc(101)], to, { name: 'd.txt' })
    await t.rejects(unknown, { name: 'SftError' }, 'a stream of unknown length is cut off')
    t.strictSame(await readdir(join(directory, 'inbox')), ['a.txt'])
    t.equal(denied.length, 3)
  }
)

t.test(
  'M60: the audit has each session, each transfer with its SHA-256, each refusal and why something failed',
  async t => {
    const directory = t.testdir({ served: { file: 'contents' }, inbox: {} })
    const path = join(directory, 'audit')
    const policy = parsePolicy(
      JSON.stringify({ rules: [{ who: ['alice'], may: ['get', 'send'], where: ['file', 'a'] }] })
    )
    const sha256 = createHash('sha256').update('contents').digest('hex')
    await using near = new Engine({ identity: alice, threads: 0 })
    await using far = new Engine({ identity: bob, threads: 0 })
    {
      await using audit = await openAuditLog(path)
      await using server = await far.serve(join(directory, 'served'), { host, port: 0, policy, audit })
      const address = `bob@${host}:${server.port}`
      await near.get(address, 'file', join(directory, 'got'))
      await t.rejects(near.get(address, 'other', join(directory, 'never')))
      await writeFile(join(directory, 'served/denied'), 'x')
      await t.rejects(near.get(address, 'denied', join(directory, 'never')))
      await using inbox = await far.receiveInto(join(directory, 'inbox'), {
        host,
        port: 0,
        from: 'members',
        policy,
        audit
      })
      await near.send(Buffer.from('contents'), `bob@${host}:${inbox.port}`, { name: 'a' })
      const stopped = near.send(hang(), `bob@${host}:${inbox.port}`, { name: 'a', signal: AbortSignal.timeout(300) })
      await t.rejects(stopped)
      await inbox.close()
    }
    t.match(await verifyAuditLog(path), { intact: true })
    const lines = (await readFile(path, 'utf8')).trim().split('\n')
    const events = lines.map(line => JSON.parse(line)).filter(({ type }) => type !== 'handshake')
    t.match(events, [
      { type: 'transfer', result: 'durable', peer: 'alice', direction: 'sent', path: 'file', bytes: 8, sha256 },
      { type: 'deny', peer: 'alice', action: 'get', path: 'denied', bytes: 1 },
      { type: 'transfer', result: 'durable', peer: 'alice', direction: 'received', path: 'a', bytes: 8, sha256 }
    ])
    t.equal(lines.length - events.length, 5, 'sessions')
    t.match(events[0].serial, /^[0-9a-f]{32}$/)
  }
)

t.test('M102: every event of all this is as the schema says', t => {
  t.same(published.faults, [])
  t.ok(published.types.size >= 5, [...published.types].join())
  t.end()
})
