import t from 'tap'
import { SftError, type SftErrorCode } from '../../src/streams/errors.ts'
import { parseHeader } from '../../src/streams/header.ts'
import type { ReceivedFrame, Source } from '../../src/streams/types.ts'
import type { Destination } from '../../src/transfer/destination.ts'
import type { FileSession } from '../../src/transfer/file-session.ts'
import type { Outgoing } from '../../src/transfer/outgoing.ts'
import type { AnsweredTransfer } from '../../src/transfer/requests.ts'
import { C, cut, pattern } from '../fixtures/bytes.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { type SessionPairOptions, sessionPair } from '../fixtures/session-pair.ts'

const organisation = await makeOrganisation()
const [alice, bob] = await Promise.all([organisation.issue('alice'), organisation.issue('bob')])
const pair = (options: SessionPairOptions = {}) => sessionPair(alice, bob, { chunkSize: C, ...options })

function outgoing(source: Source<Uint8Array>, more: Partial<Outgoing> = {}): Outgoing & AsyncDisposable {
  const dispose = async (): Promise<void> => {}
  return { metadata: {}, file: false, owned: false, source: () => source, ...more, [Symbol.asyncDispose]: dispose }
}

/** A destination that keeps what comes. */
function keeping(kind: Destination['kind'] = 'delivered') {
  const pieces: Uint8Array[] = []
  const destination: Destination = {
    kind,
    sink: () => async source => {
      for await (const piece of source) pieces.push(piece)
      return { bytes: pieces.reduce((sum, piece) => sum + piece.byteLength, 0) }
    }
  }
  return { destination, bytes: () => Buffer.concat(pieces) }
}

const failing = (error: unknown): Destination => ({
  kind: 'durable',
  sink: () => async source => {
    for await (const _ of source) throw error
    throw error
  }
})

// nothing in memory keeps a process alive, as a socket does
const alive = setInterval(() => {}, 1000)
t.teardown(() => clearInterval(alive))

/** Answers until the end and closes, as a listener does; lets a failure wait until the test looks at it. */
function answer(session: FileSession, ...rest: Parameters<FileSession['answer']>): Promise<void> {
  const answering = session.answer(...rest).finally(() => session.close())
  answering.catch(() => {})
  return answering
}

/** Sees every frame that a session reads, and may put another in its place. */
function watchReads(session: FileSession, see: (frame: ReceivedFrame) => ReceivedFrame): void {
  const read = session.session.read.bind(session.session)
  session.session.read = async () => {
    const frame = await read()
    return frame && see(frame)
  }
}

t.test('pull', async t => {
  for (const size of [0, 1, C, 3 * C + 5]) {
    const [near, far] = await pair()
    const bytes = pattern(size)
    const asked: unknown[] = []
    const told: AnsweredTransfer[] = []
    const open = async (path: string, peer: { name: string }) => {
      asked.push(path, peer.name)
      return outgoing(cut(bytes, 1000), { metadata: { name: 'n', size, mtime: 5, mode: 0o640 }, file: true })
    }
    const answering = answer(far, { open }, result => told.push(result))
    const { destination, bytes: got } = keeping('durable')
    const result = await near.get('some/path', destination)
    t.match(result, { bytes: size, kind: 'durable', metadata: { name: 'n', size, mtime: 5, mode: 0o640 } })
    t.ok(got().equals(bytes), `${size} bytes`)
    await near.close()
    await answering
    t.same(asked, ['some/path', 'alice'])
    t.match(told, [{ direction: 'sent', bytes: size, kind: 'durable', metadata: { name: 'n' } }])
  }
})

t.test('push', async t => {
  const [near, far] = await pair()
  const { destination, bytes } = keeping('durable')
  const told: AnsweredTransfer[] = []
  const offers: unknown[] = []
  const accept = async (offer: object, peer: { name: string }) => {
    offers.push(offer, peer.name)
    return destination
  }
  const answering = answer(far, { accept }, result => told.push(result))
  const sent = pattern(2 * C + 1)
  const result = await near.put({ name: 'offered', size: 7 }, outgoing(cut(sent, 999), { metadata: { name: 'told' } }))
  t.match(result, { bytes: sent.byteLength, kind: 'durable' })
  t.ok(bytes().equals(sent))
  await near.close()
  await answering
  t.match(offers, [{ name: 'offered', size: 7 }, 'alice'])
  t.match(
    told,
    [{ direction: 'received', bytes: sent.byteLength, metadata: { name: 'offered' } }],
    'the accepted name counts'
  )
})

