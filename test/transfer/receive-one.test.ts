import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { Identity } from '../../src/auth/identity/identity.ts'
import { SftError } from '../../src/streams/errors.ts'
import { connect } from '../../src/transfer/connect.ts'
import { openInbox } from '../../src/transfer/inbox.ts'
import type { Listener } from '../../src/transfer/listen.ts'
import type { Outgoing } from '../../src/transfer/outgoing.ts'
import { openOutput } from '../../src/transfer/output.ts'
import { type ReceiveOneOptions, receiveOne } from '../../src/transfer/receive-one.ts'
import { inlinePool } from '../../src/workers/pool.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

const organisation = await makeOrganisation()
const [alice, bob, carol] = (await Promise.all(['alice', 'bob', 'carol'].map(name => organisation.issue(name)))) as [
  Identity,
  Identity,
  Identity
]
const pool = inlinePool()
const host = '127.0.0.1'

/** Bob receives one; resolves once he listens. */
async function receiving(options: Pick<ReceiveOneOptions, 'destination'> & Partial<ReceiveOneOptions>) {
  const listening = Promise.withResolvers<Listener>()
  const faults: unknown[] = []
  const result = receiveOne({
    identity: () => bob,
    pool,
    host,
    port: 0,
    from: ['alice'],
    onListening: listening.resolve,
    onFault: (_, error) => faults.push(error),
    ...options
  })
  result.catch(() => {})
  const { port } = await listening.promise
  const dial = (identity = alice) => connect({ identity, pool, host, port, expect: 'bob' })
  return { result, faults, dial }
}

const outgoing = (source: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Outgoing => ({
  metadata: {},
  file: false,
  owned: false,
  source
})
const text = (value: string) => outgoing(() => [Buffer.from(value)])

/** A source that goes on when it is told to. */
function gated() {
  const gate = Promise.withResolvers<void>()
  const source = async function* () {
    yield Buffer.from('first ')
    await gate.promise
    yield Buffer.from('second')
  }
  return { open: gate.resolve, outgoing: outgoing(source) }
}

const part = (directory: string) => async () => (await readdir(directory)).some(name => name.endsWith('.part'))
async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise(resolve => setTimeout(resolve, 10))
}

t.test('one transfer', async t => {
  const path = join(t.testdir(), 'file')
  const { result, dial } = await receiving({ destination: await openOutput(path) })
  await using near = await dial()
  t.match(await near.put({ name: 'x' }, text('content')), { bytes: 7, kind: 'durable' })
  t.equal(await readFile(path, 'utf8'), 'content')
  t.match(await result, { bytes: 7, kind: 'durable', peer: 'alice', metadata: { name: 'x' } })
})

t.test('others wait for nothing and end nothing', async t => {
  const directory = t.testdir()
  const { result, faults, dial } = await receiving({ destination: await openOutput(join(directory, 'file')) })
  await using stranger = await dial(carol)
  await t.rejects(stranger.put({ name: 'x' }, text('')), { code: 'ERR_SFT_PUSH_REFUSED' })
  await using first = await dial()
  const { open, outgoing } = gated()
  const putting = first.put({ name: 'x' }, outgoing)
  await until(part(directory))
  const second = await dial()
  await t.rejects(second.put({ name: 'x' }, text('')), { code: 'ERR_SFT_BUSY' })
  // of the same name as the first one
  await second.session.abort('protocol', new SftError('ERR_SFT_PROTOCOL', 'a fault'))
  await until(() => faults.length === 1)
  open()
  t.match(await putting, { kind: 'durable' })
  t.match(await result, { bytes: 12 })
  t.equal(await readFile(join(directory, 'file'), 'utf8'), 'first second')
})

t.test('a failure of the accepted transfer is the result', async t => {
  const directory = t.testdir()
  const { result, dial } = await receiving({ destination: await openOutput(join(directory, 'file')) })
  const near = await dial()
  const broken = outgoing(async function* () {
    yield Buffer.from('half')
    throw new SftError('ERR_SFT_FILE', 'EIO')
  })
  await t.rejects(near.put({ name: 'x' }, broken), { code: 'ERR_SFT_FILE' })
  await t.rejects(result, { code: 'ERR_SFT_FILE' })
  t.same(await readdir(directory), [])
})

t.test('sizes', async t => {
  const directory = t.testdir()
  const { result, dial } = await receiving({ destination: await openOutput(join(directory, 'file')), maxSize: 10 })
  await using near = await dial()
  await t.rejects(near.put({ name: 'x', size: 11 }, text('x'.repeat(11))), { code: 'ERR_SFT_PUSH_REFUSED' })
  await t.rejects(near.put({ name: 'x', size: 1 }, text('x'.repeat(11))), SftError, 'more than was announced')
  await t.rejects(result, { code: 'ERR_SFT_LIMIT' })
  t.same(await readdir(directory), [])
})

t.test('into a directory', async t => {
  const directory = t.testdir({ there: '' })
  const { result, dial } = await receiving({ destination: openInbox(directory, { from: ['alice'] }) })
  await using near = await dial()
  await t.rejects(
    near.put({ name: 'there' }, text('')),
    { code: 'ERR_SFT_EXISTS' },
    'a refusal does not take the place'
  )
  t.match(await near.put({ name: 'new' }, text('content')), { kind: 'durable' })
  t.match(await result, { metadata: { name: 'new' } })
  t.same(await readdir(directory), ['new', 'there'])
})

t.test('signals', async t => {
  const directory = t.testdir()
  const options = {
    identity: () => bob,
    pool,
    host,
    port: 0,
    from: ['alice'],
    destination: await openOutput(join(directory, 'f'))
  }
  await t.rejects(receiveOne({ ...options, signal: AbortSignal.abort(new Error('before')) }), { message: 'before' })
  const waiting = new AbortController()
  const idle = await receiving({ destination: options.destination, signal: waiting.signal })
  waiting.abort(new Error('while waiting'))
  await t.rejects(idle.result, { message: 'while waiting' })
  for (const drain of [20_000, 0]) {
    const controller = new AbortController()
    const { signal } = controller
    const path = join(directory, `drain-${drain}`)
    const { result, dial } = await receiving({ destination: await openOutput(path), signal, drain: () => drain })
    const near = await dial()
    const { open, outgoing } = gated()
    const putting = near.put({ name: 'x' }, outgoing)
    putting.catch(() => {})
    await until(part(directory))
    controller.abort(new Error('enough'))
    setTimeout(open, 200)
    if (drain > 0) {
      t.match(await putting, { bytes: 12 }, 'the transfer under way completes')
      t.match(await result, { bytes: 12 })
    } else {
      await t.rejects(putting, { code: 'ERR_SFT_CANCELLED' })
      await t.rejects(result, Error)
    }
    await near.close()
  }
  t.same(await readdir(directory), ['drain-20000'])
})
