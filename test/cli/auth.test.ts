import { X509Certificate } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { type Finished, type Running, type RunOptions, Shell } from '../fixtures/command.ts'
import { openssl } from '../fixtures/openssl.ts'

const PASSWORD = 'canary password of alice'
const KEY_PASSPHRASE = 'canary passphrase of a key'
const CA_PASSPHRASE = 'canary passphrase of the authority'

const directory = t.testdir({
  admin: {},
  alice: {},
  bob: {},
  password: `${PASSWORD}\n`,
  wrong: 'something else\n',
  empty: '\n',
  key: KEY_PASSPHRASE,
  ca: `${CA_PASSPHRASE}\r\n`,
  credentials: { 'sft-passphrase': KEY_PASSPHRASE }
})
const file = (name: string) => join(directory, name)
const admin = new Shell(t, file('admin'))
const alice = new Shell(t, file('alice'))
const bob = new Shell(t, file('bob'))
const spoken: string[] = []

/** Runs a command and keeps all that it said, for the search for secrets at the end. */
async function run(shell: Shell, args: readonly string[], options?: RunOptions): Promise<Finished> {
  const result = await shell.run(args, options)
  spoken.push(result.stderr, result.stdout.toString('latin1'))
  return result
}

const authority = join(admin.directory, 'authority')
const root = join(authority, 'root.crt')
const made = await admin.bash(`umask 0; sft auth init authority --org example.org --passphrase-file ${file('ca')}`)
const added: Finished[] = []
for (const name of ['alice', 'bob', 'carol'])
  added.push(await run(admin, ['auth', 'user', 'add', name, '--dir', authority, '--password-file', file('password')]))

const serve = ['auth', 'serve', '--dir', authority, '--listen', '127.0.0.1:0', '--passphrase-file', file('ca')]
const server: Running & { address: string } = await admin.listen(serve, { timeout: 170_000 })
const url = server.address

const login = (name: string, ...options: string[]) => ['login', name, '--auth', url, ...options]
const withRoot = ['--ca', root, '--password-file', file('password'), '--passphrase-file', file('key')]
const logins = () => server.stderr.match(/login of \w+ from/g)?.length ?? 0

/** Modes of everything below a directory. */
async function modes(path: string): Promise<Record<string, string>> {
  const entries = await readdir(path, { recursive: true })
  const all = await Promise.all(
    entries.map(async name => [name, ((await stat(join(path, name))).mode & 0o777).toString(8)])
  )
  return Object.fromEntries(all)
}

t.test('the authority on disk', async t => {
  t.match(made, { code: 0, bytes: 0, stderr: 'sft: made the authority of example.org; hand out authority/root.crt\n' })
  t.same(
    added.map(({ code, bytes }) => [code, bytes]),
    [
      [0, 0],
      [0, 0],
      [0, 0]
    ]
  )
  t.equal((await stat(authority)).mode & 0o777, 0o700)
  const found = await modes(authority)
  for (const name of ['root.key', 'issuing.key', 'users.db', 'authority.json']) t.equal(found[name], '600', name)
  t.match(await readFile(join(authority, 'root.key'), 'utf8'), /BEGIN ENCRYPTED PRIVATE KEY/)
  t.match(await run(admin, ['auth', 'init', 'authority', '--no-passphrase']), { code: 45 })
  const add = (...args: string[]) => run(admin, ['auth', 'user', 'add', ...args])
  t.match(await add('alice', '--dir', authority, '--password-file', file('password')), { code: 45 })
  t.match(await add('Alice', '--dir', authority, '--password-file', file('password')), { code: 2 })
  t.match(await add('dave', '--dir', authority), {
    code: 2,
    stderr: /hint: --password-file, --password-fd, or SFT_PASSWORD_FILE/
  })
  t.match(await add('dave', '--dir', file('alice'), '--password-file', file('password')), { code: 3 })
  const fd = openSync(file('password'), 'r')
  t.match(
    await run(admin, ['auth', 'user', 'add', 'erin', '--dir', authority, '--password-fd', '3'], { extra: [fd] }),
    { code: 0 }
  )
  closeSync(fd)
  const env = { SFT_PASSWORD_FILE: file('password') }
  t.match(await run(admin, ['auth', 'user', 'add', 'frank', '--dir', authority], { env }), { code: 0 })
  t.match(await run(admin, serve.slice(0, -2)), { code: 2, stderr: /passphrase of the issuing CA is needed.*hint/ })
  t.match(await run(admin, [...serve.slice(0, -1), file('wrong')]), { code: 2, stderr: /ERR_SFT_PASSPHRASE/ })
})

