import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { sha256 } from '../fixtures/bytes.ts'
import type { Finished, Running, RunOptions } from '../fixtures/command.ts'
import { writtenFaultsOf } from '../fixtures/events-schema.ts'
import { members } from '../fixtures/members.ts'
import { seeded } from '../fixtures/seeded.ts'

/** `sft batch` between processes (SPEC §8.10). A receiver that keeps both (`--rename`) counts what comes twice. */

const long = { timeout: 170_000 }
const ANY = ['--listen', '127.0.0.1:0']
const directory = t.testdir({
  alice: { dir: { a: 'a', 'b.tmp': 'b' } },
  bob: { inbox: {}, served: { sub: { q3: 'q3' } } }
})
const { shells } = await members(t, directory, ['alice', 'bob'])
const { alice, bob } = shells
const [inbox, served] = [join(bob.directory, 'inbox'), join(bob.directory, 'served')]
const serving = await bob.listen(['serve', served, ...ANY], long)
const receiving = await bob.listen(['recv', ...ANY, '-o', inbox, '--from', 'alice', '--rename'], long)
const random = seeded()
t.comment(`seed ${random.seed}`)

interface Result {
  readonly line: number
  readonly job: { readonly key: string }
  readonly status: string
  readonly before?: true
  readonly attempts: number
  readonly bytes?: number
  readonly error?: { readonly code: string; readonly exitCode: number }
}

const resultsIn = (output: Buffer | string): Result[] =>
  output
    .toString()
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))
const byLine = ({ stdout }: Finished): Result[] => resultsIn(stdout).sort((a, b) => a.line - b.line)
const here = (name: string): string => join(alice.directory, name)
const list = (name: string, jobs: readonly object[]): string => {
  writeFileSync(here(name), jobs.map(job => `${JSON.stringify(job)}\n`).join(''))
  return name
}
const batch = (name: string, ...more: string[]) => alice.run(['batch', name, ...more])
const begin = (args: string[], options: RunOptions = {}): Running => {
  const running = alice.begin(args, options)
  running.child.stdin?.end()
  return running
}
/** An address at which nobody is, for now. */
async function nobodyAt(): Promise<string> {
  const listening = await bob.listen(['recv', ...ANY, '-o', '-', '--no-announce'])
  listening.kill('SIGINT')
  await listening.ended
  return listening.address
}

t.test('sends and gets, by name and by address, files and directories, and never twice', async t => {
  writeFileSync(here('one'), 'one')
  const jobs = list('jobs', [
    { send: 'one', to: 'bob:' },
    { send: 'dir', to: `bob@${receiving.address}`, recursive: true, exclude: ['*.tmp'], name: 'photos', key: 'photos' },
    { get: 'sub/q3', from: 'bob', key: 'q3' },
    { get: 'sub', from: `bob@${serving.address}`, recursive: true, output: 'plans', streams: 2 }
  ])
  const first = await batch(jobs)
  t.match(first, { code: 0, stderr: /^sft: 4 done, 0 failed, \d+(\.\d)? \w+\n$/ })
  t.match(byLine(first), [
    { line: 1, status: 'done', attempts: 1, bytes: 3, resumedAt: 0, job: { send: here('one'), to: 'bob:' } },
    { line: 2, status: 'done', job: { key: 'photos' } },
    { line: 3, status: 'done', bytes: 2, job: { output: here('received_q3') } },
    { line: 4, status: 'done' }
  ])
  t.equal(readFileSync(join(inbox, 'one'), 'utf8'), 'one')
  t.same(readdirSync(join(inbox, 'photos')), ['a'])
  t.equal(readFileSync(here('received_q3'), 'utf8'), 'q3')
  t.same(readdirSync(here('plans')), ['q3'])
  const missing = await batch(list('missing', [{ get: 'nothing', from: 'bob:' }]))
  t.match(missing, { code: 23, stderr: /^sft: nothing from bob: the peer refused: not found/ }, 'one colon')
  const received = receiving.stderr
  const again = await batch(jobs, '--concurrency', '1')
  t.match(again, { code: 0, stderr: 'sft: 4 done (4 before), 0 failed, 0 B\n' })
  t.same(
    byLine(again).map(({ before, ...result }) => [before, result]),
    byLine(first).map(result => [true, result]),
    'the same results'
  )
  t.equal(receiving.stderr, received, 'the receiver has heard nothing')
})

