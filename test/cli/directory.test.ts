import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Shell } from '../fixtures/command.ts'
import { members } from '../fixtures/members.ts'

/** Peers by name alone: `sft send FILE bob:`, `sft get bob:PATH`, `sft peers list`. */

const directory = t.testdir({ bob: { inbox: {}, shared: { sub: { file: 'contents\n' } } } })
const { password, server, shells } = await members(t, directory, ['alice', 'bob'])
const { alice, bob } = shells
const long = { timeout: 170_000 }
const serving = await bob.listen(['serve', join(bob.directory, 'shared'), '--listen', '127.0.0.1:0'], long)
const inbox = join(bob.directory, 'inbox')
const receiving = await bob.listen(['recv', '--listen', '127.0.0.1:0', '-o', inbox, '--from', 'alice'], long)
const present = async () => (await alice.run(['peers', 'list', '--json'])).stdout.toString()
while (((await present()).match(/"kind"/g)?.length ?? 0) < 2);

t.test('sft peers list says who is listening where', async t => {
  const listening = [
    { kind: 'receive', host: '127.0.0.1', port: Number(receiving.address.split(':')[1]) },
    { kind: 'serve', host: '127.0.0.1', port: Number(serving.address.split(':')[1]) }
  ]
  t.strictSame(JSON.parse(await present()), { name: 'bob', listening })
  const words = (await alice.run(['peers', 'list'])).stdout.toString()
  t.equal(words, `bob  receives at ${receiving.address}, serves at ${serving.address}\n`)
  t.match(await alice.run(['peers', 'list', '--book']), { code: 0, bytes: 0 })
})

t.test('a name is enough to get, to send, and to seal for', async t => {
  t.match(await alice.run(['get', 'bob:sub/file', '-o', '-']), { code: 0, stdout: Buffer.from('contents\n') })
  const file = join(directory, 'report.txt')
  writeFileSync(file, 'report\n')
  t.match(await alice.run(['send', file, 'bob:']), {
    code: 0,
    stderr: /^sft: sent to bob@127\.0\.0\.1:\d+: report\.txt/
  })
  t.match(await alice.run(['send', 'bob:', '--name', 'piped'], { input: 'from a pipe' }), { code: 0 })
  t.strictSame(readdirSync(inbox).sort(), ['piped', 'report.txt'])
  t.match(await alice.run(['msg', 'bob', 'hello']), { code: 0, stderr: /^sft: delivered to bob@127\.0\.0\.1:\d+\n$/ })
  await receiving.until(({ stdout }) => stdout.toString() === 'alice: hello\n')
  t.equal(readFileSync(join(inbox, 'piped'), 'utf8'), 'from a pipe')
  const sealed = await alice.run(['send', '--to', 'bob'], { input: 'x' })
  t.match(await bob.run(['recv', '--from', 'alice'], { input: sealed.stdout }), { code: 0, stdout: Buffer.from('x') })
  const both = await alice.run(['send', '--to', 'bob', '--to', 'alice'], { input: 'y' })
  for (const member of [alice, bob])
    t.match(await member.run(['recv'], { input: both.stdout }), { code: 0, stdout: Buffer.from('y') })
})

t.test('what can not be found says why, and what to do', async t => {
  t.match(await alice.run(['get', 'nobody:file', '-o', '-']), { code: 2, stderr: /ERR_SFT_UNKNOWN_PEER/, bytes: 0 })
  t.match(await bob.run(['get', 'alice:file', '-o', '-']), { code: 10, stderr: /hint: alice runs: sft serve DIR/ })
  t.match(await bob.run(['send', password, 'alice:']), { code: 10, stderr: /hint: alice runs: sft recv --listen/ })
  t.match(await alice.run(['send', password, 'bob:dir']), { code: 2, stderr: /hint: write bob:/ })
  t.match(await alice.run(['msg', 'bob:dir', 'x']), { code: 2, stderr: /a peer is NAME@HOST:PORT|not an address/ })
  t.match(await alice.run(['get', 'bob:']), { code: 2, stderr: /what to get is missing/ })
  t.match(await alice.run(['send', '--to', 'nobody'], { input: 'x' }), { code: 2, bytes: 0 })
  const lone = new Shell(t, t.testdir({}))
  await lone.run(['init', '--name', 'kim', '--no-passphrase'])
  t.match(await lone.run(['get', 'bob:file']), { code: 2, stderr: /hint: write NAME@HOST:PORT/ })
})

t.test('A15: with a policy only what it allows is answered, and the owner sees what was asked', async t => {
  const config = join(directory, 'bob/.config/sft')
  mkdirSync(config, { recursive: true })
  const allow = (path: string): void =>
    writeFileSync(
      join(config, 'policy.json'),
      JSON.stringify({
        rules: [
          { who: ['alice'], may: 'get', where: [path] },
          { who: ['alice'], may: 'send', maxSize: 4 }
        ]
      })
    )
  allow('sub/*')
  const audit = join(directory, 'audit')
  const options = ['--listen', '127.0.0.1:0', '--no-announce', '--audit', audit]
  const guarded = await bob.listen(['serve', join(bob.directory, 'shared'), ...options])
  const get = ['get', `bob@${guarded.address}`, 'sub/file', '-o', '-']
  t.match(await alice.run(get), { code: 0 })
  allow('other/*')
  t.match(await alice.run(get), { code: 3, bytes: 0, stderr: /the peer refused: not found/ })
  await guarded.says(/^sft: denied: alice may not get sub\/file$/m)
  guarded.kill('SIGTERM')
  await guarded.ended
  const taking = await bob.listen(['recv', ...options])
  t.match(await alice.run(['send', `bob@${taking.address}`], { input: 'four' }), { code: 0 }, 'without --from')
  t.match(await taking.ended, { code: 0, stdout: Buffer.from('four') })
  rmSync(join(config, 'policy.json'))
  t.match(await bob.run(['audit', audit]), { code: 0, stdout: /^6 lines from 1, intact; head [0-9a-f]{64}\n$/ })
  const lines = readFileSync(audit, 'utf8')
  t.match(lines, /"type":"transfer","result":"delivered","by":"peer|"direction":"received","path":"stdin","bytes":4/)
  writeFileSync(audit, lines.replace('"deny"', '"fine"'))
  t.match(await bob.run(['audit', audit]), { code: 40, stderr: /line 5 of the audit: .* was changed .*ERR_SFT_AUDIT/ })
  const broken = join(directory, 'broken.json')
  writeFileSync(broken, '{"rules":[{"who":["alice"],"may":"read"}]}')
  const refused = await bob.run(['serve', join(bob.directory, 'shared'), '--policy', broken])
  t.match(refused, { code: 2, stderr: /may of rule 1 is get, send or message/ })
})

t.test('whoever stops is gone from the directory; without an auth server the book is what there is', async t => {
  serving.kill('SIGTERM')
  await serving.ended
  t.match(await alice.run(['get', 'bob:sub/file', '-o', '-']), { code: 10, stderr: /ERR_SFT_CONNECT/ })
  const quiet = await bob.listen(['serve', join(bob.directory, 'shared'), '--listen', '127.0.0.1:0', '--no-announce'])
  t.match(await alice.run(['get', `bob@${quiet.address}`, 'sub/file', '-o', '-']), { code: 0 })
  t.notMatch(await present(), /"serve"/)
  quiet.kill('SIGTERM')
  await quiet.ended
  server.kill('SIGKILL')
  await server.ended
  t.match(await alice.run(['peers', 'list']), { code: 0, bytes: 0, stderr: /the directory is not asked/ })
})
