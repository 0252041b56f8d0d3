import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { storePrivateKey } from '../../../src/auth/certificates/keys.ts'
import { encodeLogin } from '../../../src/auth/classic/login-message.ts'
import { listenDouble, makeClassicSystem, noDouble, runDouble } from '../../fixtures/classic.ts'
import { Shell } from '../../fixtures/command.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

/** Logins of the classic system between processes: ours with theirs, theirs with ours. */

const home = t.testdir({ admin: {}, early: {}, one: {}, two: {}, theirs: { root: {}, one: {} } })
const admin = new Shell(t, join(home, 'admin'))
const one = new Shell(t, join(home, 'one'))
const theirs = new Shell(t, join(home, 'theirs'))
const system = await makeClassicSystem()
await writeFile(join(home, 'admin', 'root.pem'), system.certificate.toString())
await writeFile(join(home, 'admin', 'root.key'), storePrivateKey(system.privateKey, undefined), { mode: 0o600 })
const ADOPT = ['--root-cert', 'root.pem', '--root-key', 'root.key', '--no-passphrase']
const root = join(home, 'admin', 'data', 'sft', 'classic', 'ca', 'root.crt')

t.before(async () => {
  for (const shell of [admin, one])
    for (const name of ['password1', 'password2']) await writeFile(join(shell.directory, name), name, { mode: 0o600 })
})

t.test('our auth server: our client, and theirs', { timeout: 170_000 }, async t => {
  const server = await admin.listen(['classic', 'auth', '--port', '0', '--demo-users', ...ADOPT])
  const { address: auth } = server
  t.match(server.stderr, /made a classic root; hand out \S+root\.crt/)
  t.match(auth, /^http:\/\/127\.0\.0\.1:\d+$/)
  const login = ['classic', 'login', 'user1', '--auth', auth]
  t.match(await one.run([...login, '--password-file', 'password1', '--no-passphrase']), {
    code: 2,
    stderr: /--ca root\.crt/
  })
  const first = await one.run([...login, '--password-file', 'password1', '--no-passphrase', '--ca', root])
  t.match(first, { code: 0, stderr: /^sft: logged in as user1, until \S+\n$/, bytes: 0 })
  const kept = join(home, 'one', 'data', 'sft', 'classic', 'clients', 'user1')
  const key = await readFile(join(kept, 'key.pem'))
  t.equal((await stat(join(kept, 'key.pem'))).mode & 0o777, 0o600)
  t.equal((await one.run([...login, '--password-file', 'password1'])).code, 0, 'again, root and key are there')
  t.ok(key.equals(await readFile(join(kept, 'key.pem'))))
  const certificate = new X509Certificate(await readFile(join(kept, 'certificate.pem')))
  t.ok(certificate.publicKey.equals(createPublicKey(createPrivateKey(key))))
  t.match(await one.run([...login, '--password-file', 'password2']), { code: 43, stderr: /ERR_SFT_LOGIN_REFUSED/ })

  await t.test('theirs', { skip: noDouble }, async t => {
    t.match(await runDouble(theirs, ['login', auth, root, 'one', 'user1', 'password1']), {
      code: 0,
      stdout: Buffer.from('logged in\n')
    })
    const pem = await readFile(join(home, 'theirs', 'one', 'cert.pem'))
    t.ok(new X509Certificate(pem).verify(system.certificate.publicKey))
    t.match(await runDouble(theirs, ['login', auth, root, 'one', 'user1', 'nonsense']), { code: 1, stderr: /401/ })
  })

  await t.test('M144: a replay is an alert, and in the audit', async t => {
    const { publicKey } = await testKey()
    const body = encodeLogin(system.certificate.publicKey, { name: 'user2', password: 'password2', publicKey })
    const post = async () => (await fetch(`${auth}/verify`, { method: 'POST', body })).status
    t.same([await post(), await post()], [200, 401])
    await server.until(({ stderr }) =>
      /ALERT: a login of user2 that was recorded came again, from 127\.0\.0\.1; refused/.test(stderr)
    )
    const audit = join(home, 'admin', 'data', 'sft', 'classic', 'ca', 'audit')
    t.match(await readFile(audit, 'utf8'), /"reason":"replay","alert":true/)
    t.match(await admin.run(['audit', audit]), { code: 0 })
  })
  server.kill('SIGTERM')
  t.equal((await server.ended).code, 143)
  t.notMatch(server.stderr, /password\d/)
})

t.test('without --demo-users there are none; one that was added is there at once', { timeout: 170_000 }, async t => {
  const server = await admin.listen(['classic', 'auth', '--port', '0'])
  const auth = server.address
  const login = (name: string) =>
    one.run(['classic', 'login', name, '--auth', auth, '--password-file', 'password1', '--no-passphrase', '--ca', root])
  t.equal((await login('user1')).code, 43)
  t.match(await admin.run(['classic', 'user', 'add', 'Kim Lee', '--password-file', 'password1']), {
    code: 0,
    stderr: 'sft: added Kim Lee\n'
  })
  t.equal((await login('Kim Lee')).code, 0)
  t.match(
    await admin.run(['classic', 'auth', '--port', '0']),
    { code: 10, stderr: /another sft classic auth runs on this root; hint: .*--state/ },
    'one server at a time'
  )
  server.kill('SIGTERM')
  await server.ended
})