t.test('M110: a list with faults begins nothing, and each has its line', async t => {
  const lines = [
    '{"send":"one","to":"bob:"}',
    '',
    '{"send":"one"}',
    'one',
    '{"send":"one","to":"bob:","fast":true}',
    '{"send":"one","to":"bob:"}',
    '{"send":"two","to":"bob:","key":"k"}',
    '{"send":"three","to":"bob:","key":"k"}',
    '{"send":"\xff","to":"bob:"}'
  ]
  writeFileSync(here('faulty'), Buffer.from(lines.join('\n'), 'latin1'))
  const { code, stderr, bytes } = await batch('faulty')
  t.same([code, bytes], [2, 0])
  t.equal(
    stderr,
    'sft: line 3: to is missing; line 4: that is no JSON; line 5: "fast" is no field of such a job; ' +
      'line 8: it has the key of line 7, which is another job; line 9: that is no UTF-8; hint: nothing was begun [ERR_SFT_USAGE]\n'
  )
  t.notOk(existsSync(here('faulty.spool')))
  writeFileSync(here('long'), `{"send":"one","to":"bob:"}\n{"send":"${'x'.repeat(2 ** 16)}"`)
  t.match(await batch('long'), { code: 12, stderr: /line 2 has more than 65536 bytes \[ERR_SFT_LIMIT\]/, bytes: 0 })
  t.match(await batch('nowhere'), { code: 3, stderr: /ERR_SFT_NOT_FOUND/ })
  t.match(await alice.run(['batch', '-'], { input: '' }), { code: 2, stderr: /hint: --spool DIR/ })
  t.match(await batch('jobs', '--concurrency', '65'), { code: 2, stderr: /1 to 64 jobs at once/ })
})

t.test('M111: some that fail are exit 23, and the same command tries those again', async t => {
  writeFileSync(here('two'), 'two')
  const jobs = list('some', [
    { send: 'two', to: 'bob:' },
    { send: 'later', to: 'bob:' },
    { get: 'no such', from: 'bob:' },
    { send: 'two', to: 'nobody:' }
  ])
  const first = await batch(jobs, '-o', 'results')
  t.match(first, {
    code: 23,
    bytes: 0,
    stderr: /\nsft: 1 done, 3 failed, 3 B\nsft: 3 of 4 jobs failed; hint: [^\n]+\n$/
  })
  t.match(first.stderr, /sft: \S+\/later to bob: .* \[ERR_SFT_NOT_FOUND\]\n/)
  const codes = ({ error }: Result) => error && [error.code, error.exitCode]
  const results = resultsIn(readFileSync(here('results'))).sort((a, b) => a.line - b.line)
  t.same(results.map(codes), [
    undefined,
    ['ERR_SFT_NOT_FOUND', 3],
    ['ERR_SFT_NOT_FOUND', 3],
    ['ERR_SFT_UNKNOWN_PEER', 2]
  ])
  for (const path of [here('later'), join(served, 'no such')]) writeFileSync(path, 'here now')
  const second = await batch(jobs, '-o', 'results')
  t.match(second, { code: 23, stderr: /\nsft: 3 done \(1 before\), 1 failed, 16 B\n/ })
  t.equal(resultsIn(readFileSync(here('results'))).length, 8, 'results are appended')
})

