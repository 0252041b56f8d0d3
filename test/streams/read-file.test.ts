import { spawnSync } from 'node:child_process'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { appendFile, open, rename, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type ReadFileOptions, readFile } from '../../src/streams/read-file.ts'
import { C, collect, join, LENGTHS, pattern, print, STEPS } from '../fixtures/bytes.ts'
import { fifo } from '../fixtures/sockets.ts'

async function fileOf(t: Test, bytes: Uint8Array): Promise<string> {
  const path = joinPath(t.testdir({}), 'file')
  await writeFile(path, bytes)
  return path
}

for (const len of LENGTHS) {
  for (const size of STEPS.filter(step => step > 1 || len < C)) {
    t.test(`len=${len} step=${size}`, async t => {
      const pieces = await collect(readFile(await fileOf(t, pattern(len)), { size }))
      t.equal(print(Buffer.concat(pieces)), print(pattern(len)))
      t.equal(pieces.length, Math.ceil(len / size))
      t.ok(pieces.every(piece => piece.buffer.byteLength === piece.byteLength))
    })
  }
}

t.test('a handle and a descriptor are read from where they are, and stay open', async t => {
  const handle = await open(await fileOf(t, pattern(1000)))
  await handle.read(new Uint8Array(100))
  t.equal(print(await join(readFile(handle))), print(pattern(1000).slice(100)))
  t.ok((await handle.stat()).isFile(), 'still open')
  t.equal((await join(readFile(handle.fd))).byteLength, 0, 'at its end')
  await handle.close()
})

t.test('what can not be opened is not found; what can not be read is a file fault', async t => {
  const directory = t.testdir({ locked: 'x' })
  await t.rejects(collect(readFile(joinPath(directory, 'missing'))), { code: 'ERR_SFT_NOT_FOUND' })
  await t.rejects(collect(readFile(joinPath(directory, 'locked', 'below'))), { code: 'ERR_SFT_NOT_FOUND' })
  await t.rejects(collect(readFile(directory)), { code: 'ERR_SFT_FILE' })
  await t.rejects(collect(readFile(10_000)), { code: 'ERR_SFT_FILE' })
})

t.test('a read ahead that fails is raised at the next pull, however late', async t => {
  const path = joinPath(t.testdir({}), 'pipe')
  spawnSync('mkfifo', [path])
  const writer = await open(path, constants.O_RDWR)
  await writer.write('first')
  const source = readFile(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK))
  t.equal(Buffer.from((await source.next()).value ?? []).toString(), 'first')
  await sleep(20)
  await t.rejects(source.next(), { code: 'ERR_SFT_FILE' }, 'a pipe that would block')
  await writer.close()
})

t.test('a device gives what it has, and is no regular file that could change', async t => {
  const source = readFile('/dev/zero', { size: 100 })
  t.equal((await source.next()).value?.byteLength, 100)
  await source.return()
  t.same(await collect(readFile('/dev/null')), [])
  const { reader, writer } = fifo(t)
  writeSync(writer, 'through a pipe')
  closeSync(writer)
  t.equal((await join(readFile(reader))).toString(), 'through a pipe')
})

const LARGE = 200_000

/** Reads one piece, lets `change` happen, reads on. */
async function changedWhileRead(
  t: Test,
  change: (path: string) => Promise<void>,
  options: ReadFileOptions = {}
): Promise<unknown> {
  const path = await fileOf(t, pattern(LARGE))
  const handle = await open(path)
  t.teardown(() => handle.close())
  const source = readFile(handle, { size: C, ...options })
  await source.next()
  await change(path)
  return t.rejects(collect(source), { code: 'ERR_SFT_SOURCE_CHANGED' })
}

const touch = async (path: string): Promise<void> => {
  const { mtimeMs } = await stat(path)
  await utimes(path, mtimeMs / 1000, mtimeMs / 1000 + 1)
}

t.test('a source that changes while it is read is an error at its end (M37)', async t => {
  await t.test('append', t => changedWhileRead(t, path => appendFile(path, 'x')))
  await t.test('truncate', t => changedWhileRead(t, path => truncate(path, LARGE - 1)))
  await t.test('truncate to nothing', t => changedWhileRead(t, path => truncate(path, 0)))
  await t.test('rewrite in place', t =>
    changedWhileRead(t, async path => {
      await writeFile(path, pattern(LARGE, 1))
      await touch(path)
    })
  )
  await t.test('a new time alone', t => changedWhileRead(t, touch))
  await t.test('a new size alone', async t => {
    const path = await fileOf(t, pattern(LARGE))
    await utimes(path, 1000, 1000)
    const source = readFile(path, { size: C })
    await source.next()
    await appendFile(path, 'x')
    await utimes(path, 1000, 1000)
    await t.rejects(collect(source), { code: 'ERR_SFT_SOURCE_CHANGED' })
  })
})

t.test('another file of the same name does not matter to one that is open', async t => {
  const path = await fileOf(t, pattern(LARGE))
  const source = readFile(path, { size: C })
  const first = await source.next()
  await writeFile(`${path}.new`, 'other')
  await rename(`${path}.new`, path)
  t.equal(print(Buffer.concat([first.value ?? pattern(0), await join(source)])), print(pattern(LARGE)))
})

t.test('what was announced must be what was read', async t => {
  const path = await fileOf(t, pattern(LARGE))
  await utimes(path, 1000, 1000)
  const announced = await stat(path, { bigint: true })
  t.equal((await join(readFile(path, { announced }))).byteLength, LARGE)
  const handle = await open(path)
  await handle.read(new Uint8Array(1))
  await t.rejects(join(readFile(handle, { announced })), { code: 'ERR_SFT_SOURCE_CHANGED' }, 'less than announced')
  await handle.close()
  await appendFile(path, 'x')
  await t.rejects(join(readFile(path, { announced })), { code: 'ERR_SFT_SOURCE_CHANGED' }, 'grown before the start')
  await writeFile(`${path}.new`, pattern(LARGE))
  await utimes(`${path}.new`, 1000, 1000)
  await t.rejects(join(readFile(`${path}.new`, { announced })), { code: 'ERR_SFT_SOURCE_CHANGED' }, 'another inode')
})
