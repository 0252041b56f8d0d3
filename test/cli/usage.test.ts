import { spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { ERRORS } from '../../src/streams/errors.ts'
import { pattern } from '../fixtures/bytes.ts'
import { Shell, shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

const directory = t.testdir({ nobody: {}, alice: {} })
const nobody = new Shell(t, join(directory, 'nobody'))
const organisation = await makeOrganisation()
const alice = await shellOf(t, join(directory, 'alice'), await organisation.issue('alice'))

const COMMANDS = [
  [],
  ['init'],
  ['login'],
  ['whoami'],
  ['peers'],
  ['peers', 'add'],
  ['peers', 'list'],
  ['peers', 'remove'],
  ['auth'],
  ['auth', 'init'],
  ['auth', 'user'],
  ['auth', 'user', 'add'],
  ['auth', 'serve'],
  ['send'],
  ['recv'],
  ['serve'],
  ['get'],
  ['batch'],
  ['msg'],
  ['shell'],
  ['receipt'],
  ['receipt', 'verify'],
  ['doctor'],
  ['proof'],
  ['proof', 'run'],
  ['proof', 'check'],
  ['classic'],
  ['classic', 'auth'],
  ['classic', 'user', 'add'],
  ['classic', 'login'],
  ['classic', 'client'],
  ['classic', 'serve'],
  ['classic', 'get'],
  ['build-native']
] as const

t.test('help of every command', async t => {
  for (const command of COMMANDS) {
    const { code, stdout, stderr } = await nobody.run([...command, '--help'])
    t.same([code, stderr], [0, ''])
    const text = stdout.toString()
    t.match(text, new RegExp(`^Usage: ${['sft', ...command].join(' ')} `))
    t.match(text, /\n\n[a-z][^\n]{8,}/, 'says what it is for')
    t.notMatch(text, /[^\x20-\x7e\n]/)
  }
  const { stdout } = await nobody.run(['--help'])
  t.match(stdout.toString(), /Examples:\n {2}\$ sft init && sft send/)
  t.match(stdout.toString(), /Exit codes: 0 ok/)
})

t.test('version', async t => {
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))
  t.match(await nobody.run(['--version']), { code: 0, stdout: Buffer.from(`${version}\n`), stderr: '' })
})

t.test('what is no command line', async t => {
  const refused = async (args: string[], stderr: RegExp) =>
    t.match(await nobody.run(args), { code: 2, bytes: 0, stderr }, args.join(' '))
  const unread = async (args: string[], message: string, hint: string) =>
    t.match(await nobody.run(args), { code: 2, bytes: 0, stderr: `sft: ${message}; hint: ${hint} [ERR_SFT_USAGE]\n` })
  await unread(['sned'], "unknown command 'sned'", 'did you mean send? sft --help')
  await unread(['send', '--nonsense'], "unknown option '--nonsense'", 'sft send --help')
  await unread(['auth', 'user', 'add', '--dir', 'x'], "missing required argument 'name'", 'sft auth user add --help')
  const often = "option '--streams <n>' argument 'z' is invalid: not a whole number"
  await unread(['get', 'bob:x', '--streams', 'z'], often, 'sft get --help')
  await unread(
    ['send', 'x', 'bob'],
    'a peer is NAME: or NAME@HOST:PORT',
    'write bob: for where the auth server knows bob to be'
  )
  await unread(
    ['get', 'bob', 'x'],
    'a peer is NAME: or NAME@HOST:PORT',
    'write bob:x for where the auth server knows bob to be'
  )
  await unread(
    ['get', 'bob:'],
    'what to get is missing',
    'sft get NAME:PATH, or sft get -r NAME: for all that is served'
  )
  await refused([], /^Usage: sft/)
  await refused(['sned'], /unknown command 'sned'; hint: did you mean send\?/)
  await refused(['send', '--chnk-size', '1'], /unknown option '--chnk-size'; hint: did you mean --chunk-size\?/)
  await refused(['\u001b[31m'], /unknown command '\\u\{1b\}\[31m'/)
  await refused(['send', 'a', 'b', 'c'], /too many arguments/)
  await refused(['get'], /missing required argument 'peer'/)
  await refused(['login', 'alice'], /--auth/)
  await refused(['send', '--suite', 'rot13'], /aes-256-gcm, chacha20-poly1305/)
  for (const size of ['abc', '-1', '1.5M', '']) await refused(['send', '--chunk-size', size], /--chunk-size/)
  await refused(['send', '--threads', 'many'], /whole number/)
  await refused(['auth', 'serve', '--dir', 'x', '--ttl', '10'], /--ttl/)
  await refused(['peers'], /^Usage: sft peers/)
  await refused(['recv', '--once'], /belong to --listen/)
  await refused(['recv', '--listen', '127.0.0.1:0', '--hold', 'x'], /--hold/)
  await refused(['recv', '--listen', '127.0.0.1:0', '--once', '-o', 'x'], /belong to a directory/)
  await refused(['send', '-', 'bob@127.0.0.1:1', '--to', 'bob'], /belong to the pipe/)
  await refused(['send', ...Array(65).fill('--to=x')], /at most 64/)
  await refused(['send', 'x', '--json'], /standard output carries the data/)
  await refused(['send', 'x', '--json-fd', '99'], /descriptor 99 is not open/)
  for (const size of ['17K', '8K', '2M', '0'])
    t.match(await alice.run(['send', '--chunk-size', size]), { code: 2, bytes: 0, stderr: /power of two/ }, size)
})

