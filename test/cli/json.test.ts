import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Shell, shellOf } from '../fixtures/command.ts'
import { writtenFaultsOf } from '../fixtures/events-schema.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { seeded } from '../fixtures/seeded.ts'
import { proxy, stallAt } from '../fixtures/wire.ts'

/** What a program reads of a command (SPEC §8.9). */

const MIB = 1024 * 1024
const organisation = await makeOrganisation()
const directory = t.testdir({ alice: {}, bob: { served: {}, inbox: {} } })
const shellFor = async (name: string): Promise<Shell> =>
  shellOf(t, join(directory, name), await organisation.issue(name))
const [alice, bob] = await Promise.all([shellFor('alice'), shellFor('bob')])
const bytes = seeded(1).bytes(2 * MIB)
await writeFile(join(alice.directory, 'file'), bytes)
await writeFile(join(bob.directory, 'served/file'), seeded(2).bytes(24 * MIB))
const listening = ['--listen', '127.0.0.1:0', '--json']
const server = await bob.listen(['serve', 'served', ...listening], { timeout: 170_000 })
const inbox = await bob.listen(['recv', '-o', 'inbox', '--from', 'alice', ...listening], { timeout: 170_000 })
const toInbox = `bob@${inbox.address}`

interface Line {
  readonly type: string
  readonly [member: string]: unknown
}

/** The lines, each of which the schema knows, between a first and a last one. */
function linesOf(t: Test, text: Buffer | string, code: number | null): Line[] {
  const lines = text
    .toString()
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Line)
  t.same(lines.flatMap(writtenFaultsOf), [])
  t.match(lines[0], { type: 'begin', schema: 'sft.events/1' })
  t.match(lines.at(-1), { type: 'result', exitCode: code })
  t.equal(lines.filter(({ type }) => type === 'begin' || type === 'result').length, 2)
  return lines
}

const typesOf = (lines: readonly Line[]): string[] =>
  lines.map(({ type }) => type).filter((type, index, all) => type !== 'progress' || all[index - 1] !== 'progress')

t.test('M101: a transfer, from both sides; standard error is for people, and has no line of progress', async t => {
  const sent = await alice.run(['send', 'file', toInbox, '--json'])
  t.match(sent, { code: 0, stderr: /^sft: sent to \S+: file, 2\.0 MiB, durable\n$/ })
  const lines = linesOf(t, sent.stdout, 0)
  t.same(typesOf(lines), ['begin', 'start', 'progress', 'end', 'result'])
  const transfer = { direction: 'sent', peer: 'bob', name: 'file', bytes: 2 * MIB, kind: 'durable' }
  t.match(lines.at(-1), { transfer, transfers: 1, failed: 0, bytes: 2 * MIB })
  const got = await alice.run(['get', `bob@${server.address}`, 'file', '--json'])
  t.match(linesOf(t, got.stdout, 0).at(-1), { transfer: { direction: 'received', bytes: 24 * MIB } })
  const seen = await (await alice.terminal(`sft get bob@${server.address} file -o f --json > seen.json`)).ended
  t.notMatch(seen.stdout.toString(), '\x1b')
  t.ok(linesOf(t, await readFile(join(alice.directory, 'seen.json')), 0).length >= 5)
})

t.test('M101: a failure is an event and the result, with what to do next', async t => {
  const unreached = await alice.run(['send', 'file', 'bob@127.0.0.1:1', '--json', '--retry', '1'])
  const lines = linesOf(t, unreached.stdout, 10)
  t.same(typesOf(lines), ['begin', 'start', 'retry', 'error', 'result'])
  const error = { code: 'ERR_SFT_CONNECT', hint: 'is the other side running?', retryable: true, exitCode: 10 }
  t.match(lines.slice(-2), [{ error }, { error, failed: 1 }])
  const target = { host: '127.0.0.1', port: Number(server.address.split(':').at(-1)) }
  const { port } = await proxy(t, target, () => ({ down: stallAt(16 * MIB) }))
  const late = await alice.run(['get', `bob@127.0.0.1:${port}`, 'file', '-o', 'late', '--json', '--timeout', '3s'])
  const advice = /^to go on where it ended: sft get \S+ file -o late/
  t.match(linesOf(t, late.stdout, 30).at(-1), { error: { code: 'ERR_SFT_TIMEOUT' }, advice })
  const resumed = await alice.run(['get', `bob@${server.address}`, 'file', '-o', 'late', '--json'])
  t.ok(typesOf(linesOf(t, resumed.stdout, 0)).includes('resumed'))
  const nobody = await alice.run(['send', 'file', 'carol:', '--json'])
  t.equal(linesOf(t, nobody.stdout, nobody.code).length, 2, 'also what ends before any transfer')
})