t.test('a receiver that comes late is tried again, where the directory says that it is then', async t => {
  const address = await nobodyAt()
  const jobs = list('late', [{ send: 'one', to: `bob@${address}`, name: 'late' }])
  const impatient = await batch(jobs, '--retry', '1')
  t.match(impatient, {
    code: 23,
    stderr: /^sft: \S+\/one to bob@\S+: .+ \[ERR_SFT_CONNECT\]; trying again in \d\.\d s\n/
  })
  t.match(resultsIn(impatient.stdout), [{ attempts: 2, error: { code: 'ERR_SFT_CONNECT' } }])
  const running = begin(['batch', jobs, '--retry', '30'])
  await running.until(({ stderr }) => stderr.includes('trying again'))
  const late = await bob.listen(['recv', '--listen', address, '-o', inbox, '--from', 'alice', '--no-announce'], long)
  const { code, stdout } = await running.ended
  t.equal(code, 0)
  t.ok((resultsIn(stdout)[0]?.attempts ?? 0) > 1)
  t.equal(readFileSync(join(inbox, 'late'), 'utf8'), 'one')
  late.kill('SIGINT')
})

t.test('M82: one process at a time has a spool', async t => {
  const jobs = list('busy', [{ send: 'one', to: `bob@${await nobodyAt()}` }])
  const running = begin(['batch', jobs, '--retry', '30'])
  await running.until(({ stderr }) => stderr.includes('trying again'))
  t.match(await batch(jobs), { code: 10, bytes: 0, stderr: /another process works on this spool.*ERR_SFT_BUSY/ })
  running.kill('SIGKILL')
  await running.ended
  t.match(await batch(jobs, '--retry', '0'), { code: 23 }, 'that of one that is gone is free')
})

t.test('an interruption leaves a spool that goes on, without what the list has no more', async t => {
  const address = await nobodyAt()
  writeFileSync(here('wrong'), 'wrong')
  const [one, two] = ['three', 'four'].map(name => {
    writeFileSync(here(name), name)
    return { send: name, to: 'bob:' }
  })
  const jobs = list('edited', [one as object, { send: 'wrong', to: `bob@${address}` }, two as object])
  const running = begin(['batch', jobs, '--retry', '30', '--concurrency', '3'])
  await running.until(({ stdout }) => resultsIn(stdout.subarray(0, stdout.lastIndexOf('\n') + 1)).length === 2)
  running.kill('SIGINT')
  t.match(await running.ended, {
    code: 130,
    stderr: /\nsft: 2 done, 0 failed, 9 B; the same command goes on with the other 1\nsft: interrupted by SIGINT\n$/
  })
  list('edited', [one as object, two as object])
  const again = await batch(jobs)
  t.match(again, { code: 0, stderr: 'sft: 2 done (2 before), 0 failed, 0 B\n' })
})

t.test('a terminal sees how far it is, SIGUSR1 asks, -q is silent', async t => {
  const to = `bob@${await nobodyAt()}`
  const jobs = list('seen', [
    { send: 'one', to: 'bob:', name: 'seen' },
    { send: 'one', to }
  ])
  const seen = await alice.terminal(`COLUMNS=120 sft batch ${jobs} --retry 4`)
  const { stdout } = await seen.ended
  const screen = stdout.toString()
  t.match(screen, /\r1 of 2 done, 0 failed, [01] under way, 3 B, 0 B\/s\x1b\[K/)
  t.match(screen, /"status":"done"[^\n]*\}\r\n/, 'beside the results')
  const running = begin(['batch', jobs, '--retry', '30'])
  await running.until(({ stderr }) => stderr.includes('trying again'))
  running.kill('SIGUSR1')
  await running.until(({ stderr }) =>
    /\nsft: 1 of 2 done \(1 before\), 0 failed, [01] under way, 0 B, 0 B\/s\n/.test(stderr)
  )
  running.kill('SIGTERM')
  t.match(await running.ended, { code: 143 })
  list('seen', [{ send: 'one', to: 'bob:', name: 'seen' }])
  t.match(await batch(jobs, '-q'), { code: 0, stderr: '' })
})

