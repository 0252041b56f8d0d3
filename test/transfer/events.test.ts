import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { spkiHash } from '../../src/auth/certificates/keys.ts'
import { SftError } from '../../src/streams/errors.ts'
import { Engine } from '../../src/transfer/engine.ts'
import { EVENT_TYPES, failureOf, type ProgressEvent, type TransferEvent, tellerOf } from '../../src/transfer/events.ts'
import { join as joinBytes, pattern } from '../fixtures/bytes.ts'
import { writtenFaultsOf } from '../fixtures/events-schema.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

const organisation = await makeOrganisation()
await using near = new Engine({
  identity: await organisation.issue('alice'),
  threads: 0,
  chunkSize: 65536,
  stats: true
})
await using far = new Engine({ identity: await organisation.issue('bob'), threads: 0 })
const host = '127.0.0.1'
const { publicKey } = far.identity
const forBob = { publicKey, spkiHash: spkiHash(publicKey) }
const bytes = pattern(3_000_000)

/** Keeps what is told. */
function listener(): { events: TransferEvent[]; onEvent: (event: TransferEvent) => void } {
  const events: TransferEvent[] = []
  return { events, onEvent: event => void events.push(event) }
}

const typesOf = (events: readonly TransferEvent[]): string[] =>
  events.map(({ type }) => type).filter((type, index, all) => type !== 'progress' || all[index - 1] !== 'progress')

/** What holds for the events of every transfer (M100). */
function requireOrder(t: Test, events: readonly TransferEvent[]): void {
  t.equal(new Set(events.map(({ id }) => id)).size, 1, 'one id')
  const progress = events.filter((event): event is ProgressEvent => event.type === 'progress')
  t.ok(progress.length > 0)
  for (const [index, { bytes: moved, queued = moved, rate, time }] of progress.entries()) {
    t.ok(moved >= (progress[index - 1]?.bytes ?? 0), 'never falls')
    t.ok(queued >= moved && rate >= 0 && !Number.isNaN(Date.parse(time)))
  }
  t.equal(events.filter(({ type }) => type === 'end' || type === 'error').length, 1)
  t.match(events.at(-1)?.type, /^(end|error)$/)
  t.same(events.flatMap(writtenFaultsOf), [], 'M102: as the schema says')
}

t.test('M100: both sides of a send and of a get tell of it, from start to end', async t => {
  const directory = t.testdir({ served: {}, inbox: {} })
  await writeFile(join(directory, 'served/file'), bytes)
  const theirs = listener()
  await using inbox = await far.receiveInto(join(directory, 'inbox'), {
    host,
    port: 0,
    from: ['alice'],
    onEvent: theirs.onEvent
  })
  const ours = listener()
  const heard: ProgressEvent[] = []
  const sent = near.send(join(directory, 'served/file'), `bob@${host}:${inbox.port}`, {
    onEvent: ours.onEvent,
    onProgress: progress => void heard.push(progress)
  })
  t.match(await sent, { bytes: bytes.byteLength })
  requireOrder(t, ours.events)
  t.match(ours.events[0], { type: 'start', direction: 'sent', peer: 'bob', name: 'file', size: bytes.byteLength })
  const end = { type: 'end', peer: 'bob', name: 'file', bytes: bytes.byteLength, kind: 'durable', connections: 1 }
  t.match(ours.events.at(-1), { ...end, direction: 'sent', resumedAt: 0 })
  t.match(heard.at(-1), {
    type: 'progress',
    bytes: bytes.byteLength,
    size: bytes.byteLength,
    queued: bytes.byteLength,
    boundBy: String
  })
  t.same(
    heard,
    ours.events.filter(({ type }) => type === 'progress')
  )
  // the sender knows before the listener says so
  while (theirs.events.at(-1)?.type !== 'end') await new Promise(resolve => setTimeout(resolve, 5))
  t.match(theirs.events[0], { type: 'listening', host, port: inbox.port })
  requireOrder(t, theirs.events.slice(1))
  t.match(theirs.events.at(-1), {
    type: 'end',
    direction: 'received',
    peer: 'alice',
    name: 'file',
    bytes: bytes.byteLength
  })

  await using server = await far.serve(join(directory, 'served'), { host, port: 0 })
  const got = listener()
  await near.get(`bob@${host}:${server.port}`, 'file', join(directory, 'got'), { onEvent: got.onEvent })
  requireOrder(t, got.events)
  t.match(got.events[0], { type: 'start', direction: 'received', peer: 'bob', name: 'file' })
  t.match(got.events.at(-2), { type: 'progress', bytes: bytes.byteLength, size: bytes.byteLength })
})