t.test('several transfers in one session: one key each way', async t => {
  const [near, far] = await pair()
  const stanzas: number[] = []
  for (const session of [near, far])
    watchReads(session, frame => {
      if (frame.type === 'STRM') stanzas.push(parseHeader(frame.body).stanzas.length)
      return frame
    })
  const store = keeping()
  const answering = answer(far, {
    open: async path => outgoing([Buffer.from(`content of ${path}`)]),
    accept: async () => store.destination
  })
  for (const name of ['one', 'two', 'three']) {
    const got = keeping()
    await near.get(name, got.destination)
    t.equal(got.bytes().toString(), `content of ${name}`)
    await near.put({ name }, outgoing([Buffer.from(name)]))
  }
  t.same(stanzas, [1, 1, 0, 0, 0, 0])
  t.equal(store.bytes().toString(), 'onetwothree')
  await near.close()
  await answering
})

t.test('a stream id comes once in a session (M33)', async t => {
  const [near, far] = await pair()
  const seen: ReceivedFrame[] = []
  watchReads(near, frame => {
    if (frame.type !== 'STRM') return frame
    seen.push({ ...frame, body: Uint8Array.from(frame.body) })
    return seen[0] as ReceivedFrame
  })
  const answering = answer(far, { open: async () => outgoing([pattern(5)]) })
  await near.get('first', keeping().destination)
  const second = keeping()
  await t.rejects(near.get('second', second.destination), { code: 'ERR_SFT_PROTOCOL', message: /came twice/ })
  t.equal(second.bytes().byteLength, 0)
  await t.rejects(answering, { code: 'ERR_SFT_PROTOCOL' })
})

t.test('refusals', async t => {
  const [near, far] = await pair()
  const reason: { code: SftErrorCode } = { code: 'ERR_SFT_SENDER' }
  const refuse = async (): Promise<never> => {
    throw new SftError(reason.code, 'a secret reason')
  }
  const answering = answer(far, { open: refuse, accept: refuse })
  const codes: Partial<Record<SftErrorCode, [SftErrorCode, string]>> = {
    ERR_SFT_EXISTS: ['ERR_SFT_EXISTS', 'exists'],
    ERR_SFT_LIMIT: ['ERR_SFT_PUSH_REFUSED', 'too large'],
    ERR_SFT_BUSY: ['ERR_SFT_BUSY', 'busy'],
    ERR_SFT_SENDER: ['ERR_SFT_PUSH_REFUSED', 'refused by policy'],
    ERR_SFT_FILE: ['ERR_SFT_PUSH_REFUSED', 'refused by policy']
  }
  for (const [own, [code, text]] of Object.entries(codes)) {
    reason.code = own as SftErrorCode
    const message = `the peer refused: ${text}`
    await t.rejects(near.put({ name: 'x' }, outgoing([pattern(5)])), { code, message }, own)
    const notFound = { code: 'ERR_SFT_NOT_FOUND', message: 'the peer refused: not found' }
    await t.rejects(near.get('x', keeping().destination), notFound, `${own}: a pull says nothing of why`)
  }
  await near.close()
  await answering
  const [other, silent] = await pair()
  const nothing = answer(silent, {})
  await t.rejects(other.put({ name: 'x' }, outgoing([])), { code: 'ERR_SFT_PUSH_REFUSED' }, 'nothing is received')
  await t.rejects(other.get('x', keeping().destination), { code: 'ERR_SFT_NOT_FOUND' }, 'nothing is served')
  for (const path of ['', 'p'.repeat(4097)])
    await t.rejects(other.get(path, keeping().destination), { code: 'ERR_SFT_USAGE' }, `${path.length} bytes`)
  await other.close()
  await nothing
})

t.test('an answer that fails by a fault of our own ends the session', async t => {
  const [near, far] = await pair()
  const answering = answer(far, {
    open: () => {
      throw new TypeError('a bug')
    }
  })
  const getting = near.get('x', keeping().destination)
  getting.catch(() => {})
  await t.rejects(answering, TypeError)
  await far.close()
  await t.rejects(getting, { code: 'ERR_SFT_CANCELLED' })
})

