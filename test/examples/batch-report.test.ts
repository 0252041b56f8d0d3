import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { shellOf } from '../fixtures/command.ts'
import { example } from '../fixtures/example.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

/** `examples/batch-report.ts`, started as its users start it. */

const organisation = await makeOrganisation()
const directory = t.testdir({ alice: {}, bob: { inbox: {}, served: { q3: 'third quarter' } } })
const shellFor = async (name: string) => shellOf(t, join(directory, name), await organisation.issue(name))
const [alice, bob] = await Promise.all([shellFor('alice'), shellFor('bob')])
const inbox = join(bob.directory, 'inbox')
const long = { timeout: 170_000 }
const serving = await bob.listen(['serve', 'served', '--listen', '127.0.0.1:0'], long)
const receiving = await bob.listen(
  ['recv', '--listen', '127.0.0.1:0', '-o', inbox, '--from', 'alice', '--rename'],
  long
)
const [to, from] = [`bob@${receiving.address}`, `bob@${serving.address}`]
const file = (name: string): string => join(alice.directory, name)
const list = (jobs: readonly object[]): void =>
  writeFileSync(file('jobs'), jobs.map(job => `${JSON.stringify(job)}\n`).join(''))
const run = (...args: string[]) => alice.run(...example('batch-report.ts', args))
const cells = (report: string): string[][] =>
  report
    .trim()
    .split('\n')
    .map(line => line.split(/ {2,}/))

t.test('a list and its report, and what failed again', async t => {
  mkdirSync(file('out'))
  for (let each = 0; each < 8; each++) writeFileSync(file(`out/${each}`), `file ${each}`)
  const sends = Array.from({ length: 8 }, (_, each) => ({ send: `out/${each}`, to }))
  list([...sends, { get: 'q3', from }, { send: 'out/late', to }])
  const first = await run('jobs', 'report')
  t.match(first, { code: 23, bytes: 0, stderr: /\n9 done, 1 failed\n$/ })
  t.match(first.stderr, /^1 of 10: \S+ (to|from) bob@/)
  const rows = cells(readFileSync(file('report'), 'utf8'))
  t.same(rows[0], ['peer', 'done', 'before', 'failed', 'bytes'])
  t.same(
    rows.slice(1, 3).sort(),
    [
      [from, '1', '0', '0', '13'],
      [to, '8', '0', '1', '48']
    ].sort()
  )
  t.match(rows.at(-1), [/out\/late to bob@\S+: .* \[ERR_SFT_NOT_FOUND\], 1 attempts/])
  t.same(readdirSync(inbox).sort(), [...'01234567'])
  t.equal(readFileSync(file('received_q3'), 'utf8'), 'third quarter')
  writeFileSync(file('out/late'), 'here now')
  t.match(await run('jobs', 'report'), { code: 0, stderr: /\n10 done, 0 failed\n$/ })
  const again = cells(readFileSync(file('report'), 'utf8')).find(([peer]) => peer === to)
  t.same(again, [to, '9', '8', '0', '56'])
  t.same(readdirSync(inbox).sort(), [...'01234567', 'late'], 'nothing came twice')
})

t.test('what it can not do, and Ctrl-C', async t => {
  t.match(await run('jobs'), { code: 2, stderr: /^usage: / })
  t.match(await run('nowhere', 'report'), { code: 3, stderr: /\[ERR_SFT_NOT_FOUND\]\n$/ })
  list([{ send: 'out/1', to: 'bob@127.0.0.1:1' }])
  const running = alice.begin(...example('batch-report.ts', ['jobs', 'report']))
  await running.until(({ stderr }) => /^bob@127\.0\.0\.1:1: .*; again in \d+ ms\n/.test(stderr))
  running.kill('SIGINT')
  t.equal((await running.ended).code, 130)
})