t.test('a directory: what is left out; a message: what it is', async t => {
  const directory = t.testdir({ dir: { a: 'a', b: 'b', out: t.fixture('symlink', '../..') }, inbox: {} })
  await using inbox = await far.receiveInto(join(directory, 'inbox'), {
    host,
    port: 0,
    from: ['alice'],
    onMessage: () => {}
  })
  const to = `bob@${host}:${inbox.port}`
  const { events, onEvent } = listener()
  const result = await near.send(join(directory, 'dir'), to, { tree: {}, onEvent })
  t.match(events[0], { type: 'start', name: 'dir', content: 'directory' })
  t.match(
    events.filter(({ type }) => type === 'omitted'),
    [{ path: 'out', why: /./ }]
  )
  t.match(events.at(-1), { type: 'end', content: 'directory', entries: result.tree?.entries, omitted: 1 })
  events.length = 0
  await near.message('hello', to, { onEvent })
  t.match(typesOf(events), ['start', 'progress', 'end'])
  t.match(events[0], { content: 'message', size: 5 })
})

t.test('a failure, with what to do about it; another attempt', async t => {
  const { events, onEvent } = listener()
  await t.rejects(near.send(Buffer.from('x'), `bob@${host}:1`, { retry: 1, onEvent }), { code: 'ERR_SFT_CONNECT' })
  t.same(typesOf(events), ['start', 'retry', 'error'])
  const error = { code: 'ERR_SFT_CONNECT', exitCode: 10, retryable: true, hint: /running/ }
  t.match(events[1], { error, wait: Number })
  t.match(events[2], { error, peer: 'bob' })
  events.length = 0
  await t.rejects(near.send('no such file', `bob@${host}:1`, { onEvent }), { code: 'ERR_SFT_NOT_FOUND' })
  t.same(typesOf(events), ['error'], 'what never began has no start')
  events.length = 0
  await t.rejects(near.send(Buffer.from('x'), `bob@${host}:1`, { signal: AbortSignal.abort(), onEvent }))
  t.match(events.at(-1), { type: 'error', error: { code: 'ERR_SFT_CANCELLED' } })
})

t.test('a pipe, whole, cut and left by its reader', async t => {
  const sealing = listener()
  const sealed = await joinBytes(near.seal(bytes, forBob, { name: 'x', onEvent: sealing.onEvent }))
  requireOrder(t, sealing.events)
  t.match(sealing.events.at(-1), { type: 'end', direction: 'sent', bytes: bytes.byteLength, name: 'x' })
  const opening = listener()
  t.ok((await joinBytes(far.open([sealed], { onEvent: opening.onEvent }))).equals(bytes))
  requireOrder(t, opening.events)
  t.match(opening.events[0], { type: 'start', direction: 'received', peer: 'alice', name: 'x', size: bytes.byteLength })
  const cut = listener()
  await t.rejects(joinBytes(far.open([sealed.subarray(0, 1_000_000)], { onEvent: cut.onEvent })))
  t.match(cut.events.at(-1), { type: 'error', error: { code: 'ERR_SFT_TRUNCATED', exitCode: 40 } })
  const left = listener()
  for await (const _ of near.seal(bytes, forBob, { onEvent: left.onEvent })) break
  t.match(left.events.at(-1), { type: 'error', error: { code: 'ERR_SFT_CANCELLED' } })
})

t.test('channels of diagnostics_channel say the same; without anybody there is no teller', async t => {
  t.equal(tellerOf({}), undefined, 'nobody, nothing')
  const heard: unknown[] = []
  const hear = (event: unknown): void => void heard.push(event)
  for (const type of EVENT_TYPES) subscribe(`sft:transfer:${type}`, hear)
  const { events, onEvent } = listener()
  await joinBytes(near.seal(Buffer.from('x'), forBob, { onEvent }))
  for (const type of EVENT_TYPES) unsubscribe(`sft:transfer:${type}`, hear)
  t.ok(events.length >= 3)
  t.same(heard, events)
  t.equal(tellerOf({}), undefined)
})

t.test('a failure as data', async t => {
  const ours = failureOf(new SftError('ERR_SFT_TIMEOUT', 'late', { hint: 'again' }))
  t.strictSame(ours, { code: 'ERR_SFT_TIMEOUT', message: 'late', hint: 'again', exitCode: 30, retryable: true })
  t.match(failureOf('odd'), { code: 'ERR_SFT_INTERNAL', message: 'odd', exitCode: 1 })
  t.match(failureOf(new Error('stop'), AbortSignal.abort()), { code: 'ERR_SFT_CANCELLED' })
})
