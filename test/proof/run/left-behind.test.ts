import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { LOCK, PREFIX, removeLeftBehind } from '../../../src/proof/run/left-behind.ts'

const HOURS = 2 * 3600

t.test('what dead runs have left is removed, and nothing else', async t => {
  const parent = t.testdir({})
  const { pid: dead } = spawnSync('true')
  const make = (name: string, pid: number | undefined, ago: number): void => {
    const path = join(parent, name)
    mkdirSync(join(path, 'home'), { recursive: true })
    if (pid !== undefined) writeFileSync(join(path, LOCK), String(pid))
    const at = Date.now() / 1000 - ago
    utimesSync(path, at, at)
  }
  make(`${PREFIX}dead`, dead, HOURS)
  make(`${PREFIX}unlocked`, undefined, HOURS)
  make(`${PREFIX}alive`, process.pid, HOURS)
  make(`${PREFIX}young`, dead, 60)
  make('another-dead', dead, HOURS)
  writeFileSync(join(parent, `${PREFIX}file`), '')
  make('elsewhere', dead, HOURS)
  symlinkSync('elsewhere', join(parent, `${PREFIX}link`))
  await removeLeftBehind(parent)
  t.same(
    readdirSync(parent).sort(),
    ['another-dead', 'elsewhere', ...['alive', 'file', 'link', 'young'].map(name => PREFIX + name)].sort()
  )
  await removeLeftBehind(join(parent, 'missing'))
})
