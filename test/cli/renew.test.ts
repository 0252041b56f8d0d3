import { X509Certificate } from 'node:crypto'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { dataDirectory } from '../../src/auth/identity/identity-files.ts'
import { Shell } from '../fixtures/command.ts'
import { members } from '../fixtures/members.ts'

/** `sft renew`, and what renews itself. The certificates here live for a minute, and so are due at once. */

const directory = t.testdir({ alice: { shared: { file: 'contents\n' } } })
const { admin, ca, server, shells } = await members(t, directory, ['alice', 'bob'], {
  serve: ['--ttl', '60s', '--metrics', '127.0.0.1:0', '--json']
})
const { alice, bob } = shells

async function serialOf(shell: Shell): Promise<string> {
  const { stdout } = await shell.run(['whoami', '--cert'])
  return new X509Certificate(stdout).serialNumber
}

t.test('sft renew stores a new certificate for the same key', async t => {
  const before = await serialOf(alice)
  const key = (await alice.run(['whoami', '--json'])).stdout.toString()
  t.match(await alice.run(['renew']), { code: 0, bytes: 0, stderr: /^sft: you are alice in example\.org, certified/ })
  t.not(await serialOf(alice), before)
  const after = (await alice.run(['whoami', '--json'])).stdout.toString()
  t.equal(JSON.parse(after).key, JSON.parse(key).key)
  t.match(await alice.run(['renew', '--if-due']), { code: 0, stderr: /certified until/ }, 'due at once')
})

t.test('who serves renews by itself, and peers see the new certificate', async t => {
  const before = await serialOf(alice)
  const serving = await alice.listen(['serve', join(alice.directory, 'shared'), '--listen', '127.0.0.1:0'])
  await serving.until(({ stderr }) => /renewed the certificate, until/.test(stderr))
  t.not(await serialOf(alice), before, 'it is stored')
  const got = await bob.run(['get', `alice@${serving.address}`, 'file', '-o', '-'])
  t.match(got, { code: 0, stdout: Buffer.from('contents\n') })
  serving.kill('SIGTERM')
  await serving.ended
})

t.test('a host without a password logs in once by a token', async t => {
  const host = new Shell(t, join(directory, 'host'))
  await mkdir(host.directory)
  const issued = await admin.run(['auth', 'token', '--user', 'alice', '--ttl', '60s', '--dir', ca])
  t.match(issued, { code: 0, stderr: '' })
  const file = join(directory, 'token')
  await writeFile(file, issued.stdout, { mode: 0o600 })
  const login = [
    'login',
    '--token-file',
    file,
    '--auth',
    server.address,
    '--ca',
    join(ca, 'root.crt'),
    '--no-passphrase'
  ]
  t.match(await host.run(login), { code: 0, stderr: /^sft: you are alice in example\.org/ })
  t.match(
    server.stderr,
    /^\{"time":"[^"]+","type":"enrolment","result":"issued","name":"alice","source":"127\.0\.0\.1"\}$/m
  )
  const [, metrics = ''] = /metrics at (http:\S+)/.exec(server.stderr) ?? []
  t.match(await (await fetch(metrics)).text(), /^sft_auth_attempts_total\{type="enrolment",result="issued"\} 1$/m)
  t.match(await host.run(['get', 'nobody:x']), { code: 2, stderr: /ERR_SFT_UNKNOWN_PEER/ }, 'the directory takes it')
  t.match(await host.run([...login, '--force']), { code: 43, stderr: /refused the token; hint: a token serves once/ })
  await writeFile(file, 'no token')
  t.match(await host.run(login), { code: 2, stderr: /this is no enrolment token/ })
  t.match(await host.run(login.filter(each => each !== '--token-file' && each !== file)), { code: 2 })
  t.match(await admin.run(['auth', 'token', '--user', 'alice', '--ttl', '6m', '--dir', ca]), { code: 2, bytes: 0 })
  t.match(await admin.run(['auth', 'token', '--user', 'kim', '--dir', ca]), { code: 3, bytes: 0 })
})

