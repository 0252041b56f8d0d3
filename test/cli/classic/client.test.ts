import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { storePrivateKey } from '../../../src/auth/certificates/keys.ts'
import { pattern } from '../../fixtures/bytes.ts'
import { classicIdentity, keepForDouble, listenDouble, makeClassicSystem, noDouble } from '../../fixtures/classic.ts'
import { type Running, Shell } from '../../fixtures/command.ts'

/** The client of the classic system, at a terminal. */

const system = await makeClassicSystem()
const home = t.testdir({
  admin: {},
  one: { 'of mine': pattern(250), '.profile': 'secret' },
  two: {},
  theirs: { files: { 'of theirs': pattern(333) } }
})
const admin = new Shell(t, join(home, 'admin'))
await writeFile(join(admin.directory, 'root.pem'), system.certificate.toString())
await writeFile(join(admin.directory, 'root.key'), storePrivateKey(system.privateKey, undefined), { mode: 0o600 })
const server = await admin.listen(
  [
    'classic',
    'auth',
    '--port',
    '0',
    '--demo-users',
    '--root-cert',
    'root.pem',
    '--root-key',
    'root.key',
    '--no-passphrase'
  ],
  { timeout: 170_000 }
)
const ca = join(admin.directory, 'root.pem')
t.teardown(() => server.destroy())

/** Types an answer once a question is there. */
function typist(running: Running) {
  let answered = 0
  return async (question: string, answer: string) => {
    const prompt = `◆  ${question}\r\n`
    await running.until(({ stdout }) => /└/.test(stdout.toString().slice(answered).split(prompt)[1] ?? ''))
    answered = running.stdout.toString().length
    running.child.stdin?.write(`${answer}\r`)
  }
}

t.test('logs in, listens and requests, asking as the classic client does', { timeout: 170_000 }, async t => {
  const one = new Shell(t, join(home, 'one'))
  const two = new Shell(t, join(home, 'two'))
  const options = `--auth ${server.address} --ca ${ca} --no-passphrase`
  const first = await one.terminal(`sft classic client ${options}`, { timeout: 170_000 })
  const type = typist(first)
  await type('Enter Alias:', 'user1')
  await type('password of user1', 'password1')
  await type('Enter port to listen on:', '0')
  await first.until(({ stdout }) => /listening on 127\.0\.0\.1:\d+/.test(stdout.toString()))
  const port = /listening on 127\.0\.0\.1:(\d+)/.exec(first.stdout.toString())?.[1] ?? ''
  await type('Do you like to request a file? t/f?', 'perhaps')

  const second = await two.terminal(`sft classic client ${options} --alias user2 --port 0`, { timeout: 170_000 })
  const typeToo = typist(second)
  await typeToo('password of user2', 'password2')
  for (const name of ['of mine', 'of mine', '.profile']) {
    await typeToo('Do you like to request a file? t/f?', 't')
    await typeToo("Enter peer's port:", port)
    await typeToo('Enter the file name:', name)
  }
  await typeToo('Do you like to request a file? t/f?', 'f')
  const said = second.stdout.toString()
  t.match(said, /UNAUTHENTICATED: received_of mine, 250 bytes, from whoever showed the certificate of user1/)
  t.match(said, /UNAUTHENTICATED: received_of mine as received_of mine \(1\)/)
  t.match(said, /nothing came: the file is empty, or the classic server does not have it/)
  t.notMatch(said, /password2/, 'no echo')
  for (const name of ['received_of mine', 'received_of mine (1)'])
    t.ok((await readFile(join(two.directory, name))).equals(pattern(250)))
  await first.until(({ stdout }) => /denied: \.profile/.test(stdout.toString()))

  await t.test('of a classic client', { skip: noDouble }, async t => {
    const theirs = new Shell(t, join(home, 'theirs'))
    await keepForDouble(theirs.directory, await classicIdentity(system, 'user3'))
    const listening = await listenDouble(theirs, ['serve', '../root.crt', '..', '0'], {
      cwd: join(home, 'theirs', 'files')
    })
    await type('Do you like to request a file? t/f?', 't')
    await type("Enter peer's port:", String(listening.port))
    await type('Enter the file name:', 'of theirs')
    await type('Do you like to request a file? t/f?', 't')
    t.ok((await readFile(join(one.directory, 'received_of theirs'))).equals(pattern(333)))
    listening.destroy()
  })
  // Ctrl-C at a prompt
  await first.until(({ stdout }) => /Enter peer's port:\r\n(.|\r|\n)*└/.test(stdout.toString().slice(-200)))
  first.child.stdin?.write('\u0003')
  t.equal((await first.ended).code, 130)
  second.child.stdin?.write('\u0003')
  t.equal((await second.ended).code, 130, 'and while it only listens')
  t.same(
    (await readdir(two.directory)).filter(name => name.endsWith('.part')),
    []
  )
})

t.test('without a terminal it listens, and what it would ask for is an option', { timeout: 170_000 }, async t => {
  const three = new Shell(t, t.testdir({ password: 'password1', file: 'x' }))
  const options = ['--auth', server.address, '--ca', ca, '--no-passphrase', '--password-file', 'password']
  t.match(await three.run(['classic', 'client', ...options]), {
    code: 2,
    stderr: /nobody to ask: Enter Alias:; hint: --alias/
  })
  t.match(await three.run(['classic', 'client', ...options, '--alias', 'user1']), { code: 2, stderr: /hint: --port/ })
  const client = await three.listen(['classic', 'client', ...options, '--alias', 'user1', '--port', '0'])
  const got = await three.run(['classic', 'get', client.address, 'file', '--expect-size', '1'])
  t.match(got, { code: 0 })
  client.kill('SIGTERM')
  t.equal((await client.ended).code, 143)
})
