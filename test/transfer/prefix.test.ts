import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { acceptance, fileOffer, fileRequest } from '../../src/auth/session/handshake-messages.ts'
import type { ReceivedFrame } from '../../src/streams/types.ts'
import type { Destination } from '../../src/transfer/destination.ts'
import { Engine } from '../../src/transfer/engine.ts'
import { fileId } from '../../src/transfer/file-id.ts'
import { openInput } from '../../src/transfer/input.ts'
import type { Outgoing } from '../../src/transfer/outgoing.ts'
import { afterReading, isProved, proofOf, requireFile } from '../../src/transfer/prefix.ts'
import { altered } from '../fixtures/altered.ts'
import { C, cut, pattern } from '../fixtures/bytes.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { sessionPair } from '../fixtures/session-pair.ts'

/** What is there is compared before it is continued (SPEC §8.4, M85). */

const organisation = await makeOrganisation()
const [alice, bob] = await Promise.all([organisation.issue('alice'), organisation.issue('bob')])
const bytes = pattern(4 * 1024 * 1024 + 5)
const file = join(t.testdir({}), 'file')
writeFileSync(file, bytes)
const { signal } = new AbortController()
const alive = setInterval(() => {}, 1000)
t.teardown(() => clearInterval(alive))

const session = (seed: number) => ({ exporter: pattern(32, seed) })
const other = (at: number): Uint8Array => bytes.map((byte, index) => (index === at ? byte ^ 1 : byte))

t.test('M85: a proof is of these bytes, of so many, and of this session', async t => {
  const proof = (of: Uint8Array, count: number, { step = 1000, seed = 1 } = {}) =>
    proofOf(session(seed), { beginning: cut(of.subarray(0, count), step), bytes: count }, signal)
  const one = await proof(bytes, 3 * C)
  t.equal(one.byteLength, 32)
  t.same(await proof(bytes, 3 * C, { step: C }), one, 'however it is read')
  t.notSame(await proof(other(5), 3 * C), one)
  t.notSame(await proof(bytes, 3 * C - 1), one)
  t.notSame(await proof(bytes, 3 * C, { seed: 2 }), one)
  await t.rejects(proofOf(session(1), { beginning: [bytes], bytes: 5 }, signal), { code: 'ERR_SFT_FILE' })
  await t.rejects(proofOf(session(1), { beginning: [], bytes: 5 }, signal), { code: 'ERR_SFT_FILE' })
  const stopped = proofOf(
    session(1),
    { beginning: [bytes], bytes: bytes.byteLength },
    AbortSignal.abort(new Error('stop'))
  )
  await t.rejects(stopped, { message: 'stop' })
})

t.test('a source is read from its beginning, as far as it is compared, and can be read again', async t => {
  await using outgoing = await openInput(file)
  const proof = await proofOf(session(1), { beginning: [bytes.subarray(0, C + 7)], bytes: C + 7 }, signal)
  t.equal(await isProved(session(1), { outgoing, bytes: C + 7, proof }, signal), true)
  t.equal(await isProved(session(1), { outgoing, bytes: C + 6, proof }, signal), false)
  t.equal(await isProved(session(2), { outgoing, bytes: C + 7, proof }, signal), false)
  const read: Uint8Array[] = []
  for await (const piece of outgoing.source(signal, 0)) read.push(piece)
  t.ok(Buffer.concat(read).equals(bytes), 'from the beginning')
})

t.test('whoever waits for it does so for a time that counts the bytes', async t => {
  const never = new Promise<object>(() => {})
  await t.rejects(afterReading(1, never, 1), { code: 'ERR_SFT_TIMEOUT', retryable: true })
  const answer = {}
  t.equal(await afterReading(1, Promise.resolve(answer), 1), answer)
  t.equal(await afterReading(undefined, Promise.resolve(answer)), answer)
  const slow = new Promise<object>(resolve => setTimeout(() => resolve(answer), 100))
  t.equal(await afterReading(1024 ** 3, slow, 1), answer)
})

/** Has a beginning, and keeps what comes. */
function having(beginning: Uint8Array, id: Uint8Array) {
  const taken: { start: number; whole: boolean }[] = []
  const destination: Destination = {
    kind: 'durable',
    begun: async () => ({ id, bytes: beginning.byteLength }),
    kept: count => cut(beginning.subarray(0, count), 1000) as unknown as AsyncIterable<Uint8Array>,
    sink:
      (_, start = 0) =>
      async source => {
        const pieces = [beginning.subarray(0, start)]
        for await (const piece of source) pieces.push(piece)
        const all = Buffer.concat(pieces)
        taken.push({ start, whole: all.equals(bytes) })
        return { bytes: all.byteLength - start }
      }
  }
  return { destination, taken }
}

/** A file whose reads are noted: where each began. */
async function noting() {
  const opened = await openInput(file)
  const starts: number[] = []
  const source: Outgoing['source'] = (signal, start = 0) => {
    starts.push(start)
    return opened.source(signal, start)
  }
  return { starts, outgoing: { ...opened, source } }
}

type Change = (frame: ReceivedFrame) => Uint8Array | undefined
const HAS = 40 * C + 3