t.test('M61: a backup of a server that runs is restored elsewhere', async t => {
  const [file, other] = [join(directory, 'backup'), join(directory, 'restored')]
  t.match(await admin.run(['auth', 'backup', file, '--dir', ca]), { code: 0, bytes: 0, stderr: /^sft: wrote \S+\n$/ })
  t.match(await admin.run(['auth', 'backup', file, '--dir', ca]), { code: 45 })
  t.match(await admin.run(['auth', 'restore', file, '--dir', other]), { code: 0, stderr: /revoked again/ })
  const users = (await admin.run(['auth', 'user', 'list', '--dir', other])).stdout.toString()
  t.match(users, /^alice .*\nbob /)
  t.match(await admin.run(['auth', 'audit', '--dir', other, '--verify']), { code: 0 })
})

t.test('A20: sft auth doctor says what an authority lacks', async t => {
  const well = await admin.run(['auth', 'doctor', '--dir', ca])
  t.equal(well.code, 0)
  t.match(
    well.stdout.toString(),
    /^authority: example\.org\ncertificate of root: until \S+\ncertificate of issuing CA: until \S+\nkey of root: here; .+\nstore: SQLite, 2 users\nrevocation list: until \S+\n$/
  )
  await chmod(join(ca, 'root.key'), 0o640)
  const exposed = await admin.run(['auth', 'doctor', '--dir', ca, '--json'])
  t.match(exposed, { code: 11, stderr: /root\.key is open to group or others; hint: chmod 600/ })
  t.match(JSON.parse(exposed.stdout.toString()), {
    org: 'example.org',
    hasRootKey: true,
    exposed: [/root\.key$/],
    users: 2
  })
  await chmod(join(ca, 'root.key'), 0o600)
  t.match(await admin.run(['auth', 'doctor', '--dir', directory]), { code: 3 })
})

t.test('A20: sft doctor says what is about to fail: the clock, the list, the key that others can read', async t => {
  const well = await alice.run(['doctor'])
  t.match(well.stdout.toString(), /revocation list: until \S+\nauth server: https:\S+\nclock: as the auth server's\n$/)
  t.equal(well.code, 0)
  const key = join(dataDirectory(alice.env), 'identity/key.pem')
  await chmod(key, 0o644)
  t.match(await alice.run(['doctor']), { code: 11, stderr: /hint: chmod 600 / })
  await chmod(key, 0o600)
  const lists = join(dataDirectory(alice.env), 'lists')
  await rm(lists, { recursive: true })
  t.match(await alice.run(['doctor']), { code: 0 }, 'the list is asked for')
})

t.test('what can not be renewed says what to do', async t => {
  await admin.run(['auth', 'user', 'disable', 'bob', '--dir', ca])
  t.match(await bob.run(['renew']), {
    code: 43,
    stderr: /hint: sft login bob --auth https:\S+ \[ERR_SFT_LOGIN_REFUSED\]/
  })
  await admin.run(['auth', 'user', 'enable', 'bob', '--dir', ca])
  t.match(await bob.run(['renew']), { code: 0 })
  const lone = new Shell(t, join(t.testdir({ lone: {} }), 'lone'))
  t.match(await lone.run(['renew']), { code: 2, stderr: /ERR_SFT_NO_IDENTITY/ })
  await lone.run(['init', '--name', 'kim', '--no-passphrase'])
  t.match(await lone.run(['renew']), { code: 0, stderr: 'sft: an organisation of one renews itself\n' })
  server.kill('SIGKILL')
  await server.ended
  t.match(await bob.run(['renew']), { code: 10, stderr: /ERR_SFT_CONNECT/ })
  await rm(join(dataDirectory(bob.env), 'lists'), { recursive: true })
  const alone = await bob.run(['doctor', '--json'])
  t.match(alone, { code: 41, stderr: /no revocation list is known/ })
  t.match(JSON.parse(alone.stdout.toString()).identity, {
    revocationList: { until: null, state: 'none' },
    authServer: { clockAhead: null, problem: /^can not reach the auth server on .* \(ECONNREFUSED\)$/ }
  })
})