t.test('login', async t => {
  const first = await alice.bash(`umask 0; sft ${login('alice', ...withRoot).join(' ')}`)
  t.match(first, { code: 0, bytes: 0, stderr: /^sft: you are alice in example\.org, certified until \S+\n$/ })
  const found = await modes(join(alice.directory, 'data'))
  t.ok(Object.keys(found).includes('sft/identity/key.pem'))
  for (const [name, mode] of Object.entries(found)) t.equal(mode, /\.(pem|crt|json)$/.test(name) ? '600' : '700', name)
  t.match(await readFile(join(alice.directory, 'data/sft/identity/key.pem'), 'utf8'), /BEGIN ENCRYPTED PRIVATE KEY/)
})

t.test('whoami', async t => {
  const { stdout } = await run(alice, ['whoami'])
  t.match(
    stdout.toString(),
    /^alice in example\.org\nkey [0-9a-f]{64}\ncertified until \S+\nrevocation list of \S+, good until \S+\n$/
  )
  const json = JSON.parse((await run(alice, ['whoami', '--json'])).stdout.toString())
  t.same(Object.keys(json), ['name', 'org', 'key', 'notAfter', 'revocationList'])
  t.match(json, { name: 'alice', org: 'example.org' })
  t.ok(stdout.includes(json.key))
  const life = Date.parse(json.notAfter) - Date.now()
  t.ok(life > 9.9 * 86_400_000 && life <= 10 * 86_400_000, 'ten days')
  t.match(await run(bob, ['whoami']), { code: 2, stderr: /NO_IDENTITY/, bytes: 0 })
})

t.test('OpenSSL agrees with the certificate', async t => {
  const { stdout } = await run(alice, ['whoami', '--cert'])
  await writeFile(file('chain.pem'), stdout)
  const args = [
    'verify',
    '-purpose',
    'any',
    '-CAfile',
    root,
    '-untrusted',
    join(authority, 'issuing.crt'),
    file('chain.pem')
  ]
  t.match(openssl(args), { status: 0, text: /: OK/ })
  t.match(new X509Certificate(stdout), { subject: /CN=alice/, subjectAltName: 'URI:sft://example.org/u/alice' })
})

t.test('a renewal keeps the key, unless a new one is asked for', async t => {
  const key = async () => JSON.parse((await run(alice, ['whoami', '--json'])).stdout.toString()).key
  const before = await key()
  t.match(await run(alice, login('alice', ...withRoot)), { code: 0 })
  t.equal(await key(), before)
  t.match(await run(alice, login('alice', ...withRoot, '--new-key')), { code: 0 })
  t.not(await key(), before)
  t.match(
    await run(alice, ['send', '--passphrase-file', file('key')], { input: 'x' }),
    { code: 0 },
    'the new key has the passphrase'
  )
})

t.test('another name needs --force', async t => {
  t.match(await run(alice, login('carol', ...withRoot)), { code: 45, stderr: /alice in example\.org; hint: --force/ })
  t.match(await run(bob, login('carol', ...withRoot)), { code: 0 })
  t.match(await run(bob, login('bob', ...withRoot, '--force')), { code: 0 })
  t.match((await run(bob, ['whoami'])).stdout.toString(), /^bob in/)
})

t.test('the root by its fingerprint', async t => {
  const { fingerprint256 } = new X509Certificate(await readFile(root))
  const trust = ['--password-file', file('password'), '--passphrase-file', file('key'), '--ca-fingerprint']
  t.match(await run(alice, login('alice', ...trust, fingerprint256)), { code: 0 })
  const before = logins()
  const wrong = `${fingerprint256.startsWith('00') ? '11' : '00'}${fingerprint256.slice(2)}`
  t.match(await run(alice, login('alice', ...trust, wrong)), { code: 41, stderr: /another fingerprint/ })
  t.match(await run(alice, login('alice', ...trust, '1234')), { code: 2 })
  t.equal(logins(), before, 'no password was sent')
})

