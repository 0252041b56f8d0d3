import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, createWriteStream, openSync } from 'node:fs'
import { mkdir, open, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import t from 'tap'
import { SftError } from '../../src/streams/errors.ts'
import { type Output, type OutputOptions, openOutput, receivedName } from '../../src/transfer/output.ts'
import { cut, pattern } from '../fixtures/bytes.ts'

const bytes = pattern(200_000)
const directory = t.testdir({ folder: {}, taken: 'taken', dangling: t.fixture('symlink', 'nowhere') })
const at = (name: string) => join(directory, name)

async function write(
  output: Output,
  options: OutputOptions = {},
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array> = cut(bytes, 65_536)
) {
  const { kind, sink } = await openOutput(output, options)
  return { kind, ...(await sink({ created: 0 })(source)) }
}

t.test('a file', async t => {
  t.same(await write(at('new')), { kind: 'durable', bytes: 200_000 })
  t.ok((await readFile(at('new'))).equals(bytes))
  t.equal((await stat(at('new'))).mode & 0o777, 0o600)
  for (const name of ['new', 'taken', 'dangling']) await t.rejects(write(at(name)), { code: 'ERR_SFT_EXISTS' }, name)
  t.equal(await readFile(at('taken'), 'utf8'), 'taken')
  t.same(await write(at('taken'), { force: true }), { kind: 'durable', bytes: 200_000 })
  t.ok((await readFile(at('taken'))).equals(bytes))
  t.same(await write(at('folder'), { name: 'inside' }), { kind: 'durable', bytes: 200_000 })
  t.same(await readdir(at('folder')), ['inside'])
  await t.rejects(write(at('folder')), { code: 'ERR_SFT_USAGE' }, 'a directory, and no name')
  await t.rejects(write(at('no/file')), { code: 'ERR_SFT_FILE' }, 'no such directory')
  await t.rejects(write(at('no/')), { code: 'ERR_SFT_FILE' }, 'a slash says that it is one')
})

t.test('streams', async t => {
  const fd = openSync(at('descriptor'), 'w')
  t.same(await write(fd), { kind: 'delivered', bytes: 200_000 })
  closeSync(fd)
  t.ok((await readFile(at('descriptor'))).equals(bytes))
  t.same(await write('/dev/null'), { kind: 'delivered', bytes: 200_000 })
  const pieces: Uint8Array[] = []
  const sink = async (source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) => {
    for await (const piece of source) pieces.push(piece)
    return 'whatever'
  }
  t.same(await write(sink), { kind: 'delivered', bytes: 200_000 })
  t.ok(Buffer.concat(pieces).equals(bytes))
  await t.rejects(write('/dev/full'), { code: 'ERR_SFT_FILE', message: 'no space left on the disk' })
})

t.test('streams of Node and of the web, and a handle', async t => {
  t.same(await write(createWriteStream(at('node'))), { kind: 'delivered', bytes: 200_000 })
  t.ok((await readFile(at('node'))).equals(bytes))
  t.same(await write(Writable.toWeb(createWriteStream(at('web')))), { kind: 'delivered', bytes: 200_000 })
  t.ok((await readFile(at('web'))).equals(bytes))
  const packed = new CompressionStream('gzip')
  const unpacking = new Response(packed.readable.pipeThrough(new DecompressionStream('gzip'))).bytes()
  await write(packed.writable as WritableStream<Uint8Array>)
  t.ok(Buffer.from(await unpacking).equals(bytes))
  const handle = await open(at('handle'), 'w')
  t.same(await write(handle), { kind: 'delivered', bytes: 200_000 })
  await handle.write('and more')
  await handle.close()
  t.equal((await stat(at('handle'))).size, 200_008, 'the handle is still open')
})

t.test('a stream that takes little at a time holds its source up', async t => {
  let pulled = 0
  const source = async function* () {
    for (; pulled < 100; pulled++) yield pattern(65_536)
  }
  const slow = new PassThrough()
  const writing = write(slow, {}, source())
  await new Promise(resolve => setTimeout(resolve, 50))
  t.ok(pulled < 10, `${pulled} pieces`)
  slow.resume()
  t.match(await writing, { bytes: 6_553_600 })
})

t.test('what a stream fails with, and what it is told when its source fails', async t => {
  const gone = new PassThrough()
  gone.destroy()
  await t.rejects(write(gone), { code: 'ERR_SFT_OUTPUT_CLOSED' })
  const full = () =>
    new Writable({ write: (_piece, _encoding, done) => done(Object.assign(new Error('no space'), { code: 'ENOSPC' })) })
  await t.rejects(write(full()), { code: 'ERR_SFT_FILE', message: 'writing failed: no space' })
  await t.rejects(write(Writable.toWeb(full())), { code: 'ERR_SFT_FILE' })
  const truncated = new SftError('ERR_SFT_TRUNCATED', 'cut')
  const cutOff = async function* () {
    yield pattern(10)
    throw truncated
  }
  for (const make of [(stream: Writable) => stream, (stream: Writable) => Writable.toWeb(stream)]) {
    const stream = new PassThrough()
    stream.on('error', () => {})
    await t.rejects(write(make(stream), {}, cutOff()), truncated)
    t.ok(stream.destroyed, 'nobody takes what came for the whole')
    t.notOk(stream.writableFinished)
  }
})

t.test('a FIFO', async t => {
  spawnSync('mkfifo', [at('fifo')])
  const before = (await readdir('/proc/self/fd')).length
  const writing = write(at('fifo'))
  const copied = once(spawn('cp', [at('fifo'), at('copied')], { stdio: 'ignore' }), 'close')
  t.same(await writing, { kind: 'delivered', bytes: 200_000 })
  t.same(await copied, [0, null])
  t.ok((await readFile(at('copied'))).equals(bytes))
  const controller = new AbortController()
  const waiting = write(at('fifo'), { signal: controller.signal })
  controller.abort(new Error('enough'))
  await t.rejects(waiting, { message: 'enough' }, 'that nobody reads')
  const gone = write(at('fifo'), {}, endless())
  spawn('head', ['-c', '1', at('fifo')], { stdio: 'ignore' })
  await t.rejects(gone, { code: 'ERR_SFT_OUTPUT_CLOSED' }, 'whose reader leaves')
  await new Promise(resolve => setImmediate(resolve))
  t.equal((await readdir('/proc/self/fd')).length, before, 'nothing stays open')
})

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield Uint8Array.from(bytes)
}

