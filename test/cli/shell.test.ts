import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Shell } from '../fixtures/command.ts'
import { members } from '../fixtures/members.ts'
import { Seat } from '../fixtures/screen.ts'
import { seeded } from '../fixtures/seeded.ts'
import { proxy, stallAt } from '../fixtures/wire.ts'

/** `sft shell`, by people at terminals. */

const MIB = 1024 * 1024
const [CTRL_C, CTRL_D, UP] = ['\u0003', '\u0004', '\u001b[A']
const MAIN = /^request a file\? \(t\/f\)$/
const directory = t.testdir({
  alice: { shared: { 'notes.txt': 'of alice' } },
  bob: { inbox: {}, shared: { 'my report.txt': 'of bob' } }
})
const { password, server, shells, trust } = await members(t, directory, ['alice', 'bob', 'carol'])
writeFileSync(join(shells.bob.directory, 'shared/big'), seeded(3).bytes(24 * MIB))
const LISTEN = '--listen 127.0.0.1:0'
const long = { timeout: 170_000 }

/** A terminal at which somebody has typed a line, and who sits there. */
async function sit(shell: Shell, line: string, columns = 160): Promise<Seat> {
  return new Seat(await shell.terminal(`stty cols ${columns} rows 24; ${line}`, long), columns)
}

/** Answers a dialogue. */
async function converse(seat: Seat, dialogue: readonly (readonly [RegExp, string])[]): Promise<void> {
  for (const [question, answer] of dialogue) {
    await seat.asks(question)
    seat.type(answer)
  }
}

/** Of a shell that has said where it listens. */
function addressOf(name: string, { text }: Seat): string {
  const [, port] = /listening on 127\.0\.0\.1:(\d+)/.exec(text) ?? []
  return `${name}@127.0.0.1:${port}`
}

async function leave(t: Test, seat: Seat): Promise<void> {
  seat.type('quit\r')
  t.equal((await seat.running.ended).code, 0, seat.text)
}

