import { join } from 'node:path'
import t from 'tap'
import { Shell } from '../fixtures/command.ts'

t.test('auth serve --interactive asks for users at its terminal, then serves', async t => {
  const admin = new Shell(t, join(t.testdir({ admin: {} }), 'admin'))
  const ca = join(admin.directory, 'ca')
  await admin.run(['auth', 'init', ca, '--org', 'example.org', '--no-passphrase'])
  const dialogue = [
    ['Add new user? (t/f)', 'perhaps'],
    ['Add new user? (t/f)', 't'],
    ['alias', 'alice'],
    ['password for alice', 'correct horse'],
    ['password for alice, again', 'correct horse'],
    ['Add new user? (t/f)', 't'],
    ['alias', 'Not A Name'],
    ['password for Not A Name', 'x'],
    ['password for Not A Name, again', 'x'],
    ['Add new user? (t/f)', 'f']
  ] as const
  const running = await admin.terminal(`sft auth serve --dir ${ca} --listen 127.0.0.1:0 --interactive`)
  let answered = 0
  for (const [question, answer] of dialogue) {
    const prompt = `◆  ${question}\r\n`
    await running.until(({ stdout }) => /└/.test(stdout.toString().slice(answered).split(prompt)[1] ?? ''))
    answered = running.stdout.toString().length
    running.child.stdin?.write(`${answer}\r`)
  }
  await running.until(({ stdout }) => /listening on https/.test(stdout.toString()))
  t.notMatch(running.stdout.toString(), /correct horse/, 'no echo')
  const { stdout } = await admin.run(['auth', 'user', 'list', '--dir', ca])
  t.match(stdout.toString(), /^alice {2}since \S+\n$/)
  running.kill('SIGTERM')
})

t.test('without a terminal it says so', async t => {
  const admin = new Shell(t, join(t.testdir({ admin: {} }), 'admin'))
  await admin.run(['auth', 'init', 'ca', '--no-passphrase'])
  const args = ['auth', 'serve', '--dir', 'ca', '--listen', '127.0.0.1:0', '--interactive']
  t.match(await admin.run(args), { code: 2, stderr: /--interactive needs a terminal/ })
})