t.test('M101: a program reads what happens beside the results', async t => {
  const jobs = list('told', [
    { send: 'one', to: 'bob:', name: 'told' },
    { send: 'no such', to: 'bob:' }
  ])
  t.match(await batch(jobs, '--json'), { code: 2, bytes: 0, stderr: /hint: --json-fd 2/ })
  const { code, stdout } = await batch(jobs, '--json', '-o', 'told.results')
  t.equal(code, 23)
  const lines = stdout
    .toString()
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  t.same(lines.flatMap(writtenFaultsOf), [])
  t.same(
    lines
      .map(({ type }) => type)
      .filter(type => type !== 'progress')
      .sort(),
    ['begin', 'end', 'error', 'result', 'start']
  )
  t.match(lines.at(-1), { type: 'result', exitCode: 23, error: { code: 'ERR_SFT_PARTIAL' }, transfers: 1, bytes: 3 })
  t.equal(resultsIn(readFileSync(here('told.results'))).length, 2)
})

t.test('M82: whichever side is killed at any moment, each job is done once', { timeout: 170_000 }, async t => {
  const contents = new Map<string, string>()
  const content = (name: string): Uint8Array => {
    const bytes = random.bytes(1 + random.int(random.int(4) === 0 ? 6 * 2 ** 20 : 30_000))
    contents.set(name, sha256(bytes))
    return bytes
  }
  for (const place of [here('got'), join(bob.directory, 'taken')]) mkdirSync(place)
  const take = (listen: string) =>
    bob.listen(['recv', '--listen', listen, '-o', 'taken', '--from', 'alice', '--rename', '--no-announce'], long)
  let taking = await take('127.0.0.1:0')
  const jobs: object[] = []
  for (let each = 0; each < 24; each++) {
    writeFileSync(here(`sent${each}`), content(`sent${each}`))
    jobs.push({ send: `sent${each}`, to: `bob@${taking.address}` })
  }
  for (let each = 0; each < 12; each++) {
    writeFileSync(join(served, `got${each}`), content(`got${each}`))
    jobs.push({ get: `got${each}`, from: 'bob:', output: `got/got${each}`, rename: true })
  }
  const { kills, results } = await untilDone(t, list('killed', jobs), async () => {
    taking.kill('SIGKILL')
    await taking.ended
    taking = await take(taking.address)
  })
  t.comment(`${kills} kills`)
  t.ok(kills >= 3)
  t.equal(results.length, jobs.length)
  t.same([...new Set(results.map(({ status }) => status))], ['done'])
  const found = (place: string) =>
    readdirSync(place)
      .filter(each => !each.startsWith('.'))
      .map(each => [each, sha256(readFileSync(join(place, each)))])
  const both = [...found(join(bob.directory, 'taken')), ...found(here('got'))]
  t.same(both.sort(), [...contents].sort(), 'each file once, whole')
})

/** Runs a list, killing one side or both at random moments, until a run gets to its end. */
async function untilDone(
  t: Test,
  name: string,
  killPeer: () => Promise<void>
): Promise<{ kills: number; results: readonly Result[] }> {
  const fresh = ({ stdout }: Running): boolean =>
    /"status":"done"(?![^\n]*"before":true)[^\n]*\n/.test(stdout.toString())
  for (let kills = 0; ; kills++) {
    // slow enough that some is left when the kill comes
    const running = begin(['batch', name, '--retry', '20', '--bwlimit', '3M'])
    // one in three is killed wherever it is, which may be before it has begun
    if (random.int(3) === 0) await delay(random.int(500))
    else await Promise.race([running.until(fresh).catch(() => {}), running.ended])
    await delay(random.int(60))
    if (random.int(3) === 0) {
      await killPeer()
      await delay(random.int(300))
    }
    running.kill('SIGKILL')
    const { code, stdout, stderr } = await running.ended
    if (code === 0) return { kills, results: resultsIn(stdout) }
    t.equal(code, null, stderr)
    // as a power cut leaves it
    if (random.int(2) === 0) appendFileSync(here(`${name}.spool/journal`), '{"ended":"')
  }
}