t.test('logins that fail', async t => {
  const failing = (name: string, ...options: string[]) =>
    run(alice, login(name, '--force', '--passphrase-file', file('key'), ...options))
  const wrong = await failing('alice', '--ca', root, '--password-file', file('wrong'))
  t.match(wrong, { code: 43, bytes: 0, stderr: /refused name or password/ })
  const unknown = await failing('nobody', '--ca', root, '--password-file', file('wrong'))
  t.same([unknown.code, unknown.stderr], [wrong.code, wrong.stderr], 'a name that does not exist looks the same')
  t.match(await failing('alice', '--password-file', file('password')), { code: 2, stderr: /hint: --ca FILE/ })
  t.match(await failing('alice', '--ca', file('no-such'), '--password-file', file('password')), { code: 3 })
  t.match(await failing('alice', '--ca', file('key'), '--password-file', file('password')), { code: 41 })
  t.match(await failing('alice', '--ca', root), { code: 2, stderr: /a password is needed and there is nobody to ask/ })
  t.match(await failing('alice', '--ca', root, '--password-file', file('empty')), { code: 2 })
  const gone = ['login', 'alice', '--force', '--auth', 'https://127.0.0.1:1', ...withRoot]
  t.match(await run(alice, gone), { code: 10, stderr: /ERR_SFT_CONNECT/ })
  t.match(await run(alice, ['login', 'alice', '--force', '--auth', url.replace('https', 'http'), ...withRoot]), {
    code: 2
  })
  const other = join(admin.directory, 'other')
  t.match(await run(admin, ['auth', 'init', other, '--no-passphrase']), { code: 0 })
  const audit = await run(admin, ['auth', 'audit', '--dir', other])
  t.match(audit, { code: 0, bytes: 0, stderr: /^sft: nothing has happened yet: [^\n]*sft auth serve[^\n]*\n$/ })
  const aside = await run(admin, ['audit', join(other, 'audit')])
  t.match(aside, { code: 3, stderr: /no such audit; hint: .*sft auth audit --dir .*\[ERR_SFT_NOT_FOUND\]\n$/ })
  const before = logins()
  const trust = ['--ca', join(other, 'root.crt'), '--password-file', file('password')]
  t.match(await failing('alice', ...trust), { code: 41 }, 'another root')
  t.equal(logins(), before, 'no password was sent')
  t.match((await run(alice, ['whoami'])).stdout.toString(), /^alice in/, 'the old identity is still there')
})

t.test('peers', async t => {
  await writeFile(join(alice.directory, 'bob.crt'), (await run(bob, ['whoami', '--cert'])).stdout)
  t.match(await run(alice, ['peers', 'list']), { code: 0, bytes: 0 })
  t.match(await run(alice, ['peers', 'add', 'bob.crt']), { code: 0, stderr: /added bob, certified until/ })
  t.match((await run(alice, ['peers', 'list'])).stdout.toString(), /^bob {2}until \S+\n$/)
  t.match(JSON.parse((await run(alice, ['peers', 'list', '--json'])).stdout.toString()), { name: 'bob' })
  const sealed = await run(alice, ['send', '--to', 'bob', '--passphrase-file', file('key')], { input: 'for bob' })
  const opened = await run(bob, ['recv', '--from', 'alice', '--passphrase-file', file('key')], { input: sealed.stdout })
  t.match(opened, { code: 0, stdout: Buffer.from('for bob'), stderr: 'sft: from alice (example.org)\n' })
  t.match(await run(alice, ['peers', 'remove', 'bob']), { code: 0 })
  t.match(await run(alice, ['peers', 'remove', 'bob']), { code: 2 })
  t.match(await run(alice, ['peers', 'add', 'no-such.crt']), { code: 3 })
  t.match(await run(alice, ['peers', 'add', root]), { code: 41 })
})

t.test('where a passphrase comes from', async t => {
  const send = (options: string[], more: RunOptions = {}) => run(alice, ['send', ...options], { input: 'x', ...more })
  t.match(await send(['--passphrase-file', file('key')]), { code: 0 })
  t.match(await send([], { env: { SFT_PASSPHRASE_FILE: file('key') } }), { code: 0 })
  t.match(await send([], { env: { CREDENTIALS_DIRECTORY: file('credentials') } }), { code: 0 })
  const fd = openSync(file('key'), 'r')
  t.match(await send(['--passphrase-fd', '3'], { extra: [fd] }), { code: 0 })
  closeSync(fd)
  t.match(await send([], { env: { SFT_PASSPHRASE_FILE: file('wrong') } }), {
    code: 2,
    bytes: 0,
    stderr: /ERR_SFT_PASSPHRASE/
  })
  const overridden = { env: { SFT_PASSPHRASE_FILE: file('wrong') } }
  t.match(await send(['--passphrase-file', file('key')], overridden), { code: 0 }, 'the option wins')
  const none = { code: 2, bytes: 0, stderr: /^sft: .*ERR_SFT_SECRET_UNAVAILABLE\]\n$/ }
  for (const options of [
    [],
    ['--passphrase-file', file('no-such')],
    ['--passphrase-file', '/dev/zero'],
    ['--passphrase-fd', '9'],
    ['--passphrase-fd', '99']
  ])
    t.match(await send(options), none, options.join(' ') || 'none at all')
  t.match((await send([])).stderr, /nobody to ask; hint: --passphrase-file/)
  for (const command of [
    ['recv'],
    ['serve', '.'],
    ['recv', '--listen', '127.0.0.1:0'],
    ['get', 'bob@127.0.0.1:1', 'x']
  ])
    t.match(await run(alice, command), none, command.join(' '))
  t.match(await run(new Shell(t, t.testdir()), ['init']), { code: 2, stderr: /--no-passphrase/ })
  const empty = ['init', '--passphrase-file', file('empty')]
  t.match(await run(new Shell(t, t.testdir()), empty), { code: 2, stderr: /empty/ })
})