t.test('alias, password, port, directory; a wrong password is asked for again, and shown never', async t => {
  const carol = new Shell(t, join(directory, 'elsewhere'))
  mkdirSync(carol.directory)
  const [auth, url, ca, root] = trust
  const command = `sft shell ${auth} ${url} ${ca} ${root} --no-passphrase`
  // what these prompts draw ends with their lower left corner
  const seat = await sit(carol, command)
  const ask = async (question: string, times: number): Promise<void> => {
    await seat.asks(/^└$/)
    await seat.shows(new RegExp(`◆ {2}${question}\\n[^◆]*$`))
    t.equal(seat.text.match(new RegExp(`[◆◇] {2}${question}\\n`, 'g'))?.length, times, seat.text)
  }
  await ask('alias', 1)
  seat.type('carol\r')
  await ask('password of carol', 1)
  seat.type('sesame\r')
  await ask('alias', 2)
  t.match(seat.text, /refused name or password/)
  seat.type('carol\r')
  await ask('password of carol', 2)
  seat.type('canary\r')
  await converse(seat, [
    [/^port to listen on \(12566\)$/, 'nowhere at all\r'],
    [/^directory whose files peers may get \(none\)$/, 'nowhere\r'],
    [/^directory whose files peers may get \(none\)$/, '\r'],
    [/^port to listen on/, '127.0.0.1:0\r'],
    [MAIN, 'quit\r']
  ])
  t.equal((await seat.running.ended).code, 0)
  t.match(seat.text, /not an address: nowhere at all/)
  t.match(seat.text, /there is no directory nowhere \[ERR/)
  t.notMatch(seat.running.stdout.toString(), /canary|sesame/)
  t.match((await carol.run(['whoami'])).stdout.toString(), /^carol/)
  const again = await sit(carol, `sft shell ${LISTEN} --no-serve`)
  await again.asks(MAIN)
  t.notMatch(again.text, /password/, 'the certificate is good')
  await leave(t, again)
  t.notMatch(readdirSync(join(carol.directory, 'data/sft')), ['x'], 'nothing was asked that is worth remembering')
})

t.test('two shells request files of each other, by names that Tab completes', async t => {
  const open = (name: 'alice' | 'bob') => sit(shells[name], `sft shell ${LISTEN} --serve shared`)
  const [alice, bob] = await Promise.all([open('alice'), open('bob')])
  await Promise.all([alice, bob].map(seat => seat.asks(MAIN)))
  const request = async (seat: Seat, peer: string, file: string): Promise<void> => {
    await converse(seat, [
      [MAIN, 't\r'],
      [/^peer$/, `${peer.slice(0, 2)}\t`]
    ])
    // whom the directory knows comes a moment later
    const tab = setInterval(() => seat.type('\t'), 200)
    await seat.asks(new RegExp(`^peer ${peer}$`)).finally(() => clearInterval(tab))
    seat.type('\r')
    await converse(seat, [[/^file name$/, `${file}\r`]])
    await seat.shows(/received from/)
  }
  await Promise.all([request(alice, 'bob', 'my report.txt'), request(bob, 'alice', 'notes.txt')])
  t.equal(readFileSync(join(shells.alice.directory, 'received_my report.txt'), 'utf8'), 'of bob')
  t.equal(readFileSync(join(shells.bob.directory, 'received_notes.txt'), 'utf8'), 'of alice')
  await alice.shows(/sft: sent to bob: notes\.txt, 8 B, durable/)
  await bob.shows(/sft: sent to alice: my report\.txt, 6 B, durable/)
  // again: what is there stays, and it is said how to replace it
  await converse(alice, [
    [MAIN, `t\r`],
    [/^peer$/, UP],
    [/^peer bob$/, '\r'],
    [/^file name$/, 'my\t'],
    [/^file name my report\.txt$/, '\r']
  ])
  await alice.shows(/hint: get -f bob:my\\ report\.txt repl/)
  await converse(alice, [
    [MAIN, `get bob:m\t`],
    [/^request a file\? \(t\/f\) get bob:my\\ report\.txt$/, ' other\r'],
    [MAIN, 'peers\r']
  ])
  await alice.shows(/^bob {2}receives at 127[\s\S]*serves at 127/m)
  t.equal(readFileSync(join(shells.alice.directory, 'other'), 'utf8'), 'of bob')
  await converse(alice, [
    [MAIN, 'get bob:nothing\r'],
    [MAIN, 'hlep\r'],
    [MAIN, 'send shared/notes.txt bob:\r'],
    [MAIN, 'f\r'],
    [MAIN, 'help\r']
  ])
  await alice.shows(/the arrow keys/)
  for (const said of [/refused: not found/, /no such command: hlep/, /PUSH_REFUSED/, /answered meanwhile/])
    t.match(alice.text.replaceAll('\n', ''), said)
  await Promise.all([leave(t, alice), leave(t, bob)])
})

t.test('what is remembered from one shell to the next', async t => {
  const file = join(shells.alice.directory, 'data/sft/shell-history')
  t.equal(statSync(file).mode & 0o777, 0o600)
  const kept = readFileSync(file, 'utf8')
  t.match(kept, /^get bob:my\\ report\.txt\n/, 'a request as the command for it')
  t.match(kept, /\npeers\n/)
  const seat = await sit(shells.alice, `sft shell ${LISTEN} --no-serve`)
  await converse(seat, [
    [MAIN, UP],
    [/\(t\/f\) help$/, UP],
    [/\(t\/f\) send shared\/notes\.txt bob:$/, CTRL_C],
    [MAIN, ' secret words\r'],
    [MAIN, 'msg nobody secret words\r'],
    [MAIN, UP],
    [/\(t\/f\) msg nobody secret words$/, CTRL_C]
  ])
  await leave(t, seat)
  t.equal(readFileSync(file, 'utf8'), kept, 'no message, and nothing behind a blank')
})

t.test('a long line that is being typed stays whole below what happens meanwhile', async t => {
  const [alice, bob] = await Promise.all([
    sit(shells.alice, `sft shell ${LISTEN} --no-serve`),
    sit(shells.bob, `sft shell ${LISTEN} --serve shared -o inbox --from alice`, 60)
  ])
  await Promise.all([alice, bob].map(seat => seat.asks(MAIN)))
  const typed = `${'x'.repeat(80)}${'y'.repeat(20)}`
  bob.type(typed)
  await bob.asks(/^y{2}$/)
  // the cursor three lines up, where the terminal has broken it
  const to = addressOf('bob', bob)
  for (const [line, seen] of [
    [
      `msg ${to} one\u200b${'z'.repeat(50)}`,
      /message from alice: one\\u\{200b\}z+\nsft: message from alice: z+\nrequest [^z]*\nyy$/
    ],
    [`send shared/notes.txt ${to}`, /received from alice: notes\.txt, 8 B, durable\nrequest [^z]*\nyy$/]
  ] as const) {
    alice.type(`${line}\r`)
    await bob.shows(seen)
  }
  const lines = bob.text.split('\n')
  t.strictSame(lines.slice(-3), [`request a file? (t/f) ${typed.slice(0, 38)}`, typed.slice(38, 98), 'yy'])
  t.match(lines.at(-4), /^sft: received from alice/)
  bob.type('\u0001')
  bob.type('a')
  await bob.shows(/\(t\/f\) ax{37}\n/)
  alice.type(`msg ${to} two\r`)
  await bob.shows(/alice: two\nrequest a file\? \(t\/f\) ax{37}\nx{43}y{17}\nyyy$/)
  bob.type(`b${CTRL_C}`)
  await bob.shows(/\(t\/f\) abx{36}\nx{44}y{16}\ny{4}\^C\nrequest a file\? \(t\/f\)$/)
  t.equal(bob.text.match(/abx/g)?.length, 1, 'it stands there once')
  t.equal(readFileSync(join(shells.bob.directory, 'inbox/notes.txt'), 'utf8'), 'of alice')
  await Promise.all([leave(t, alice), leave(t, bob)])
})

t.test('Ctrl-C while something moves cancels that, which goes on later; the line shows how far it is', async t => {
  const bob = await sit(shells.bob, `sft shell ${LISTEN} --serve shared`)
  await bob.asks(MAIN)
  const port = Number(addressOf('bob', bob).split(':')[1])
  const stalled = await proxy(t, { host: '127.0.0.1', port }, () => ({ down: stallAt(16 * MIB) }))
  const alice = await sit(shells.alice, `sft shell ${LISTEN} --no-serve --rename`)
  writeFileSync(join(shells.alice.directory, 'received_my report.txt'), 'of somebody')
  await converse(alice, [[MAIN, `get ${addressOf('bob', bob)} "my report.txt"\r`]])
  await alice.shows(/: my report\.txt as received_my report \(1\)\.txt, 6 B/)
  await converse(alice, [[MAIN, `get bob@127.0.0.1:${stalled.port} big\r`]])
  await alice.asks(/^\[#+-+\] 1\d\.\d MiB of 24\.0 MiB, \d+ %/)
  alice.type('peers\r')
  await alice.shows(/peers$/)
  alice.type(CTRL_C)
  await alice.shows(/^sft: cancelled\nsft: 1\d\.\d MiB of it are kept: the same again goes on/m)
  await alice.shows(/\(t\/f\) peers$/m)
  await converse(alice, [[MAIN, `get ${addressOf('bob', bob)} big received_big\r`]])
  await alice.shows(/, resumed at 1\d\.\d/)
  t.equal(statSync(join(shells.alice.directory, 'received_big')).size, 24 * MIB)
  alice.type(`get bob@127.0.0.1:${stalled.port} big another\r`)
  await alice.asks(/^\[#+-+\] 1\d\.\d MiB of 24\.0 MiB, \d+ %/)
  alice.type(`get bob:big never\r${CTRL_D}`)
  await alice.shows(/^sft: leaving once this has ended; Ctrl-C ends it$/m)
  alice.type(CTRL_C)
  t.equal((await alice.running.ended).code, 130, alice.text)
  t.match(alice.text, /sft: cancelled\nsft: 1\d\.\d MiB of it are kept/)
  await leave(t, bob)
})

t.test('Ctrl-C elsewhere: at a password, at a question, at an empty line twice; Ctrl-D; no terminal', async t => {
  const login = await sit(shells.alice, `sft shell alice --login ${LISTEN}`)
  await login.shows(/password of alice\n[^◆]*└$/)
  login.type(CTRL_C)
  t.equal((await login.running.ended).code, 130)
  t.match(login.text, /sft: interrupted by SIGINT/)
  const port = await sit(shells.alice, 'sft shell')
  await converse(port, [[/^port/, CTRL_C]])
  t.equal((await port.running.ended).code, 130)
  const seat = await sit(shells.alice, `sft shell ${LISTEN} --no-serve`)
  await converse(seat, [
    [MAIN, 't\r'],
    [/^peer$/, CTRL_C],
    [MAIN, `half${CTRL_C}`],
    [MAIN, CTRL_C]
  ])
  await seat.shows(/sft: Ctrl-C once more leaves/)
  await converse(seat, [
    [MAIN, '\r'],
    [MAIN, CTRL_C]
  ])
  await seat.shows(/once more leaves[\s\S]*once more leaves/)
  await converse(seat, [[MAIN, CTRL_C]])
  t.equal((await seat.running.ended).code, 130)
  const ending = await sit(shells.alice, `sft shell ${LISTEN} --no-serve; echo; stty -a`)
  await converse(ending, [[MAIN, CTRL_D]])
  const { code, stdout } = await ending.running.ended
  t.match({ code, stdout: stdout.toString() }, { code: 0, stdout: / icanon .* echo / }, 'the terminal as it was')
  for (const args of [[], ['--no-input']])
    t.match(await shells.alice.run(['shell', ...args]), { code: 2, bytes: 0, stderr: /terminal; hint: sft get/ })
  for (const line of ['sft shell --no-input', 'TERM=dumb sft shell'])
    t.equal((await (await sit(shells.alice, line)).running.ended).code, 2, line)
})

t.test('three wrong passwords, another alias, no auth server', async t => {
  const wrong = await sit(shells.bob, `sft shell bob --login ${LISTEN}`)
  for (const times of [1, 2, 3]) {
    await wrong.running.until(() => (wrong.text.match(/[◆◇] {2}password of bob/g)?.length ?? 0) === times)
    await wrong.shows(/◆ {2}password of bob\n[^◆]*└$/)
    wrong.type('sesame\r')
  }
  t.equal((await wrong.running.ended).code, 43)
  const other = await sit(shells.bob, 'sft shell alice')
  t.equal((await other.running.ended).code, 45)
  t.match(other.text.replaceAll('\n', ''), /hint: sft login alice --force/)
  const nobody = new Shell(t, join(directory, 'nobody'))
  mkdirSync(nobody.directory)
  const lost = await sit(nobody, 'sft shell')
  t.equal((await lost.running.ended).code, 2)
  const scripted = `--password-file ${password} ${LISTEN} --no-serve`
  const file = await sit(nobody, `sft shell bob ${trust.slice(0, 4).join(' ')} ${scripted}`)
  const passphrase = async (seat: Seat, question: string): Promise<void> => {
    await seat.shows(new RegExp(`◆ {2}${question}\\n[^◆]*└$`))
    seat.type('correct horse\r')
  }
  await passphrase(file, 'new passphrase for the key')
  await passphrase(file, 'new passphrase for the key, again')
  await file.asks(MAIN)
  await leave(t, file)
  const again = await sit(nobody, `sft shell ${LISTEN} --no-serve`)
  await passphrase(again, 'passphrase of your key')
  await again.asks(MAIN)
  await leave(t, again)
})

t.test('whoever leaves lets peers finish, and Ctrl-C does not; a terminal that goes away ends it', async t => {
  const bob = await sit(shells.bob, `sft shell ${LISTEN} --serve shared`)
  await bob.asks(MAIN)
  const port = Number(addressOf('bob', bob).split(':')[1])
  const slow = await proxy(t, { host: '127.0.0.1', port }, () => ({ down: stallAt(4 * MIB) }))
  const getting = shells.alice.begin(['get', `bob@127.0.0.1:${slow.port}`, 'big', '-o', 'never'])
  while (slow.counts.down < MIB) await delay(20)
  bob.type(CTRL_D)
  await bob.shows(/peers have transfers under way; Ctrl-C ends them/)
  bob.type(CTRL_C)
  t.equal((await bob.running.ended).code, 130)
  t.match(await getting.ended, { code: 75 })
  const gone = await sit(shells.bob, `exec sft shell ${LISTEN} --no-serve`)
  await gone.asks(MAIN)
  const address = addressOf('bob', gone)
  t.match(await shells.alice.run(['msg', address, 'x']), { code: 0 })
  gone.running.kill('SIGKILL')
  await gone.running.ended
  let code: number | null = 0
  while (code === 0) code = (await shells.alice.run(['msg', address, 'x'])).code
  t.equal(code, 10, 'nobody listens there any more')
  const closed = await sit(shells.bob, `trap '' HUP; sft shell ${LISTEN} --no-serve 2> said; echo "exit $?" >> said`)
  await closed.asks(MAIN)
  closed.running.kill('SIGKILL')
  const said = (): string => readFileSync(join(shells.bob.directory, 'said'), 'utf8')
  while (!/^exit \d+\n/m.test(said())) await delay(20)
  // the end of the input, or the signal, whichever is first
  t.match(said(), /^exit (0|129)\n/m, 'a terminal that is closed')
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    const stopped = await sit(shells.bob, `echo $$; exec sft shell ${LISTEN} --no-serve`)
    await stopped.asks(MAIN)
    process.kill(Number(/^\d+$/m.exec(stopped.text)?.[0]), name)
    await stopped.shows(new RegExp(`interrupted by ${name}`))
    await stopped.running.ended
  }
  server.kill('SIGTERM')
})