t.test('a user may be there before the root is', { timeout: 170_000 }, async t => {
  const early = new Shell(t, join(home, 'early'))
  await writeFile(join(early.directory, 'password1'), 'password1', { mode: 0o600 })
  t.match(await early.run(['classic', 'user', 'add', 'kim', '--password-file', 'password1']), {
    code: 0,
    stderr: 'sft: added kim\nsft: there is no classic root yet; the first sft classic auth makes one\n'
  })
  const server = await early.listen(['classic', 'auth', '--port', '0', '--no-passphrase'])
  const ca = /hand out (\S+)\n/.exec(server.stderr)?.[1] ?? ''
  const login = ['classic', 'login', 'kim', '--password-file', 'password1', '--no-passphrase', '--ca', ca]
  t.match(await early.run([...login, '--auth', server.address]), { code: 0 })
  server.kill('SIGTERM')
  await server.ended
})

t.test('--interactive asks for users at the terminal, then serves', { timeout: 170_000 }, async t => {
  const running = await admin.terminal('sft classic auth --port 0 --interactive', { timeout: 170_000 })
  let answered = 0
  for (const [question, answer] of [
    ['Add new user? (t/f)', 't'],
    ['alias', 'User Three'],
    ['password for User Three', 'password2'],
    ['password for User Three, again', 'password2'],
    ['Add new user? (t/f)', 'f']
  ] as const) {
    const prompt = `◆  ${question}\r\n`
    await running.until(({ stdout }) => /└/.test(stdout.toString().slice(answered).split(prompt)[1] ?? ''))
    answered = running.stdout.toString().length
    running.child.stdin?.write(`${answer}\r`)
  }
  await running.until(({ stdout }) => /listening on http:\S+\r?\n/.test(stdout.toString()))
  const [, auth = ''] = /listening on (http:\S+)/.exec(running.stdout.toString()) ?? []
  const args = [
    'classic',
    'login',
    'User Three',
    '--auth',
    auth,
    '--password-file',
    'password2',
    '--no-passphrase',
    '--ca',
    root
  ]
  t.match(await one.run(args), { code: 0 })
  t.notMatch(running.stdout.toString(), /password2/, 'no echo')
  running.child.stdin?.write('\u0003')
  t.equal((await running.ended).code, 130)
})

t.test('their auth server, our client', { skip: noDouble }, async t => {
  await runDouble(theirs, ['root', 'root'])
  const ca = join(home, 'theirs', 'root', 'root.crt')
  const server = await listenDouble(theirs, ['auth', 'root', '0', 'user1:password1'])
  const two = new Shell(t, join(home, 'two'))
  await writeFile(join(two.directory, 'password1'), 'password1')
  const args = ['classic', 'login', 'user1', '--auth', `http://localhost:${server.port}`, '--no-passphrase']
  t.match(await two.run([...args, '--password-file', 'password1', '--ca', ca]), {
    code: 0,
    stderr: /logged in as user1/
  })
  t.match(await two.run([...args, '--password-fd', '0'], { input: 'wrong' }), { code: 43 })
  t.match(await two.run([...args, '--password-file', 'password1', '--ca', root]), {
    code: 41,
    stderr: /another root is pinned/
  })
  server.destroy()
})

t.test('M140: what is kept apart', async t => {
  const published = fileURLToPath(new URL('../../data/classic/root.crt', import.meta.url))
  const refused = async (args: string[], expected: object) =>
    t.match(await one.run(['classic', ...args]), expected, args.join(' '))
  await refused(['auth', '--port', '0', '--demo-users', '--bind', '0.0.0.0', '--no-passphrase'], {
    code: 2,
    stderr: /loopback only/
  })
  await refused(['auth', '--port', '0', '--root-cert', published, '--no-passphrase'], {
    code: 2,
    stderr: /belong together/
  })
  await refused(['auth', '--port', '0'], { code: 2, stderr: /--passphrase-file/ })
  await one.run(['init', '--no-passphrase'])
  const chain = join(one.directory, 'data', 'sft', 'identity', 'root.crt')
  t.match(readFileSync(chain, 'utf8'), /BEGIN CERTIFICATE/)
  const login = ['login', 'user9', '--auth', 'http://127.0.0.1:1', '--password-file', 'password1', '--no-passphrase']
  await refused([...login, '--ca', chain], { code: 41, stderr: /no root of a classic system/ })
  t.match(
    await one.run([
      'login',
      'user1',
      '--force',
      '--auth',
      'https://127.0.0.1:1',
      '--ca',
      root,
      '--password-file',
      'password1',
      '--no-passphrase'
    ]),
    { code: 41, stderr: /names no organisation/ }
  )
  const help = await one.run(['classic', '--help'])
  t.match(help.stdout.toString(), /What the classic mode does not protect/)
})