t.test('on a terminal', async t => {
  /** Types each answer once the question that belongs to it is there. */
  const type = async (shell: Shell, line: string, dialogue: readonly (readonly [RegExp, string])[]) => {
    const running = await shell.terminal(line)
    for (const [question, answer] of dialogue) {
      await running.until(({ stdout }) => question.test(stdout.toString()))
      running.child.stdin?.write(`${answer}\r`)
    }
    const { code, stdout } = await running.ended
    spoken.push(stdout.toString())
    return { code, text: stdout.toString() }
  }
  const question = /passphrase of your key[\s\S]*└/
  t.match(await type(alice, 'sft send alice.bin > out.sft || exit $?', [[question, KEY_PASSPHRASE]]), { code: 3 })
  await writeFile(join(alice.directory, 'alice.bin'), 'x')
  const sent = await type(alice, 'sft send alice.bin > out.sft', [[question, KEY_PASSPHRASE]])
  t.equal(sent.code, 0)
  t.match(await run(alice, ['recv', 'out.sft', '--passphrase-file', file('key')]), {
    code: 0,
    stdout: Buffer.from('x')
  })
  for (const line of ['sft send alice.bin --no-input > out.sft', 'sft init --no-input'])
    t.match(await type(alice, line, []), { code: 2, text: /nobody to ask; hint: --passphrase-file/ }, line)
  const asked = `sft login alice --no-input --auth https://127.0.0.1:1 --ca ${root} --passphrase-file ${file('key')}`
  t.match(await type(alice, asked, []), { code: 2, text: /nobody to ask; hint: --password-file/ })
  t.match(await type(alice, 'sft send alice.bin > out.sft', [[question, 'wrong']]), {
    code: 2,
    text: /ERR_SFT_PASSPHRASE/
  })
  t.match(await type(alice, 'sft send alice.bin > out.sft', [[question, '\u0003']]), { code: 130 }, 'Ctrl-C')
  const fresh = new Shell(t, t.testdir())
  const new1 = /new passphrase for the key[\s\S]*└/
  const new2 = /again[\s\S]*└/
  t.match(
    await type(fresh, 'sft init', [
      [new1, 'one'],
      [new2, 'two']
    ]),
    { code: 2, text: /differ/ }
  )
  t.match(
    await type(fresh, 'sft init', [
      [new1, KEY_PASSPHRASE],
      [new2, KEY_PASSPHRASE]
    ]),
    { code: 0, text: /you are/ }
  )
})

t.test('an organisation of one', async t => {
  const shell = new Shell(t, t.testdir())
  t.match(await run(shell, ['init', '--no-passphrase', '--name', 'me']), { code: 0, stderr: /you are me in local-/ })
  t.match(await shell.bash('set -o pipefail; printf data | sft send | sft recv'), {
    code: 0,
    stdout: Buffer.from('data')
  })
  t.match(await run(shell, ['init', '--no-passphrase']), { code: 45 })
  t.match(await run(shell, login('alice', ...withRoot)), { code: 45 })
  for (const [name, mode] of Object.entries(await modes(join(shell.directory, 'data'))))
    t.match(mode, /\.\w+$/.test(name) ? /^6[04][04]$/ : '700', name)
})

t.test('no secret in what others can see', async t => {
  const running = await alice.listen(['recv', '--listen', '127.0.0.1:0', '--passphrase-file', file('key')])
  const seen: string[] = []
  for (const pid of [running.pid, server.pid])
    for (const what of ['cmdline', 'environ']) seen.push(await readFile(`/proc/${pid}/${what}`, 'latin1'))
  t.ok(seen[0]?.includes('--passphrase-file'))
  server.kill('SIGTERM')
  t.match(await server.ended, { code: 143, bytes: 0 })
  const all = [...spoken, ...seen, server.stderr].join('\n')
  for (const secret of [PASSWORD, KEY_PASSPHRASE, CA_PASSPHRASE, 'PRIVATE KEY']) t.notOk(all.includes(secret), secret)
  const files = await Promise.all([authority, join(alice.directory, 'data'), join(bob.directory, 'data')].map(contents))
  t.ok(files.flat().length > 10)
  for (const secret of [PASSWORD, KEY_PASSPHRASE, CA_PASSPHRASE])
    t.notOk(
      files.flat().some(text => text.includes(secret)),
      `${secret} in a file`
    )
})

/** Contents of all files below a directory. */
async function contents(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  const files = entries.filter(each => each.isFile())
  return Promise.all(files.map(each => readFile(join(each.parentPath, each.name), 'latin1')))
}
