import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { compile } from '../../src/workers/native/build.ts'
import { nativeOrComment } from '../fixtures/native.ts'
import { seeded } from '../fixtures/seeded.ts'

/**
 * The addon under AddressSanitizer and UndefinedBehaviorSanitizer: thousands of calls with `SFT_TEST_LONG=1`, otherwise a few, so that this file
 * cannot rot. Leaks are not looked for: Node leaves its own.
 */

const WORKOUT = fileURLToPath(new URL('../fixtures/native-workout.ts', import.meta.url))
const SANITIZE = ['-O1', '-g', '-fno-omit-frame-pointer', '-fsanitize=address,undefined', '-fno-sanitize-recover=all']
const long = process.env.SFT_TEST_LONG === '1'
const { seed } = seeded()

/** The sanitizer's runtime, which has to be loaded before Node; `undefined` where the compiler brings none. */
function runtime(): string | undefined {
  const [compiler = 'cc'] = (process.env.CC || 'cc').split(' ')
  const path = execFileSync(compiler, ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim()
  return existsSync(path) ? path : undefined
}

t.test('no bad access and no undefined behaviour, whatever it is called with', { timeout: 3_600_000 }, async t => {
  const preload = nativeOrComment(t) && runtime()
  if (!preload) {
    t.comment('no sanitizer here')
    return
  }
  const file = join(t.testdir(), 'aead.node')
  await compile(file, SANITIZE)
  const runs = long ? 10_000 : 100
  t.comment(`${runs} runs of each kind in each of three threads, SFT_SEED=${seed}`)
  const env = { PATH: process.env.PATH, LD_PRELOAD: preload, ASAN_OPTIONS: 'detect_leaks=0' }
  const args = [WORKOUT, file, String(runs), String(seed)]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' })
  t.same([status, stdout, stderr], [0, 'nothing found\n', ''])
})
