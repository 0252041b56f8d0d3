import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { LOCK } from '../../../src/proof/run/left-behind.ts'
import { Temporary } from '../../../src/proof/run/temporary.ts'

t.test('for its owner alone, and gone at the end with all that is in it', async t => {
  let path: string
  {
    await using temporary = await Temporary.make()
    path = temporary.path
    t.equal(statSync(path).mode & 0o777, 0o700)
    t.equal(readFileSync(join(path, LOCK), 'utf8'), `${process.pid}`)
    writeFileSync(join(path, 'secret'), 'secret')
  }
  t.notOk(existsSync(path))
})

t.test('gone as well when the process ends before that', t => {
  const module = new URL('../../../src/proof/run/temporary.ts', import.meta.url).href
  for (const end of ['process.exit(3)', 'throw new Error("a fault")']) {
    const script = `import { Temporary } from ${JSON.stringify(module)}; console.log((await Temporary.make()).path); ${end}`
    const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    t.match(stdout, /sft-proof-/)
    t.not(status, 0)
    t.notOk(existsSync(stdout.trim()))
  }
  t.end()
})

t.test('no place for it', async t => {
  const { TMPDIR } = process.env
  process.env.TMPDIR = join(t.testdir({}), 'missing')
  t.teardown(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
  })
  await t.rejects(Temporary.make(), { code: 'ERR_SFT_FILE', hint: /TMPDIR/ })
})
