import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { ADDON, loadFrom } from '../../../src/workers/native/addon.ts'
import { buildNative, compile } from '../../../src/workers/native/build.ts'
import { nativeOrComment } from '../../fixtures/native.ts'

const original = process.env.CC
t.afterEach(() => {
  if (original === undefined) delete process.env.CC
  else process.env.CC = original
})

t.test('without a compiler it says what is missing, and leaves nothing behind', async t => {
  const folder = dirname(fileURLToPath(ADDON))
  const before = existsSync(folder) ? readdirSync(folder).sort() : []
  process.env.CC = 'no-such-compiler'
  t.match(await buildNative(), { problem: 'there is no C compiler: no-such-compiler', hint: /CC/, disk: false })
  process.env.CC = 'false'
  t.match(await buildNative(), { problem: 'false failed: exit code 1', disk: false })
  process.env.CC = 'true'
  t.match(await buildNative(), { problem: /^the addon not built/, disk: false }, 'a compiler that makes nothing')
  t.same(readdirSync(folder).sort(), before)
})

t.test('what it compiles loads and passes its self-test', async t => {
  if (!nativeOrComment(t)) return
  const file = join(t.testdir(), 'aead.node')
  await compile(file)
  t.match(loadFrom(file), { aead: { seal: Function, open: Function } })
})

t.test('it builds into the place that is looked at, in one step', async t => {
  if (!nativeOrComment(t)) return
  t.same(await buildNative(), { file: fileURLToPath(ADDON) })
  t.same(
    readdirSync(dirname(fileURLToPath(ADDON))).filter(name => !name.endsWith('.node')),
    []
  )
})
