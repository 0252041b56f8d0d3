import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join as joinPath } from 'node:path'
import t from 'tap'
import { readDescriptor, writeDescriptor } from '../../src/streams/stdio.ts'
import { C, collect, cut, join, LENGTHS, pattern, print, STEPS } from '../fixtures/bytes.ts'
import { fifo } from '../fixtures/sockets.ts'

for (const len of LENGTHS) {
  for (const step of STEPS) {
    t.test(`pipe len=${len} step=${step}`, async t => {
      const { reader, writer } = fifo(t)
      const reading = join(readDescriptor(reader))
      t.same(await writeDescriptor(writer)(cut(pattern(len), step)), { bytes: len })
      t.equal(print(await reading), print(pattern(len)))
    })
  }
}

t.test('a file is read and written from where its descriptor stands', async t => {
  const path = joinPath(t.testdir({}), 'file')
  writeFileSync(path, 'head ')
  const out = openSync(path, 'a')
  t.same(await writeDescriptor(out)([Buffer.from('and tail')]), { bytes: 8 })
  closeSync(out)
  t.equal(readFileSync(path, 'utf8'), 'head and tail')
  const fd = openSync(path, 'r')
  t.equal((await join(readDescriptor(fd))).toString(), 'head and tail')
  closeSync(fd)
})

t.test('nobody reads any more: the output is closed', async t => {
  const { reader, writer } = fifo(t)
  const run = writeDescriptor(writer)(forever())
  const source = readDescriptor(reader)
  await source.next()
  await source.return()
  await t.rejects(run, { code: 'ERR_SFT_OUTPUT_CLOSED' })
})

t.test('a full device is a file fault', async t => {
  const fd = openSync('/dev/full', 'w')
  await t.rejects(writeDescriptor(fd)([pattern(1)]), { code: 'ERR_SFT_FILE', message: 'no space left on the disk' })
  closeSync(fd)
})

t.test('an abort lets go of an input that never comes', async t => {
  const { reader, writer } = fifo(t)
  const controller = new AbortController()
  const reason = new Error('enough')
  const next = readDescriptor(reader, { signal: controller.signal }).next()
  controller.abort(reason)
  t.equal(await next.catch((error: unknown) => error), reason)
  closeSync(writer)
})

t.test('an abort lets go of an output that nobody drains', async t => {
  const { reader, writer } = fifo(t)
  const controller = new AbortController()
  const reason = new Error('enough')
  const run = writeDescriptor(writer, { signal: controller.signal })(forever())
  await readDescriptor(reader).next()
  controller.abort(reason)
  t.equal(await run.catch((error: unknown) => error), reason)
})

t.test('an abort that came before anything started', async t => {
  const { reader, writer } = fifo(t)
  const signal = AbortSignal.abort(new Error('before'))
  await t.rejects(collect(readDescriptor(reader, { signal })), { message: 'before' })
  await t.rejects(writeDescriptor(writer, { signal })([pattern(1)]), { message: 'before' })
  closeSync(reader)
  closeSync(writer)
})

t.test('standard input and output of a process', async t => {
  const script = `
    import { readDescriptor, writeDescriptor } from ${JSON.stringify(new URL('../../src/streams/stdio.ts', import.meta.url).href)}
    await writeDescriptor(1)(readDescriptor(0))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  const out = join(child.stdout as Socket)
  child.stdin.end(pattern(10 * C + 1))
  t.equal(print(await out), print(pattern(10 * C + 1)))
  const [status] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode]
  t.equal(status, 0, 'and nothing keeps it alive')
})

function* forever(): Generator<Uint8Array> {
  for (;;) yield pattern(64 * 1024)
}
