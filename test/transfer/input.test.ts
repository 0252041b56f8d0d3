import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { appendFile, open, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import { type Input, openInput } from '../../src/transfer/input.ts'
import { join as joinBytes, pattern } from '../fixtures/bytes.ts'

const never = new AbortController().signal
const bytes = pattern(100_000)
const directory = t.testdir({ file: Buffer.from(bytes) })
const path = join(directory, 'file')
const descriptors = async () => (await readdir('/proc/self/fd')).length

async function read(input: Input, name?: string) {
  await using opened = await openInput(input, name)
  const { metadata, file, owned } = opened
  return { metadata, file, owned, same: (await joinBytes(opened.source(never))).equals(bytes) }
}

t.test('everything that can be sent', async t => {
  const before = await descriptors()
  const named = { name: 'file', size: 100_000, mode: Number, mtime: Number }
  t.match(await read(path), { metadata: named, file: true, owned: true, same: true }, 'a path')
  t.match(await read(path, 'other'), { metadata: { name: 'other' }, same: true })
  const handle = await open(path)
  t.match(await read(handle), { metadata: { size: 100_000 }, file: true, owned: true, same: true }, 'a handle')
  await handle.stat()
  await handle.close()
  const fd = openSync(path, 'r')
  t.match(await read(fd), { metadata: {}, file: false, owned: true, same: true }, 'a descriptor')
  closeSync(fd)
  t.match(await read(bytes), { metadata: { size: 100_000 }, file: true, owned: false, same: true }, 'bytes')
  t.match(await read([bytes]), { metadata: {}, file: false, owned: false, same: true }, 'an iterable')
  const pieces = [bytes.slice(0, 7), bytes.slice(7)]
  t.match(await read(pieces.values()), { same: true }, 'an iterator')
  const generate = async function* () {
    yield* pieces
  }
  t.match(await read(generate()), { same: true }, 'an async generator')
  t.match(await read(Readable.from(pieces)), { same: true }, 'a stream of Node')
  t.match(await read(new Blob([bytes]).stream()), { same: true }, 'a stream of the web')
  t.match(await read(new Blob(pieces)), { metadata: { size: 100_000 }, file: true, owned: true, same: true }, 'a blob')
  t.equal(await descriptors(), before, 'nothing stays open')
})

t.test('a FIFO, also one that nobody opens', async t => {
  const fifo = join(directory, 'fifo')
  spawnSync('mkfifo', [fifo])
  const before = await descriptors()
  const ended = once(spawn('cp', [path, fifo], { stdio: 'ignore' }), 'close')
  t.match(await read(fifo), { metadata: { name: 'fifo' }, file: false, same: true })
  t.same(await ended, [0, null])
  {
    await using opened = await openInput(fifo)
    const controller = new AbortController()
    const reading = joinBytes(opened.source(controller.signal))
    controller.abort(new Error('enough'))
    await t.rejects(reading, { message: 'enough' })
  }
  {
    await using _ = await openInput(fifo)
  }
  await new Promise(resolve => setImmediate(resolve))
  t.equal(await descriptors(), before, 'nothing stays open, read or not')
})

t.test('refusals', async t => {
  await t.rejects(openInput(join(directory, 'no')), { code: 'ERR_SFT_NOT_FOUND' })
  await t.rejects(openInput(directory), { code: 'ERR_SFT_NOT_FOUND' }, 'a directory')
  for (const name of ['', '.', '..', 'a/b', 'x'.repeat(256), 'a\0b'])
    await t.rejects(openInput(bytes, name), { code: 'ERR_SFT_USAGE' }, JSON.stringify(name))
})

t.test('a file that changes', async t => {
  const changing = join(t.testdir(), 'file')
  await writeFile(changing, bytes)
  await using opened = await openInput(changing)
  await appendFile(changing, 'more')
  await t.rejects(joinBytes(opened.source(never)), { code: 'ERR_SFT_SOURCE_CHANGED' }, 'since it was opened')
})

t.test('a source that waits lets go', async t => {
  const closed = { returned: false }
  const waiting: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => {}),
      return: () => {
        closed.returned = true
        return new Promise(() => {})
      }
    })
  }
  await using opened = await openInput(waiting)
  const controller = new AbortController()
  const reading = joinBytes(opened.source(controller.signal))
  controller.abort(new Error('enough'))
  await t.rejects(reading, { message: 'enough' })
  t.ok(closed.returned, 'and is told, though nobody waits for it')
})

t.test('an end that comes with a signal is no end', async t => {
  const pipe = join(t.testdir(), 'pipe')
  spawnSync('mkfifo', [pipe])
  await using opened = await openInput(pipe)
  const controller = new AbortController()
  const pieces = opened.source(controller.signal)
  const reading = joinBytes(pieces)
  process.once('SIGUSR2', () => controller.abort(new Error('interrupted')))
  // in one turn, so that the event loop finds both at once
  const fd = openSync(pipe, 'w')
  closeSync(fd)
  process.kill(process.pid, 'SIGUSR2')
  await t.rejects(reading, { message: 'interrupted' })
})

t.test('an early stop and an error of the source', async t => {
  let closed = 0
  const generate = async function* () {
    try {
      yield bytes
      throw new Error('broken')
    } finally {
      closed++
    }
  }
  {
    await using opened = await openInput(generate())
    for await (const _ of opened.source(never)) break
  }
  t.equal(closed, 1)
  await using opened = await openInput(generate())
  await t.rejects(joinBytes(opened.source(never)), { message: 'broken' })
  t.equal(closed, 2)
})