t.test('an older Node', async t => {
  const launcher = fileURLToPath(new URL('../../src/bin/sft.js', import.meta.url))
  const older = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.11.0' } })`
  const args = ['--import', `data:text/javascript,${encodeURIComponent(older)}`, launcher, 'send']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  t.same([status, stdout], [2, ''])
  t.match(stderr, /^sft: needs Node\.js 24\.7 or newer, this is 20\.11\.0; hint: [^\n]*\n$/)
  t.notMatch(await readFile(launcher, 'utf8'), /^import |\?\.|\?\?/m, 'what an old Node reads is old JavaScript')
})

t.test('errors are one line, and standard output carries data only', async t => {
  for (const args of [['send', 'no-such'], ['send'], ['whoami'], ['peers', 'list'], ['get', 'a@127.0.0.1:1', 'x']]) {
    const result = await nobody.run(args)
    t.match(result, { code: /^[1-9]/, bytes: 0, stderr: /^sft: [^\n]+ \[ERR_SFT_[A-Z_]+\]\n$/ }, args.join(' '))
  }
})

/** Rows of the table that a command line can end with, and in which file a process does. */
const PROVOKED: Record<number, string> = {
  1: 'socket.test.ts',
  2: 'usage.test.ts',
  3: 'pipe.test.ts',
  10: 'socket.test.ts',
  11: 'pipe.test.ts',
  12: 'pipe.test.ts',
  23: '../integration/directories.test.ts',
  24: 'pipe.test.ts',
  25: '../integration/replay.test.ts',
  30: 'usage.test.ts',
  40: 'pipe.test.ts',
  41: 'pipe.test.ts',
  42: 'revocation.test.ts',
  43: 'auth.test.ts',
  44: 'socket.test.ts',
  45: 'pipe.test.ts',
  46: 'classic/files.test.ts',
  47: 'proof.test.ts',
  75: 'socket.test.ts',
  141: 'pipe.test.ts'
}

t.test('every row of the exit codes is provoked by a process in some test', async t => {
  const rows = [...new Set(Object.values(ERRORS).map(({ exit }) => exit))].sort((a, b) => a - b)
  t.same(rows, Object.keys(PROVOKED).map(Number))
  for (const [code, file] of Object.entries(PROVOKED)) {
    const text = await readFile(new URL(file, import.meta.url), 'utf8')
    t.match(text, new RegExp(`(code: |, |\\b)${code}\\b`), `${code} in ${file}`)
  }
})

t.test('a peer that says nothing: 30', async t => {
  const server = nobody.begin(
    [
      '-e',
      "require('net').createServer(s => s.on('error', () => {})).listen(0, '127.0.0.1', function () { console.log(this.address().port) })"
    ],
    { program: process.execPath }
  )
  await server.until(({ stdout }) => stdout.includes('\n'))
  const port = server.stdout.toString().trim()
  await writeFile(join(alice.directory, 'file'), pattern(10))
  t.match(await alice.run(['send', 'file', `bob@127.0.0.1:${port}`]), { code: 30, stderr: /ERR_SFT_TIMEOUT/ })
})