/** A transfer of alice's file to bob, who has a beginning of it. */
async function moved(
  how: 'get' | 'put',
  has: Uint8Array,
  { verifyPrefix = true, change = (() => undefined) as Change, mine = true } = {}
) {
  const { starts, outgoing } = await noting()
  const id = mine && outgoing.stat ? fileId(alice, outgoing.stat) : Buffer.alloc(32, 7)
  const { destination, taken } = having(has, id)
  const [near, far] = await sessionPair(
    ...((how === 'get' ? [bob, alice] : [alice, bob]) as [typeof bob, typeof bob]),
    {
      chunkSize: C
    }
  )
  const restarts: unknown[] = []
  const onRestart = (restart: object): void => void restarts.push(restart)
  altered(how === 'get' ? far : near, change)
  const answers = how === 'get' ? { open: async () => outgoing } : { accept: async () => destination }
  const answering = far.answer(answers, ({ restart }) => restart && restarts.push(restart)).finally(() => far.close())
  const answered = answering.catch((error: Error) => error)
  const outcome = await (how === 'get'
    ? near.get('file', destination, { verifyPrefix, onRestart })
    : near.put({ name: 'file', size: bytes.byteLength }, outgoing, { verifyPrefix, onRestart })
  ).catch((error: Error) => error)
  await near.close()
  return { outcome, answered: await answered, starts, taken, restarts }
}

for (const how of ['get', 'put'] as const) {
  t.test(`M85: ${how} goes on only where both have the same`, async t => {
    const same = await moved(how, bytes.subarray(0, HAS))
    t.match(same, { outcome: { resumedAt: 40 * C, bytes: bytes.byteLength }, restarts: [] })
    t.same(same.taken, [{ start: 40 * C, whole: true }])
    t.same(same.starts, [0, 40 * C], 'read for it, and the rest')
    for (const at of [0, 40 * C, HAS - 1]) {
      const differs = await moved(how, other(at).subarray(0, HAS))
      t.match(differs.outcome, { resumedAt: 0, restart: { reason: 'differs', bytes: HAS } }, `a byte at ${at}`)
      t.same(differs.taken, [{ start: 0, whole: true }])
      t.same(differs.starts, [0, 0])
      t.same(differs.restarts, Array(2).fill({ reason: 'differs', bytes: HAS }), 'both sides know')
    }
    const unasked = await moved(how, other(0).subarray(0, HAS), { verifyPrefix: false })
    t.same(unasked.starts, [40 * C], 'nothing is read unless somebody wants it')
    t.same(unasked.taken, [{ start: 40 * C, whole: false }])
    const changed = await moved(how, bytes.subarray(0, HAS), { mine: false })
    t.match(changed.outcome, { resumedAt: 0, restart: { reason: 'changed' } })
    t.same(changed.starts, [0], 'another state is not even compared')
  })
}

t.test('M85: who shows what nobody asked for, or not what was asked for, breaks a rule', async t => {
  const proof = Buffer.alloc(32, 1)
  const without: Change = ({ type, body }) => {
    if (type !== 'ACPT') return undefined
    const { prefix: _, ...rest } = acceptance.decode(body)
    return acceptance.encode(rest)
  }
  const withIt: Change = ({ type, body }) => {
    const accepted = type === 'ACPT' ? acceptance.decode(body) : undefined
    return accepted?.kind === 'start' ? acceptance.encode({ ...accepted, prefix: proof }) : undefined
  }
  const atTheEnd: Change = ({ type, body }) =>
    type === 'ACPT' ? acceptance.encode({ ...acceptance.decode(body), prefix: proof }) : undefined
  const atNothing: Change = ({ type, body }) =>
    type === 'ACPT' ? acceptance.encode({ ...acceptance.decode(body), offset: 0, prefix: proof }) : undefined
  const has = bytes.subarray(0, HAS)
  for (const options of [
    { change: without },
    { change: atTheEnd },
    { change: withIt, verifyPrefix: false },
    { change: atNothing }
  ])
    t.match(await moved('put', has, options), { outcome: { code: 'ERR_SFT_PROTOCOL' } })
  t.match(await moved('put', has, { change: withIt }), { outcome: { restart: { reason: 'differs' } } }, 'a wrong proof')
  const unnamed: Change = ({ type, body }) => {
    if (type !== 'RQFL') return undefined
    const { fileId: _, ...rest } = fileRequest.decode(body)
    return fileRequest.encode(rest)
  }
  t.match(await moved('get', has, { change: unnamed }), { answered: { code: 'ERR_SFT_ENCODING' } })
  t.throws(() => fileOffer.decode(fileOffer.encode({ request: 1, name: 'n', verify: 2 })), { code: 'ERR_SFT_ENCODING' })
})

t.test('M85: not of a directory', async t => {
  t.throws(() => requireFile({ tree: {}, verifyPrefix: true }), { code: 'ERR_SFT_USAGE' })
  requireFile({ tree: {} })
  requireFile({ verifyPrefix: true })
  await using engine = new Engine({ identity: alice, threads: 0 })
  const refused = { code: 'ERR_SFT_USAGE' }
  await t.rejects(engine.send('.', 'bob@127.0.0.1:1', { tree: {}, verifyPrefix: true }), refused)
  await t.rejects(engine.get('bob@127.0.0.1:1', '.', 'x', { tree: {}, verifyPrefix: true }), refused)
  await t.rejects(engine.send([], 'bob@127.0.0.1:1', { replay: 1024 ** 2, verifyPrefix: true }), refused)
})
