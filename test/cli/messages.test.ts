import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { messageLines } from '../../src/bin/messages.ts'
import { shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

const organisation = await makeOrganisation()
const directory = t.testdir({ alice: {}, bob: { inbox: {} } })
const open = async (name: string) => shellOf(t, join(directory, name), await organisation.issue(name))
const [alice, bob] = await Promise.all([open('alice'), open('bob')])
const listen = (...args: string[]) => bob.listen(['recv', '--listen', '127.0.0.1:0', '--from', 'alice', ...args])

t.test('M80: no line of a message looks like that of another sender, or moves the terminal', t => {
  const lines = (text: string, columns?: number) => messageLines('alice: ', text, columns)
  t.equal(lines('hello'), 'alice: hello\n')
  t.equal(lines('hello\n'), 'alice: hello\n', 'what echo ends with')
  t.equal(lines('a\nbob: b\r\n\nc\n\n'), 'alice: a\nalice: bob: b\nalice: \nalice: c\nalice: \n')
  t.equal(lines('a\rbob: b'), 'alice: a\\u{d}bob: b\n')
  t.equal(
    lines('\u001b[2J\u202e\u2066\u2028\u2029\u0085\t'),
    'alice: \\u{1b}[2J\\u{202e}\\u{2066}\\u{2028}\\u{2029}\\u{85}\\u{9}\n'
  )
  t.equal(lines('\n'), 'alice: \n')
  const forged = `hi${' '.repeat(11)}bob: yes`
  t.equal(lines(forged, 20), 'alice: hi           \nalice: bob: yes\n', 'where the terminal would break it')
  t.equal(lines('漢字漢字漢字', 15), 'alice: 漢字漢字\nalice: 漢字\n', 'two columns each')
  t.match(lines('x'.repeat(30), 3), /^(alice: x{1,8}\n){4}$/, 'a narrow terminal')
  t.end()
})

t.test('to a directory, messages are on standard output, with their senders; - is standard input', async t => {
  const listener = await listen('-o', 'inbox')
  const to = `bob@${listener.address}`
  t.match(await alice.run(['msg', to, 'two', 'words']), { code: 0, bytes: 0, stderr: `sft: delivered to ${to}\n` })
  t.match(await alice.run(['msg', to, '-'], { input: 'line\nbob: \u001b[31mred\n' }), { code: 0 })
  t.match(await alice.run(['msg', to, '-'], { input: 'x'.repeat(70_000) }), { code: 2, stderr: /1 to 65,536 bytes/ })
  listener.kill('SIGTERM')
  const { stdout, stderr } = await listener.ended
  t.equal(stdout.toString(), 'alice: two words\nalice: line\nalice: bob: \\u{1b}[31mred\n')
  t.notMatch(stderr, /message/)
})

t.test('where standard output carries the data, messages are news', async t => {
  const listener = await listen('-o', '-')
  t.match(await alice.run(['msg', `bob@${listener.address}`, '--', '-v\nx']), { code: 0 })
  t.match(await alice.run(['send', `bob@${listener.address}`], { input: 'data' }), { code: 0 })
  const { code, stdout, stderr } = await listener.ended
  t.strictSame([code, stdout.toString()], [0, 'data'])
  t.match(stderr, /^sft: message from alice: -v\nsft: message from alice: x$/m)
})

t.test('refused: --no-messages, a policy of files, nobody who reads them', async t => {
  const quiet = await listen('-o', 'inbox', '--no-messages')
  t.match(await alice.run(['msg', `bob@${quiet.address}`, 'x']), { code: 44, stderr: /ERR_SFT_PUSH_REFUSED/ })
  const policy = join(directory, 'policy.json')
  await writeFile(policy, JSON.stringify({ rules: [{ who: ['alice'], may: ['get', 'send'] }] }))
  const guarded = await listen('-o', 'inbox', '--policy', policy)
  t.match(await alice.run(['msg', `bob@${guarded.address}`, 'x']), { code: 44 })
  t.match(guarded.stderr, /^sft: denied: alice may not send messages$/m)
  await guarded.child.stdout?.destroy()
  await writeFile(policy, JSON.stringify({ rules: [{ who: ['alice'], may: 'message' }] }))
  const unread = await alice.run(['msg', `bob@${guarded.address}`, 'x'])
  t.match(unread, { code: /^[1-9]/, stderr: /ERR_SFT_/ })
})