t.test('a source that fails', async t => {
  const broken = (error: unknown) =>
    (async function* (): AsyncGenerator<Uint8Array> {
      yield pattern(2 * C)
      throw error
    })()
  const cases: [unknown, string][] = [
    [new SftError('ERR_SFT_SOURCE_CHANGED', 'it grew'), 'ERR_SFT_SOURCE_CHANGED'],
    [new SftError('ERR_SFT_FILE', 'EIO'), 'ERR_SFT_FILE'],
    [new SftError('ERR_SFT_TIMEOUT', 'slow'), 'ERR_SFT_TIMEOUT'],
    [new Error('whatever'), 'ERR_SFT_CANCELLED']
  ]
  for (const [error, code] of cases) {
    const [near, far] = await pair()
    const answering = answer(far, { accept: async () => keeping().destination })
    await t.rejects(near.put({ name: 'x' }, outgoing(broken(error))), error as Error, 'pushed')
    await t.rejects(answering, { code }, `${code} at the receiver`)
    const [getter, server] = await pair()
    const serving = answer(server, { open: async () => outgoing(broken(error)) })
    await t.rejects(getter.get('x', keeping().destination), { code }, `${code} at the getter`)
    await t.rejects(serving, error as Error)
  }
})

t.test('a sink that fails', async t => {
  const cases: [unknown, string][] = [
    [new SftError('ERR_SFT_FILE', 'no space left on the disk'), 'ERR_SFT_FILE'],
    [new SftError('ERR_SFT_EXISTS', 'since then'), 'ERR_SFT_FILE'],
    [new SftError('ERR_SFT_OUTPUT_CLOSED', 'gone'), 'ERR_SFT_FILE'],
    [new Error('whatever'), 'ERR_SFT_CANCELLED']
  ]
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    for (;;) yield pattern(C)
  }
  for (const [error, code] of cases) {
    const [near, far] = await pair()
    const answering = answer(far, { accept: async () => failing(error) })
    const putting = near.put({ name: 'x' }, outgoing(endless()))
    putting.catch(() => {})
    await t.rejects(answering, error as Error)
    await t.rejects(putting, { code }, `${code} at the sender`)
    const [getter, server] = await pair()
    const serving = answer(server, { open: async () => outgoing(endless()) })
    await t.rejects(getter.get('x', failing(error)), error as Error)
    await t.rejects(serving, { code }, `${code} at the server`)
  }
})

t.test('a source that hangs is let go of when the other side ends', async t => {
  const hanging: Source<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}), return: () => new Promise(() => {}) })
  }
  const [near, far] = await pair()
  const answering = answer(far, { accept: async () => keeping().destination })
  const putting = near.put({ name: 'x' }, outgoing(hanging))
  setTimeout(() => void far.close(), 100)
  await t.rejects(putting, { code: 'ERR_SFT_CANCELLED' })
  await t.rejects(answering, { code: 'ERR_SFT_CANCELLED' })
})

t.test('cancelled by a signal, on either side of a transfer', async t => {
  const waiting = async function* (): AsyncGenerator<Uint8Array> {
    yield pattern(C)
    await new Promise(() => {})
  }
  for (const direction of ['put', 'get'] as const) {
    const controller = new AbortController()
    const [near, far] = await pair({ signal: controller.signal })
    const { destination, bytes } = keeping()
    const answering = answer(far, { accept: async () => destination, open: async () => outgoing(waiting()) })
    const moving = direction === 'put' ? near.put({ name: 'x' }, outgoing(waiting())) : near.get('x', destination)
    while (bytes().byteLength === 0) await new Promise(resolve => setImmediate(resolve))
    controller.abort(new Error('enough'))
    await t.rejects(moving, { code: 'ERR_SFT_CANCELLED' }, direction)
    await t.rejects(answering, { code: 'ERR_SFT_CANCELLED' }, 'and the other side is told')
  }
})

t.test('drain', async t => {
  const [idle, resting] = await pair()
  const answering = answer(resting, {})
  await resting.drain()
  await answering
  await t.rejects(idle.get('x', keeping().destination), SftError, 'a session at rest ends at once')

  const [near, far] = await pair()
  const gate = Promise.withResolvers<void>()
  const source = async function* (): AsyncGenerator<Uint8Array> {
    yield pattern(C)
    await gate.promise
    yield pattern(7)
  }
  const { destination, bytes } = keeping()
  const busy = answer(far, { accept: async () => destination })
  const putting = near.put({ name: 'x' }, outgoing(source()))
  while (bytes().byteLength === 0) await new Promise(resolve => setImmediate(resolve))
  await far.drain()
  gate.resolve()
  t.match(await putting, { bytes: C + 7, kind: 'delivered' }, 'a transfer under way completes')
  await busy
  await t.rejects(near.get('x', keeping().destination), SftError, 'and is the last')
})
