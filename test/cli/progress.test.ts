import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Shell, shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { seeded } from '../fixtures/seeded.ts'
import { proxy, stallAt } from '../fixtures/wire.ts'

/** What a person sees of a transfer while it goes on, and how long it may. */

const MIB = 1024 * 1024
const BAR = /\r\[#+-+\] 1\d\.\d MiB of 24\.0 MiB, [4-7]\d %, /
const organisation = await makeOrganisation()
const directory = t.testdir({ alice: {}, bob: { served: {} } })
const shellFor = async (name: string): Promise<Shell> =>
  shellOf(t, join(directory, name), await organisation.issue(name))
const [alice, bob] = await Promise.all([shellFor('alice'), shellFor('bob')])
await writeFile(join(bob.directory, 'served/file'), seeded(3).bytes(24 * MIB))
await writeFile(join(alice.directory, 'piece'), seeded(4).bytes(MIB))
const server = await bob.listen(['serve', 'served', '--listen', '127.0.0.1:0'], { timeout: 170_000 })
const direct = `bob@${server.address}`

/** A way to the peer on which nothing moves any more after 16 MiB. */
async function stalled(t: Test) {
  const target = { host: '127.0.0.1', port: Number(server.address.split(':').at(-1)) }
  const { port, counts } = await proxy(t, target, () => ({ down: stallAt(16 * MIB) }))
  return { peer: `bob@127.0.0.1:${port}`, counts }
}

t.test('a terminal has a line that is gone at the end; --timeout gives up', async t => {
  const { peer } = await stalled(t)
  const seen = await alice.terminal(`COLUMNS=120 sft get ${peer} file -o late --timeout 4s`)
  const { code, stdout } = await seen.ended
  const screen = stdout.toString()
  t.equal(code, 30, screen)
  t.match(screen, BAR)
  t.match(screen, /, bound by \w+/, 'which stage bounds it')
  t.match(screen, / MiB, 6\d %, 0 B\/s\x1b\[K/, 'and that nothing moves')
  t.match(screen, /\r\x1b\[Ksft: not done within the 4 s of --timeout \[ERR_SFT_TIMEOUT\]/)
  t.match(screen, `sft: to go on where it ended: sft get ${peer} file -o late --timeout 4s`)
  const narrow = await alice.terminal(`COLUMNS=30 sft get ${peer} file -o narrow --timeout 2s`)
  const lines = (await narrow.ended).stdout
    .toString()
    .split('\r')
    .map(line => line.replace('\x1b[K', ''))
    .filter(line => /^\d.* MiB/.test(line))
  t.ok(lines.length > 0 && lines.every(line => line.length <= 29 && /%$/.test(line)), 'no wider than the terminal')
  t.match(await alice.run(['get', direct, 'file', '-o', 'late']), { code: 0, stderr: /resumed at/ })
})

t.test('a stream without a known size, and a pipe into a file', async t => {
  const slow = '(cat piece; sleep 1; cat piece; sleep 1) | sft send -o piece.sft'
  const { code, stdout } = await (await alice.terminal(slow)).ended
  t.match({ code, screen: stdout.toString() }, { code: 0, screen: /\r2\.0 MiB, \S+ [KM]iB\/s, bound by read/ })
})

t.test('there is no line where nobody looks, or wants one', async t => {
  const { peer } = await stalled(t)
  const ways = [
    `sft get ${peer} file -o q --timeout 2s -q`,
    ...['TERM=dumb', 'CI=true'].map(variable => `${variable} sft get ${peer} file -o ${variable} --timeout 2s`)
  ]
  for (const way of ways) {
    const { code, stdout } = await (await alice.terminal(way)).ended
    t.equal(code, 30, way)
    t.notMatch(stdout.toString(), /\[#/)
  }
  const plain = await alice.run(['get', peer, 'file', '-o', 'e', '--timeout', '2s'])
  t.match(plain, { code: 30, stderr: /^sft: not done within/ }, 'no terminal')
  const quiet = await alice.run(['get', direct, 'file', '-o', 'f', '--quiet'])
  t.match(quiet, { code: 0, stderr: /^$/ }, 'nor a word of what went well')
})

t.test('SIGUSR1 prints a line, terminal or not', async t => {
  const { peer, counts } = await stalled(t)
  const running = alice.begin(['get', peer, 'file', '-o', 'asked'])
  while (counts.down < 12 * MIB) await delay(20)
  running.kill('SIGUSR1')
  await running.until(({ stderr }) => /^sft: file: \S+ \S*B of 24\.0 MiB, \d+ %, .*\n$/.test(stderr))
  running.kill('SIGINT')
  t.match(await running.ended, { code: 130, stderr: /to go on where it ended/ })
  const sending = alice.begin(['send'])
  sending.child.stdin?.write(seeded(5).bytes(MIB))
  await sending.until(({ stdout }) => stdout.byteLength > 0)
  sending.kill('SIGUSR1')
  await sending.until(({ stderr }) => /^sft: a stream: \S+ [KM]?i?B, .*\n$/.test(stderr))
  sending.child.stdin?.end()
  t.match(await sending.ended, { code: 0 })
})

t.test('who listens sees what comes in, one or several; the line makes way for what is said', async t => {
  await mkdir(join(bob.directory, 'inbox'))
  const line = 'COLUMNS=120 sft recv --listen 127.0.0.1:0 -o inbox --from alice --force'
  const seen = await bob.terminal(line, { timeout: 170_000 })
  await seen.until(({ stdout }) => /listening on \S+\r\n/.test(String(stdout)))
  const [, address = ''] = /listening on (\S+)\r\n/.exec(String(seen.stdout)) ?? []
  const send = (name: string) =>
    alice.run(['send', 'piece', `bob@${address}`, '--name', name, '--bwlimit', '500K', '-q'])
  t.match(await send('one'), { code: 0, stderr: /^$/ })
  await seen.until(({ stdout }) => String(stdout).includes('received from alice: one, 1.0 MiB, durable\r\n'))
  const screen = String(seen.stdout)
  t.match(screen, /\rone from alice: \d+\.\d KiB of 1\.0 MiB, \d+ %, \S+ KiB\/s, 0:0\d left/)
  t.match(screen, /\r\x1b\[Ksft: received from alice: one/, 'the line is gone by then')
  await Promise.all([send('two'), send('three')])
  await seen.until(({ stdout }) =>
    /received from alice: (two|three),[\s\S]*received from alice: (two|three),/.test(String(stdout))
  )
  t.match(String(seen.stdout), /\r2 transfers: \d+\.\d [KM]iB of 2\.0 MiB, \d+ %, \S+ [KM]iB\/s/)
  seen.destroy()
})

t.test('who listens answers SIGUSR1, and -q says nothing of what went well', async t => {
  const quiet = await bob.listen(['serve', 'served', '--listen', '127.0.0.1:0', '-q'], { timeout: 170_000 })
  quiet.kill('SIGUSR1')
  await quiet.until(({ stderr }) => stderr.includes('sft: nothing is under way\n'))
  const getting = alice.begin(['get', `bob@${quiet.address}`, 'file', '-o', 'slow', '--bwlimit', '2M'])
  while (!/file to alice: \S+ \S*B of 24\.0 MiB, \d+ %/.test(quiet.stderr)) {
    quiet.kill('SIGUSR1')
    await delay(200)
  }
  getting.kill('SIGINT')
  await getting.ended
  t.match(await alice.run(['get', `bob@${quiet.address}`, 'file', '-o', 'quick']), { code: 0 })
  quiet.kill('SIGTERM')
  t.notMatch((await quiet.ended).stderr, /sent to/)
})

t.test('--timeout of what ends by itself only', async t => {
  const args = ['recv', '--listen', '127.0.0.1:0', '-o', '.', '--timeout', '5s']
  t.match(await alice.run(args), { code: 2, stderr: /--timeout belongs to one transfer/ })
  t.match(await alice.run(['recv', '--listen', '127.0.0.1:0', '-o', '.', '--once', '--timeout', '1s']), { code: 30 })
  t.match(await alice.run(['get', direct, 'file', '--timeout', 'soon']), { code: 2 })
})
