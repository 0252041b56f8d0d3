import { chmodSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { History } from '../../../src/bin/shell/history.ts'
import { newsTo } from '../../../src/bin/terminal.ts'

t.test('lines come back, the latest first and each once; what is private stays away', async t => {
  const directory = t.testdir({})
  const first = await History.open(directory)
  for (const line of ['a', 'b', 'a', ' blank', '', 'tab\tin it', 'x'.repeat(1025)]) first.add(line)
  first.add('msg bob secret', false)
  t.strictSame(first.lines, ['msg bob secret', 'a', 'b'])
  await first.written()
  const file = join(directory, 'shell-history')
  t.equal(readFileSync(file, 'utf8'), 'a\nb\na\n')
  t.equal(statSync(file).mode & 0o777, 0o600)
  chmodSync(file, 0o644)
  const [second, third] = [await History.open(directory), await History.open(directory)]
  t.equal(statSync(file).mode & 0o777, 0o600, 'nobody else reads it from now on')
  t.strictSame(second.lines, ['a', 'b'])
  second.add('of the second')
  third.add('of the third')
  await Promise.all([second.written(), third.written()])
  t.strictSame((await History.open(directory)).lines.toSorted(), ['a', 'b', 'of the second', 'of the third'])
})

t.test('a file that has grown too large keeps its last lines', async t => {
  const line = (index: number): string => `get bob:${String(index).padStart(300, '0')}`
  const directory = t.testdir({
    'shell-history': `${Array.from({ length: 2000 }, (_, index) => line(index)).join('\n')}\n`
  })
  const { lines } = await History.open(directory)
  t.equal(lines[0], line(1999))
  t.ok(lines.length > 800 && lines.length <= 1000, `${lines.length} lines`)
  t.ok(
    lines.every(each => each.length === line(0).length),
    'none that lost its beginning'
  )
  const kept = readFileSync(join(directory, 'shell-history'), 'utf8')
  t.ok(kept.length <= 256 * 1024)
  t.equal(kept, `${lines.toReversed().join('\n')}\n`)
  const again = await History.open(directory)
  t.strictSame(again.lines, lines)
})

t.test('control characters of somebody else do not come back', async t => {
  const directory = t.testdir({ 'shell-history': 'good\n\u001b[2Jbad\n cut\nlast' })
  t.strictSame((await History.open(directory)).lines, ['last', 'good'])
})

t.test('what is no file of its own is left alone, and that is said', async t => {
  const said: string[] = []
  t.teardown(newsTo(line => said.push(line)))
  const directory = t.testdir({ target: 'precious\n', linked: {}, folder: { 'shell-history': {} } })
  symlinkSync(join(directory, 'target'), join(directory, 'linked/shell-history'))
  for (const place of ['linked', 'folder']) {
    const history = await History.open(join(directory, place))
    t.strictSame(history.lines, [])
    history.add('line')
    await history.written()
  }
  t.equal(said.length, 4)
  for (const line of said) t.match(line, /^sft: the history is not kept: /)
  t.equal(readFileSync(join(directory, 'target'), 'utf8'), 'precious\n')
})