t.test('M101: never where the data is', async t => {
  const refused = { code: 2, bytes: 0, stderr: /standard output carries the data.*; hint: --json-fd 2.*ERR_SFT_USAGE/ }
  t.match(await alice.run(['send', 'file', '--json']), refused)
  t.match(await alice.run(['send', 'file', '-o', '-', '--json-fd', '1']), refused)
  t.match(await alice.run(['send', 'file', toInbox, '--receipt', '-', '--json']), refused)
  t.match(await alice.run(['get', toInbox, 'file', '-o', '-', '--json']), refused)
  t.match(await alice.run(['recv', 'file', '--json']), refused)
  t.match(await alice.run(['recv', '--listen', '127.0.0.1:0', '-o', '-', '--json']), refused)
  const sealed = await alice.run(['send', 'file', '--json-fd', '2'])
  t.match(linesOf(t, sealed.stderr, 0).at(-1), { bytes: 2 * MIB })
  const opened = await alice.run(['recv', '--json-fd', '2'], { input: sealed.stdout })
  t.ok(opened.stdout.equals(bytes))
  const lines = linesOf(t, opened.stderr, 0)
  t.match(
    lines.find(({ type }) => type === 'note'),
    { text: /^from alice \(/ },
    'what a person would read there'
  )
})

t.test('a descriptor that is inherited, and one that is not', async t => {
  const path = join(directory, 'events')
  const file = openSync(path, 'w')
  const sealed = await alice.run(['send', 'file', '--json-fd', '3'], { extra: [file] })
  closeSync(file)
  t.match(sealed, { code: 0, stderr: '' })
  t.same(typesOf(linesOf(t, await readFile(path), 0)), ['begin', 'start', 'progress', 'end', 'result'])
  const stderr = /descriptor \d+ is not open for writing/
  t.match(await alice.run(['send', 'file', '--json-fd', '9']), { code: 2, bytes: 0, stderr })
  const reading = openSync(path, 'r')
  t.match(await alice.run(['send', 'file', '--json-fd', '3'], { extra: [reading] }), { code: 2, bytes: 0, stderr })
  closeSync(reading)
  t.match(await alice.run(['send', 'file', '--json-fd', 'x']), { code: 2, stderr: /whole number/ })
})

t.test('M103: a reader who leaves, or never reads, changes nothing of the transfer', async t => {
  const left = await alice.bash(`sft get bob@${server.address} file -o left --json | head -1; exit \${PIPESTATUS[0]}`)
  t.match(left, { code: 0, stderr: /received from/ })
  t.match(JSON.parse(left.stdout.toString()), { type: 'begin' })
  const many = join(alice.directory, 'many')
  await mkdir(many)
  for (let index = 0; index < 12_000; index++) await symlink('/', join(many, `link${index}`))
  const unread = alice.begin(['send', '-r', 'many', toInbox, '--json', '-q'], { unread: true })
  const { code, signal } = await unread.ended
  t.same([code, signal], [23, null])
  const text = inbox.stdout.toString().split('\n')
  t.match(
    text.filter(line => line.includes('"name":"many"')).at(-1),
    /"type":"end".*"omitted":12000/,
    'it was there, whole'
  )
})

t.test('messages, names of any bytes, control characters', async t => {
  t.match(await alice.run(['msg', toInbox, 'x\u001b[31m\u009b\u202e\u2028y', '--json']), { code: 0 })
  const odd = join(alice.directory, 'odd')
  await mkdir(odd)
  const fifo = spawn('sh', ['-c', `mkfifo "$(printf '%s/\\377\\033p' "$1")"`, 'sh', odd])
  await once(fifo, 'close')
  const sent = await alice.run(['send', '-r', 'odd', toInbox, '--json'])
  const lines = linesOf(t, sent.stdout, 23)
  t.match(
    lines.find(({ type }) => type === 'omitted'),
    { path: '\ufffd\u001bp' }
  )
  t.notMatch(sent.stdout.toString().replaceAll('\n', ''), /[\p{Cc}\p{Cf}\u2028]/u)
  inbox.kill('SIGTERM')
  server.kill('SIGTERM')
  const { stdout } = await inbox.ended
  const heard = linesOf(t, stdout, 143)
  t.match(
    heard.find(({ type }) => type === 'message'),
    { peer: 'alice', text: 'x\u001b[31m\u009b\u202e\u2028y' }
  )
  t.notMatch(stdout.toString().replaceAll('\n', ''), /[\p{Cc}\p{Cf}\u2028]/u)
  t.same(typesOf(heard).slice(0, 2), ['begin', 'listening'])
  const served = linesOf(t, (await server.ended).stdout, 143)
  t.match(served.at(-1), { error: { code: 'ERR_SFT_CANCELLED', exitCode: 143 } })
  t.ok(Number(served.at(-1)?.transfers) >= 3)
})
