import { execFileSync, spawn } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { LineOutput } from '../../src/bin/line-output.ts'

/** M103: whoever reads neither ends nor holds up who writes. */

const directory = t.testdir()

/** A pipe with a name, open for writing; nobody reads it yet. */
function pipe(name: string): { path: string; fd: number } {
  const path = join(directory, name)
  execFileSync('mkfifo', [path])
  // what is written stays there when the writer has closed its own
  const kept = openSync(path, 'r+')
  t.teardown(() => closeSync(kept))
  return { path, fd: openSync(path, 'r+') }
}

function read(path: string, lines: number): Promise<string> {
  return text(spawn('head', ['-n', String(lines), path]).stdout)
}

t.test('a slow reader misses what is too much, and never the last line', async t => {
  const { path, fd } = pipe('slow')
  const output = new LineOutput(fd)
  const line = `${'x'.repeat(1023)}\n`
  let kept = 0
  while (output.write(line)) kept++
  t.ok(kept >= 1024 && kept < 4096, `${kept} KiB wait for the reader`)
  t.notOk(output.write(line))
  t.equal(output.dropped, 2)
  const ended = output.end('last\n')
  const [found] = await Promise.all([read(path, kept + 1), ended])
  t.ok(found === `${line.repeat(kept)}last\n`)
})

t.test('of what has a key only the newest waits', async t => {
  const { path, fd } = pipe('keys')
  const output = new LineOutput(fd)
  const said = [['a'], ['b1', 'b'], ['b2', 'b'], ['c1', 'c'], ['b3', 'b'], ['d']]
  for (const [line, key] of said) output.write(`${line}\n`, key)
  await output.end('last\n')
  t.equal(await read(path, 5), 'a\nc1\nb3\nd\nlast\n')
})

t.test('a reader who has left, or never reads', async t => {
  const path = join(directory, 'left')
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const output = new LineOutput(openSync(path, 'w'))
  closeSync(reader)
  output.write('x\n')
  await t.rejects(output.written(), { code: 'EPIPE' })
  t.notOk(output.write('y\n'))
  await output.end('last\n')
  const unread = new LineOutput(pipe('unread').fd)
  while (unread.write('x'.repeat(4096)));
  await unread.end('last\n')
})

t.test('a file, and what is none', async t => {
  const path = join(directory, 'file')
  const fd = openSync(path, 'w')
  const output = new LineOutput(fd)
  output.write('a\n')
  await output.written()
  await output.end('b\n')
  t.equal(readFileSync(path, 'utf8'), 'a\nb\n')
  closeSync(fd)
  t.throws(() => new LineOutput(fd), { code: 'EBADF' })
  const reading = openSync(path, 'r')
  t.throws(() => new LineOutput(reading), { code: 'EBADF' })
  closeSync(reading)
})
