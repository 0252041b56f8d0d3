import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { SftError } from '../../../src/streams/errors.ts'
import type { Batch, BatchOptions, JobResult } from '../../../src/transfer/batch/batch.ts'
import type { KeyedJob } from '../../../src/transfer/batch/job.ts'
import { MemoryQueue } from '../../../src/transfer/batch/memory-queue.ts'
import type { JobDone, JobFailed, JobOutcome, JobQueue } from '../../../src/transfer/batch/queue.ts'
import { Engine } from '../../../src/transfer/engine.ts'
import type { TransferEvent } from '../../../src/transfer/events.ts'
import { C } from '../../fixtures/bytes.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'
import { cutAt, proxy } from '../../fixtures/wire.ts'

/** `engine.batch` between two engines; between processes that are killed: `test/cli/batch.test.ts`. */

const organisation = await makeOrganisation()
const [alice, bob] = await Promise.all(['alice', 'bob'].map(name => organisation.issue(name)))
const host = '127.0.0.1'

/** Files 0 to 9 of alice, and bob, who takes them and keeps what comes twice. */
async function parties(t: Test) {
  const directory = t.testdir({ inbox: {}, served: { file: 'served' } })
  for (let each = 0; each < 10; each++) writeFileSync(join(directory, `${each}`), `file ${each}`)
  const near = new Engine({ identity: alice as NonNullable<typeof alice>, threads: 0, chunkSize: C })
  const far = new Engine({ identity: bob as NonNullable<typeof bob>, threads: 0 })
  const place = { serve: join(directory, 'served'), inbox: join(directory, 'inbox') }
  const listener = await far.answer({ host, port: 0, ...place, from: ['alice'], existing: 'rename' })
  t.teardown(async () => {
    await listener.close()
    await Promise.all([near.close(), far.close()])
  })
  const address = `bob@${host}:${listener.port}`
  const sends = (count: number, to = address) =>
    Array.from({ length: count }, (_, each) => ({ send: join(directory, `${each}`), to, key: `${each}` }))
  const open = async (t: Test, options: BatchOptions = {}): Promise<Batch> => {
    const batch = await near.batch(options)
    t.teardown(() => batch.close())
    return batch
  }
  return { directory, near, address, sends, open, inbox: () => readdirSync(place.inbox).sort() }
}

const keysOf = (results: readonly JobResult[]): string[] => results.map(({ job }) => job.key).sort()

t.test('in memory: a result for each job, with what its transfers told', async t => {
  const { directory, address, sends, open, inbox } = await parties(t)
  const told = new Map<string, string[]>()
  const onEvent = ({ type }: TransferEvent, { key }: KeyedJob): void =>
    void told.set(
      key,
      [...(told.get(key) ?? []), type].filter(each => each !== 'progress')
    )
  const batch = await open(t, { onEvent })
  t.same(await Array.fromAsync(batch), [], 'nothing to do')
  const jobs = [...sends(3), { get: 'file', from: address, output: join(directory, 'got'), key: 'got' }]
  t.match(await batch.add(jobs), jobs)
  const results = await Array.fromAsync(batch)
  t.same(keysOf(results), ['0', '1', '2', 'got'])
  for (const result of results)
    t.match(result, { status: 'done', attempts: 1, bytes: 6, resumedAt: 0, before: undefined })
  t.same(told, new Map(['0', '1', '2', 'got'].map(key => [key, ['start', 'end']])))
  t.same(inbox(), ['0', '1', '2'])
  await batch.add(sends(4))
  const more = await Array.fromAsync(batch)
  t.same(more.filter(({ before }) => before).length, 3)
  t.same(inbox(), ['0', '1', '2', '3'])
})

t.test('what can not be is refused before anything is added', async t => {
  const { near, directory, address, sends, open, inbox } = await parties(t)
  const refused = { code: 'ERR_SFT_USAGE' }
  for (const concurrency of [0, 65, 1.5, Number.NaN]) await t.rejects(near.batch({ concurrency }), refused)
  await t.rejects(near.batch({ spool: join(directory, 'spool'), queue: new MemoryQueue() }), refused)
  t.notOk(existsSync(join(directory, 'spool')))
  const batch = await open(t)
  await t.rejects(batch.add([...sends(1), { send: '/x', to: 'bob:' }]), { ...refused, hint: 'write NAME@HOST:PORT' })
  await t.rejects(batch.add([...sends(1), { send: '/x', to: address, key: '0' }]), refused)
  await t.rejects(batch.add([...sends(1), {} as KeyedJob]), refused)
  t.same(await Array.fromAsync(batch), [])
  t.same(inbox(), [])
})