t.test('a source that fails is what is reported', async t => {
  const lost = async function* (): AsyncGenerator<Uint8Array> {
    yield Uint8Array.from(bytes)
    throw new SftError('ERR_SFT_CONNECTION_LOST', 'the peer left')
  }
  spawnSync('mkfifo', [at('second')])
  const ended = once(spawn('cp', [at('second'), '/dev/null'], { stdio: 'ignore' }), 'close')
  await t.rejects(
    write(at('second'), {}, lost()),
    { code: 'ERR_SFT_CONNECTION_LOST', message: 'the peer left' },
    'a pipe'
  )
  await ended
  await t.rejects(write(at('lost'), {}, lost()), { code: 'ERR_SFT_CONNECTION_LOST' }, 'a file')
  t.notOk((await readdir(directory)).some(name => name.includes('lost')))
  const wrapping = async (source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) => {
    try {
      for await (const _ of source);
    } catch {
      throw new Error('something went wrong')
    }
  }
  await t.rejects(write(wrapping, {}, lost()), { code: 'ERR_SFT_CONNECTION_LOST' }, 'a sink that calls it otherwise')
})

t.test('a sink that never ends lets go after a signal', async t => {
  const controller = new AbortController()
  const waiting = write(() => new Promise(() => {}), { signal: controller.signal })
  setImmediate(() => controller.abort(new Error('enough')))
  await t.rejects(waiting, { message: 'enough' })
  await t.rejects(
    write(() => new Promise(() => {}), { signal: controller.signal }),
    { message: 'enough' },
    'already'
  )
  const file = write(at('stopped'), { signal: controller.signal })
  await t.rejects(file, { message: 'enough' }, 'a file')
  t.notOk((await readdir(directory)).some(name => name.includes('stopped')))
})

t.test('a link is not followed', async t => {
  const place = t.testdir({ target: 'target' })
  await symlink('target', join(place, 'link'))
  await mkdir(join(place, 'd'))
  await writeFile(join(place, 'd/x'), '')
  t.same(await write(join(place, 'link'), { force: true }), { kind: 'durable', bytes: 200_000 })
  t.equal(await readFile(join(place, 'target'), 'utf8'), 'target', 'it is replaced')
  t.ok((await readFile(join(place, 'link'))).equals(bytes))
})

t.test('a fetched file has the name of the classic system', t => {
  t.equal(receivedName('a/b/c.txt'), 'received_c.txt')
  t.equal(receivedName('c'), 'received_c')
  t.end()
})
