import { appendFileSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { DoneMark } from '../../src/transfer/done-mark.ts'
import { Engine } from '../../src/transfer/engine.ts'
import type { TransferEvent } from '../../src/transfer/events.ts'
import type { TransferResult } from '../../src/transfer/requests.ts'
import { C, pattern } from '../fixtures/bytes.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

/** Jobs are done once (SPEC §8.8). */

const organisation = await makeOrganisation()
const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map(name => organisation.issue(name)))
const job = pattern(32)
const host = '127.0.0.1'

const markIn = (directory: string, more: Partial<ConstructorParameters<typeof DoneMark>[0]> = {}): DoneMark =>
  new DoneMark({ directory, name: 'report.pdf', peer: 'alice', direction: 'send', job, ...more })

/** A file as it is before it has its name. */
function thingAt(path: string, text = 'bytes') {
  writeFileSync(path, text)
  const { ino, birthtimeNs, mtimeNs } = statSync(path, { bigint: true })
  return { ino, birthtimeNs, mtimeNs, bytes: text.length }
}

t.test('M81: what has its name is done, whenever the crash came', async t => {
  const directory = t.testdir({})
  const [part, target] = [join(directory, 'part'), join(directory, 'report.pdf')]
  const thing = thingAt(part)
  t.equal(await markIn(directory).done(), undefined)
  await markIn(directory).naming(thing)
  t.equal(await markIn(directory).done(), undefined, 'not yet')
  writeFileSync(target, 'of somebody else')
  t.equal(await markIn(directory).done(), undefined, 'another file is not it')
  renameSync(part, target)
  t.equal(await markIn(directory).done(), 5, 'killed right behind the name')
  for (const other of ['report.pdf (1)', 'report (1).pdf']) {
    writeFileSync(join(directory, 'free'), '')
    renameSync(target, join(directory, other))
    writeFileSync(target, 'the name was taken')
    t.equal(await markIn(directory).done(), 5, `it got another name: ${other}`)
    renameSync(join(directory, other), target)
  }
  await markIn(directory).named()
  rmSync(target)
  t.equal(await markIn(directory).done(), 5, 'and whatever became of it since')
  await markIn(directory).remove()
  t.equal(await markIn(directory).done(), undefined)
})

t.test('a mark is of one peer, direction, name and key, and of what is whole', async t => {
  const directory = t.testdir({})
  await markIn(directory).naming(thingAt(join(directory, 'x')))
  await markIn(directory).named()
  const others = [
    { peer: 'carol' },
    { direction: 'get' as const },
    { name: 'report' },
    { job: pattern(33).subarray(1) }
  ]
  for (const other of others) t.equal(await markIn(directory, other).done(), undefined)
  const [name = ''] = readdirSync(directory).filter(each => each.endsWith('.done'))
  t.match(name, /^\.report\.pdf\.[0-9a-f]{12}\.part\.done$/)
  t.equal(statSync(join(directory, name)).mode & 0o777, 0o600)
  for (const text of ['', '{"job":', '{"job":1}\ndone\n', 'null\ndone\n']) {
    writeFileSync(join(directory, name), text)
    t.equal(await markIn(directory).done(), undefined, text)
  }
  appendFileSync(join(directory, name), 'x'.repeat(2000))
  await t.rejects(markIn(directory).done(), { code: 'ERR_SFT_FILE' })
})

/** Two engines: what bob receives, and what alice notes. */
async function parties(t: Test, options: object = {}) {
  const directory = t.testdir({ inbox: {}, tree: { a: 'a', b: 'b' } })
  writeFileSync(join(directory, 'file'), pattern(C + 5))
  const near = new Engine({ identity: alice as NonNullable<typeof alice>, threads: 0, chunkSize: C })
  const far = new Engine({ identity: bob as NonNullable<typeof bob>, threads: 0 })
  const events: TransferEvent[] = []
  const listener = await far.receiveInto(join(directory, 'inbox'), {
    host,
    port: 0,
    from: ['alice', 'carol'],
    onEvent: event => events.push(event),
    ...options
  })
  t.teardown(async () => {
    await listener.close()
    await Promise.all([near.close(), far.close()])
  })
  const address = `bob@${host}:${listener.port}`
  const inbox = (): string[] => readdirSync(join(directory, 'inbox'))
  const moved = () => events.filter(event => event.type === 'end').length
  return { directory, near, far, address, inbox, moved, events }
}