t.test('as many at once as were asked for, and what is added meanwhile is done as well', async t => {
  const { sends, open, inbox } = await parties(t)
  for (const concurrency of [1, 3]) {
    const underway = new Set<string>()
    let most = 0
    const onEvent = ({ type, id }: TransferEvent): void => {
      if (type === 'start') underway.add(id)
      if (type === 'end') underway.delete(id)
      most = Math.max(most, underway.size)
    }
    const batch = await open(t, { concurrency, onEvent })
    await batch.add(sends(5))
    const results: JobResult[] = []
    for await (const result of batch) {
      if (results.push(result) === 5) await batch.add(sends(8))
    }
    t.equal(most, concurrency)
    t.same(keysOf(results.filter(({ before }) => !before)), [...'01234567'])
  }
  t.equal(inbox().length, 16, 'two queues, two batches')
})

t.test('a job that is added while another one takes its time does not wait for it', async t => {
  const { sends, open } = await parties(t)
  const away = { send: '/etc/hostname', to: 'bob@127.0.0.1:1', key: 'away' }
  const waits = Promise.withResolvers<void>()
  const batch = await open(t, { retry: 50, concurrency: 2, onRetry: () => waits.resolve() })
  await batch.add([away])
  const loop = batch[Symbol.asyncIterator]()
  const first = loop.next()
  await waits.promise
  await batch.add(sends(1))
  t.match(await first, { value: { status: 'done', job: { key: '0' } } })
  await loop.return()
})

t.test('M111: what may pass is attempted again at where its peer is then, what does not is told', async t => {
  const { address, sends, open, inbox } = await parties(t)
  const places = ['bob@127.0.0.1:1', address]
  const asked: string[] = []
  const waits: string[] = []
  const batch = await open(t, {
    retry: 1,
    locate: async (name, kind) => {
      asked.push(`${kind} ${name}`)
      return places[asked.length - 1] ?? address
    },
    onRetry: ({ key }, { code }) => waits.push(`${key} ${code}`)
  })
  await batch.add(sends(1, 'bob:'))
  t.match(await Array.fromAsync(batch), [{ status: 'done', attempts: 2 }])
  t.same(asked, ['receive bob', 'receive bob'])
  t.same(waits, ['0 ERR_SFT_CONNECT'])
  const jobs = [
    { send: '/no/such/file', to: 'bob', key: 'no' },
    { send: '/etc/hostname', to: 'bob@127.0.0.1:1', key: 'away' }
  ]
  await batch.add(jobs)
  const failed = await Array.fromAsync(batch)
  const errors = Object.fromEntries(
    failed.map(each => [
      each.job.key,
      each.status === 'failed' && [each.attempts, each.error.code, each.error.exitCode]
    ])
  )
  t.same(errors, { no: [1, 'ERR_SFT_NOT_FOUND', 3], away: [2, 'ERR_SFT_CONNECT', 10] })
  t.same(await Array.fromAsync(batch), [], 'it failed for this time')
  await batch.add(jobs.slice(0, 1))
  t.match(await Array.fromAsync(batch), [{ status: 'failed', job: { key: 'no' } }])
  t.same(inbox(), ['0'])
})

t.test('a peer that is gone in the middle of the handshake, as one that is started anew, is tried again', async t => {
  const { address, sends, open } = await parties(t)
  const target = { host, port: Number(address.split(':').at(-1)) }
  let connections = 0
  const { port } = await proxy(t, target, () => (connections++ === 0 ? { down: cutAt(0) } : {}))
  const codes: string[] = []
  const batch = await open(t, { retry: 1, onRetry: (_, { code }) => codes.push(code) })
  await batch.add(sends(1, `bob@${host}:${port}`))
  t.match(await Array.fromAsync(batch), [{ status: 'done', attempts: 2 }])
  t.same(codes, ['ERR_SFT_CONNECTION_LOST'])
})

t.test('a loop that is left, and one that is aborted, leave what they did not end', async t => {
  const { directory, sends, open, inbox } = await parties(t)
  const spool = join(directory, 'spool')
  const stop = new AbortController()
  const batch = await open(t, { spool, concurrency: 1, signal: stop.signal })
  await batch.add(sends(10))
  for await (const { job } of batch) {
    t.equal(job.key, '0')
    break
  }
  const seen: string[] = []
  const reason = new Error('enough')
  await t.rejects(async () => {
    for await (const { job } of batch) {
      if (seen.push(job.key) === 2) stop.abort(reason)
    }
  }, reason)
  t.equal(seen.length, 2)
  await t.rejects(Array.fromAsync(batch), reason)
  await batch.close()
  const rest = await open(t, { spool })
  const results = await Array.fromAsync(rest)
  t.ok(results.length >= 10 - inbox().length && results.length >= 5)
  t.equal(inbox().length, 10, 'each once')
  await rest.add(sends(10))
  t.equal((await Array.fromAsync(rest)).filter(({ before }) => before).length, 10)
  await rest.close()
  await t.rejects(Array.fromAsync(rest), { code: 'ERR_SFT_CANCELLED' })
})

