import { type ChildProcess, fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isHeld, takeLock } from '../../../src/auth/identity/lock-file.ts'

/** No process has this number. */
const GONE = String(2 ** 22 + 1)
const take = (lock: string) => takeLock(lock, 'somebody has it')
const busy = { code: 'ERR_SFT_BUSY', message: 'somebody has it', hint: /names it/ }

t.test('one at a time; that of a process that is gone is taken over', async t => {
  const directory = t.testdir({})
  const lock = join(directory, 'lock')
  t.equal(await isHeld(lock), false)
  await take(lock)
  t.equal(readFileSync(lock, 'utf8'), String(process.pid))
  t.equal(await isHeld(lock), true)
  await t.rejects(take(lock), busy)
  writeFileSync(lock, GONE)
  t.equal(await isHeld(lock), false)
  await take(lock)
  t.equal(readFileSync(lock, 'utf8'), String(process.pid))
  t.same(readdirSync(directory), ['lock'])
  await t.rejects(take(join(directory, 'no/lock')), { code: 'ERR_SFT_FILE' })
})

t.test('one without a number is somebody who begins, for a moment', async t => {
  const directory = t.testdir({ lock: '' })
  const lock = join(directory, 'lock')
  await t.rejects(take(lock), busy)
  utimesSync(lock, new Date(0), new Date(0))
  await take(lock)
  t.equal(await isHeld(lock), true)
})

t.test('who is killed while it takes one over is in the way of nobody, who lives is', async t => {
  const directory = t.testdir({ lock: GONE })
  const lock = join(directory, 'lock')
  const { ino, mtimeNs } = statSync(lock, { bigint: true })
  const own = `${lock}.${createHash('sha256').update(`${ino} ${mtimeNs}`).digest('hex').slice(0, 8)}`
  writeFileSync(own, String(process.pid))
  await t.rejects(take(lock), { code: 'ERR_SFT_BUSY' })
  t.equal(readFileSync(lock, 'utf8'), GONE)
  writeFileSync(own, GONE)
  await take(lock)
  t.same(readdirSync(directory), ['lock'])
})

const CHILD = `
  import { takeLock } from ${JSON.stringify(new URL('../../../src/auth/identity/lock-file.ts', import.meta.url).href)}
  process.on('message', lock => takeLock(lock, '').then(() => process.send('has it'), ({ code }) => process.send(code)))
  process.send('ready')
`

t.test('of many processes that find the lock of one that is gone, one has it', async t => {
  const directory = t.testdir({ 'child.mjs': CHILD })
  const next = async (child: ChildProcess): Promise<unknown> => (await once(child, 'message'))[0]
  const env = { ...process.env, NODE_OPTIONS: '' }
  const children = Array.from({ length: 6 }, () => fork(join(directory, 'child.mjs'), { env }))
  t.teardown(() => children.map(child => child.kill('SIGKILL')))
  await Promise.all(children.map(next))
  for (let round = 0; round < 100; round++) {
    const lock = join(directory, `lock${round}`)
    writeFileSync(lock, GONE)
    const answers = Promise.all(children.map(next))
    for (const child of children) child.send(lock)
    const told = (await answers).sort()
    t.same(told, ['ERR_SFT_BUSY', 'ERR_SFT_BUSY', 'ERR_SFT_BUSY', 'ERR_SFT_BUSY', 'ERR_SFT_BUSY', 'has it'])
    t.ok(existsSync(lock))
  }
  t.equal(readdirSync(directory).length, 101, 'and nothing else is left')
})
