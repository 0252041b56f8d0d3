import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { Guard } from '../../../src/proof/run/guard.ts'
import { Programs } from '../../../src/proof/run/programs.ts'

const env = { PATH: process.env.PATH ?? '' }
const moduleOf = (name: string): string =>
  JSON.stringify(new URL(`../../../src/proof/run/${name}.ts`, import.meta.url).href)

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A directory to guard, with something in it. */
function guarded(): string {
  const path = join(t.testdir({}), 'guarded')
  mkdirSync(join(path, 'home'), { recursive: true })
  return path
}

t.test('whoever is killed leaves no program, none of its group, and no directory', async t => {
  const directory = guarded()
  // one that has ended, two that have not: the second with a child, which outlives it unless its group is meant
  const script = `
    import { Guard } from ${moduleOf('guard')}
    import { Programs } from ${moduleOf('programs')}
    const programs = new Programs(undefined, new Guard(${JSON.stringify(directory)}))
    const options = { cwd: '/', env: ${JSON.stringify(env)}, deadline: 60_000 }
    await programs.start(['true'], options).ended
    for (const line of ['echo $$; exec sleep 60', 'sleep 60 & echo $! $$; wait']) {
      const program = programs.start(['sh', '-c', line], options)
      console.log(await program.said(({ stdout }) => /^[\\d ]+\\n/.exec(stdout)?.[0], 30_000))
    }
    console.log('all')
    await new Promise(() => setInterval(() => {}, 1000))`
  const killed = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => killed.kill('SIGKILL'))
  let said = ''
  for await (const text of killed.stdout.setEncoding('utf8')) {
    said += text
    if (said.includes('all')) break
  }
  const pids = [...said.matchAll(/\d+/g)].map(([pid]) => Number(pid))
  t.equal(pids.length, 3)
  t.same(pids.map(isAlive), [true, true, true])
  t.ok(existsSync(directory))
  killed.kill('SIGKILL')
  await once(killed, 'close')
  for (let i = 0; i < 600 && (pids.some(isAlive) || existsSync(directory)); i++) await delay(50)
  t.same(pids.map(isAlive), [false, false, false])
  t.notOk(existsSync(directory))
})

t.test('disposed of, it ends nobody whose end it was told', async t => {
  const directory = guarded()
  const programs = new Programs()
  const options = { cwd: '/', env, deadline: 60_000 }
  const [told, untold] = [0, 1].map(() => programs.start(['sleep', '60'], options))
  {
    await using guard = new Guard(directory)
    for (const { pid = 0 } of [told, untold].flatMap(each => each ?? [])) guard.begun(pid)
    guard.ended(told?.pid ?? 0)
  }
  t.match(await untold?.ended, { exit: 137 })
  t.ok(isAlive(told?.pid ?? 0))
  t.notOk(existsSync(directory))
  await programs[Symbol.asyncDispose]()
})