/** A queue engine of somebody else: its claims wait for work until they are aborted. */
class ForeignQueue implements JobQueue {
  readonly id = 'of somebody else'
  readonly jobs = new Map<string, { job: KeyedJob; outcome?: JobOutcome }>()
  readonly waiting: KeyedJob[] = []
  readonly told: string[] = []
  closed = false
  #work = Promise.withResolvers<void>()

  async add(jobs: readonly KeyedJob[]): Promise<ReadonlyMap<string, JobOutcome>> {
    for (const job of jobs) this.jobs.set(job.key, { job })
    this.waiting.push(...jobs)
    this.#work.resolve()
    this.#work = Promise.withResolvers()
    return new Map()
  }

  async claim(signal: AbortSignal): Promise<KeyedJob | undefined> {
    const aborted = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
    while (this.waiting.length === 0 && !signal.aborted) await Promise.race([this.#work.promise, aborted])
    return signal.aborted ? undefined : this.waiting.shift()
  }

  async done(key: string, outcome: JobDone): Promise<void> {
    this.told.push(`done ${key}`)
    Object.assign(this.jobs.get(key) ?? {}, { outcome })
  }

  async fail(key: string, _: JobFailed): Promise<void> {
    this.told.push(`fail ${key}`)
  }

  async release(key: string): Promise<void> {
    this.told.push(`release ${key}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed = true
  }
}

t.test("a queue of somebody else's, whose claims wait for work", async t => {
  const { sends, open, inbox } = await parties(t)
  const queue = new ForeignQueue()
  const stop = new AbortController()
  const batch = await open(t, { queue, concurrency: 2, signal: stop.signal, retry: 50, onRetry: () => stop.abort() })
  const seen: string[] = []
  const loop = (async () => {
    for await (const { job, status } of batch) {
      seen.push(`${status} ${job.key}`)
      if (seen.length === 3) await batch.add([{ send: '/no/such', to: 'bob@127.0.0.1:1', key: 'no' }])
      if (seen.length === 4) await queue.add([{ send: '/etc/hostname', to: 'bob@127.0.0.1:1', key: 'away' }])
    }
  })()
  await queue.add(sends(3) as KeyedJob[])
  await t.rejects(loop, { name: 'AbortError' })
  t.same(seen.sort(), ['done 0', 'done 1', 'done 2', 'failed no'])
  t.same(queue.told.sort(), ['done 0', 'done 1', 'done 2', 'fail no', 'release away'])
  t.same(inbox(), ['0', '1', '2'])
  await batch.close()
  t.notOk(queue.closed, 'its owner closes it')
})

t.test('a queue that can not note ends the batch, and what was moved is not moved again', async t => {
  const { sends, open, inbox } = await parties(t)
  class Full extends MemoryQueue {
    full = true
    override async done(key: string, outcome: JobOutcome): Promise<void> {
      if (this.full) throw new SftError('ERR_SFT_FILE', 'the disk is full')
      await super.done(key, outcome)
    }
    override async fail(): Promise<void> {
      throw new SftError('ERR_SFT_INTERNAL', 'it has not failed')
    }
  }
  const queue = new Full('a queue')
  const batch = await open(t, { queue })
  await batch.add(sends(2))
  await t.rejects(Array.fromAsync(batch), { code: 'ERR_SFT_FILE', message: 'the disk is full' })
  const later = new Full('a queue')
  later.full = false
  const again = await open(t, { queue: later })
  await again.add(sends(2))
  t.match(await Array.fromAsync(again), [{ status: 'done' }, { status: 'done' }])
  t.same(inbox(), ['0', '1'])
})

t.test('an engine that is closed stops its batches', async t => {
  const { near, sends, open } = await parties(t)
  const waits = Promise.withResolvers<void>()
  const batch = await open(t, { retry: 50, onRetry: () => waits.resolve() })
  await batch.add(sends(1, 'bob@127.0.0.1:1'))
  const loop = t.rejects(Array.fromAsync(batch), { code: 'ERR_SFT_CANCELLED', message: 'the engine is closed' })
  await waits.promise
  await near.close()
  await loop
})
