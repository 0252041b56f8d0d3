import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { lastLine, Programs } from '../../../src/proof/run/programs.ts'

const options = { cwd: t.testdir({}), env: { PATH: process.env.PATH ?? '' }, deadline: 60_000 }
const sh = (text: string): string[] => ['sh', '-c', text]
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

t.test('how a program ends, and what it said', async t => {
  await using programs = new Programs()
  const ended = await programs.start(sh('echo out; echo one >&2; echo two >&2; exit 7'), options).ended
  t.match(ended, { exit: 7, stdout: 'out\n', stderr: 'one\ntwo\n' })
  t.equal(lastLine(ended), 'two')
  t.match(await programs.start(sh('kill -TERM $$'), options).ended, { exit: 143 })
  const reader = programs.start(sh('cat; exit 3'), options)
  reader.input.end('given')
  t.match(await reader.ended, { exit: 3, stdout: 'given' })
  await t.rejects(programs.start(['no-such-program'], options).ended, { code: 'ENOENT' })
})

t.test('input that nobody reads is no fault', async t => {
  await using programs = new Programs()
  const program = programs.start(sh('exec <&-; exit 0'), options)
  program.input.end(Buffer.alloc(1_000_000))
  t.match(await program.ended, { exit: 0 })
})

t.test('data is left to the caller', async t => {
  await using programs = new Programs()
  const program = programs.start(sh('printf data; echo said >&2'), { ...options, data: true })
  t.same(Buffer.concat(await program.output.toArray()), Buffer.from('data'))
  t.match(await program.ended, { stdout: '', stderr: 'said\n' })
})

t.test('a deadline', async t => {
  await using programs = new Programs()
  await t.rejects(programs.start(sh('sleep 60; sleep 60'), { ...options, deadline: 50 }).ended, {
    code: 'ERR_SFT_TIMEOUT'
  })
})

t.test('waits for what a program says', async t => {
  await using programs = new Programs()
  const program = programs.start(sh('echo begin; sleep 0.2; echo port 17 >&2; exec sleep 60'), options)
  t.equal(await program.said(({ stderr }) => /port (\d+)/.exec(stderr)?.[1], 30_000), '17')
  await t.rejects(
    program.said(({ stdout }) => /never/.exec(stdout), 50),
    { code: 'ERR_SFT_TIMEOUT' }
  )
  t.match(await program.stop(), { exit: 143 })
  const brief = programs.start(sh('echo why >&2'), options)
  await t.rejects(
    brief.said(({ stdout }) => /never/.exec(stdout), 30_000),
    { code: 'ERR_SFT_CONNECTION_LOST', message: /why/ }
  )
})

t.test('none outlives whoever started it, nor an interruption', async t => {
  const pids: number[] = []
  const begin = async (programs: Programs): Promise<void> => {
    const program = programs.start(sh('echo $$; trap "" TERM; exec sleep 60'), options)
    pids.push(Number(await program.said(({ stdout }) => /^(\d+)\n/.exec(stdout)?.[1], 30_000)))
  }
  const controller = new AbortController()
  {
    await using programs = new Programs()
    await begin(programs)
    await using interrupted = new Programs(controller.signal)
    await begin(interrupted)
    controller.abort(new Error('interrupted'))
    while (isAlive(pids[1] as number)) await delay(20)
    t.throws(() => interrupted.start(['true'], options), { message: 'interrupted' })
    t.ok(isAlive(pids[0] as number))
  }
  t.same(pids.map(isAlive), [false, false])
})
