import { once } from 'node:events'
import { readdirSync, symlinkSync, utimesSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { replacePrivate } from '../../src/auth/identity/private-file.ts'
import { collectLeftovers } from '../../src/transfer/gc.ts'

const DAY = 86_400_000
const ID = '0123456789ab'

/** A directory with files of some ages in days. */
function directoryOf(t: Test, files: Readonly<Record<string, number>>): string {
  const directory = t.testdir({ below: {} })
  for (const [name, days] of Object.entries(files)) {
    const path = join(directory, name)
    writeFileSync(path, name.endsWith('.lock') ? '999999999' : 'bytes')
    const then = new Date(Date.now() - days * DAY)
    utimesSync(path, then, then)
  }
  return directory
}

t.test('removes what is old, with its journal and the lock of a process that is gone', async t => {
  const directory = directoryOf(t, {
    [`.old.${ID}.part`]: 8,
    [`.old.${ID}.part.journal`]: 8,
    [`.old.${ID}.part.lock`]: 8,
    [`.old.${ID}.part.lock.0123abcd`]: 8,
    [`.alone.${ID}.part.journal`]: 9,
    [`.marked.${ID}.part.done`]: 8,
    [`.young.${ID}.part`]: 6,
    [`.grown.${ID}.part`]: 1,
    [`.grown.${ID}.part.journal`]: 30,
    [`.other.${ID}.part.txt`]: 99,
    '.other.part': 99,
    [`other.${ID}.part`]: 99
  })
  writeFileSync(join(directory, 'below', `.old.${ID}.part`), '')
  const wanted = [
    { path: join(directory, `.alone.${ID}.part`), bytes: 5 },
    { path: join(directory, `.marked.${ID}.part`), bytes: 5 },
    { path: join(directory, `.old.${ID}.part`), bytes: 24 }
  ]
  const all = readdirSync(directory)
  t.same(await collectLeftovers(directory, { dryRun: true }), wanted)
  t.same(readdirSync(directory), all, 'a dry run touches nothing')
  t.same(await collectLeftovers(directory), wanted)
  t.same(
    readdirSync(directory),
    all.filter(name => !/^\.(old|alone|marked)/.test(name))
  )
  t.same((await collectLeftovers(directory, { olderThan: 5 * DAY })).length, 1)
  t.same(readdirSync(join(directory, 'below')).length, 1, 'not what is below')
})

t.test('removes a mark whose writing a kill cut short', async t => {
  const directory = t.testdir({})
  const watcher = watch(directory)
  const first = once(watcher, 'change')
  await replacePrivate(join(directory, `.marked.${ID}.part.done`), 'mark')
  const [, unfinished] = await first
  watcher.close()
  t.not(unfinished, `.marked.${ID}.part.done`, 'what is written first has a name of its own')
  const then = new Date(Date.now() - 8 * DAY)
  for (const name of [unfinished, `.marked.${ID}.part.done`]) {
    writeFileSync(join(directory, name), 'mark')
    utimesSync(join(directory, name), then, then)
  }
  t.same(await collectLeftovers(directory), [{ path: join(directory, `.marked.${ID}.part`), bytes: 8 }])
  t.same(readdirSync(directory), [])
})

t.test('leaves alone what a process is at', async t => {
  const directory = directoryOf(t, { [`.busy.${ID}.part`]: 8, [`.busy.${ID}.part.lock`]: 8 })
  const lock = join(directory, `.busy.${ID}.part.lock`)
  writeFileSync(lock, String(process.pid))
  const then = new Date(Date.now() - 8 * DAY)
  utimesSync(lock, then, then)
  t.same(await collectLeftovers(directory), [])
  t.equal(readdirSync(directory).length, 3)
})

t.test('a link is removed, and not what it leads to', async t => {
  const directory = directoryOf(t, { target: 8 })
  symlinkSync('target', join(directory, `.link.${ID}.part`))
  t.same(await collectLeftovers(directory), [], 'it is new itself')
  t.ok(readdirSync(directory).includes('target'))
})

t.test('usage', async t => {
  await t.rejects(collectLeftovers(join(t.testdir(), 'none')), { code: 'ERR_SFT_NOT_FOUND' })
  await t.rejects(collectLeftovers(t.testdir(), { olderThan: 1000 }), { code: 'ERR_SFT_USAGE' })
})