const noting = (key: Uint8Array = job) => {
  const notes: TransferResult[] = []
  return { key, notes, note: async (result: TransferResult) => void notes.push(result) }
}
const failing = (key: Uint8Array = job) => ({
  key,
  note: async () => {
    throw new Error('no disk')
  }
})
const until = async (holds: () => boolean): Promise<void> => {
  for (let left = 200; !holds(); left--) {
    if (left === 0) throw new Error('never came')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

t.test('M81: a job whose sender could not note it is done once all the same', async t => {
  const { directory, near, address, inbox, moved } = await parties(t)
  const file = join(directory, 'file')
  await t.rejects(near.send(file, address, { job: failing() }), { message: 'no disk' })
  await until(() => moved() === 1)
  t.equal(inbox().length, 2, 'the file and its mark')
  rmSync(join(directory, 'inbox/file'))
  const told = noting()
  const again = await near.send(file, address, { job: told })
  t.match(again, { before: true, kind: 'durable', bytes: C + 5, resumedAt: C + 5 })
  t.same(told.notes, [again])
  await until(() => inbox().length === 0)
  t.equal(moved(), 1)
  await near.send(file, address, { job: told })
  await until(() => inbox().length === 1 && moved() === 2)
  t.same(inbox(), ['file'], 'noted on both sides, and forgotten')
  await t.rejects(near.send(file, address, { job: noting() }), { code: 'ERR_SFT_EXISTS' })
  await t.rejects(near.send(file, address, { job: noting(), receipt: true }), { code: 'ERR_SFT_USAGE' })
})

t.test('M81: directories, replaced files, and other peers with the same key', async t => {
  const { directory, near, address, inbox, moved } = await parties(t, { force: true })
  const tree = join(directory, 'tree')
  await t.rejects(near.send(tree, address, { job: failing(), tree: {} }), { message: 'no disk' })
  await until(() => moved() === 1)
  t.match(await near.send(tree, address, { job: noting(), tree: {} }), { before: true })
  await until(() => inbox().length === 1)
  const file = join(directory, 'file')
  await t.rejects(near.send(file, address, { job: failing() }), { message: 'no disk' })
  await until(() => moved() === 2)
  await using third = new Engine({ identity: carol as NonNullable<typeof carol>, threads: 0 })
  t.notOk((await third.send(file, address, { job: noting() })).before, 'of carol')
  t.match(await near.send(file, address, { job: noting() }), { before: true })
  await until(() => inbox().length === 2)
  t.equal(moved(), 3)
})

t.test('M81: while it is under way it is not begun again', async t => {
  const { directory, near, address, inbox } = await parties(t)
  const file = join(directory, 'file')
  const rest = Promise.withResolvers<void>()
  async function* slowly() {
    yield pattern(C)
    await rest.promise
  }
  const first = near.send(slowly(), address, { name: 'file', job: noting() })
  await until(() => inbox().length === 1)
  await t.rejects(near.send(file, address, { job: noting() }), { code: 'ERR_SFT_BUSY', retryable: true })
  rest.resolve()
  t.match(await first, { bytes: C })
})

t.test('M81: a pull does it alone', async t => {
  const { directory, near, far } = await parties(t)
  await using server = await far.serve(directory, { host, port: 0 })
  const address = `bob@${host}:${server.port}`
  const got = join(directory, 'got')
  mkdirSync(got)
  const get = (path: string, as: string, more: object) => near.get(address, path, join(got, as), more)
  await t.rejects(get('file', 'file', { job: failing() }), { message: 'no disk' })
  t.match(await get('file', 'file', { job: noting() }), { before: true, bytes: C + 5 })
  t.same(readdirSync(got), ['file'])
  await t.rejects(get('file', 'file', { job: noting() }), { code: 'ERR_SFT_EXISTS' })
  await t.rejects(get('tree', 'tree', { tree: {}, job: failing() }), { message: 'no disk' })
  t.match(
    await get('tree', 'tree', { tree: {}, job: noting() }),
    { before: true },
    'not into the directory that it made'
  )
  t.same(readdirSync(got).sort(), ['file', 'tree'])
  t.same(readdirSync(join(got, 'tree')).sort(), ['a', 'b'])
})
