import { link, mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { pattern, sha256 } from '../fixtures/bytes.ts'
import { type Running, type Shell, shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

const MIB = 1024 * 1024
const ANY = '127.0.0.1:0'

const organisation = await makeOrganisation()
const directory = t.testdir({ alice: {}, bob: {}, carol: {} })
const open = async (name: string): Promise<Shell> => shellOf(t, join(directory, name), await organisation.issue(name))
const [alice, bob, carol] = await Promise.all([open('alice'), open('bob'), open('carol')])
const big = pattern(5 * MIB + 7)
await writeFile(join(alice.directory, 'big.bin'), big)

const read = (shell: Shell, path: string) => readFile(join(shell.directory, path))
const list = async (shell: Shell, path: string) => (await readdir(join(shell.directory, path))).sort()
const inbox = async (name: string): Promise<string> => {
  await mkdir(join(bob.directory, name))
  return name
}

/** A receiver of bob's that accepts alice. */
const receiver = (...args: string[]) => bob.listen(['recv', '--listen', ANY, '--from', 'alice', ...args])

/** Begins to send from standard input, which stays open; waits until `there` has some of it. */
async function sendHalf(
  to: Running & { address: string },
  begun: () => Promise<boolean>,
  from = alice
): Promise<Running> {
  const sender = from.begin(['send', '-', `bob@${to.address}`, '--name', 'half'])
  sender.child.stdin?.write(big)
  while (!(await begun())) await delay(20)
  return sender
}

const hasPart = (path: string) => async () => (await list(bob, path)).some(name => name.endsWith('.part'))

t.test('--stats says what bound each side, and where it was sealed', async t => {
  const line =
    /^sft: stats: bound by \w+; (\w+ \d+ %, ){3}socket \d+ %; (inline|\d threads?), 1\.0 MiB chunks, window \d+, aead [\w:]+$/m
  const listener = await receiver('--stats', '-o', 'stats.bin')
  const sent = await alice.run(['send', 'big.bin', `bob@${listener.address}`, '--stats', '--threads', '1'])
  t.match(sent, { code: 0, stderr: line })
  t.match(sent.stderr, /1 thread, .*, window 2,/)
  const seconds = String.raw`(\d+\.\d{3} s|-)`
  const table = (...stages: string[]): RegExp =>
    new RegExp(
      ['', ...stages]
        .map(stage => `^sft: stats: ${stage}${stage && ` +${seconds} +${seconds} +${seconds} `}.*`)
        .join('\n'),
      'm'
    )
  t.match(sent.stderr, table('read', 'seal', 'socket'))
  t.match(await listener.ended, { code: 0, stderr: line })
  t.match(listener.stderr, table('socket', 'open', 'write'))
  const sealed = await alice.run(['send', 'big.bin', '--stats'])
  t.match(sealed.stderr, /bound by .*, pipe \d+ %; inline/)
  t.notMatch((await alice.run(['send', 'big.bin'])).stderr, /stats/)
  const counted = await alice.run(['send', 'big.bin', '--stats', '--json-fd', '2'])
  const { stats } = JSON.parse(counted.stderr.trimEnd().split('\n').at(-1) ?? '')
  t.match(stats.stages, [
    { stage: 'read', bytes: big.byteLength },
    { stage: 'seal', bytes: big.byteLength },
    { stage: 'send' }
  ])
  t.notMatch(counted.stderr, 'waiting for input')
  const nobody = await alice.run(['send', 'big.bin', 'bob@127.0.0.1:1', '--stats'])
  t.match(nobody, {
    code: 10,
    stderr: /^sft: stats: nothing moved; inline, 1\.0 MiB chunks, [^;]+\n.*ERR_SFT_CONNECT\]\n$/
  })
  const strict = await receiver('--stats', '-o', 'strict.bin')
  const few = ['send', '-', `bob@${strict.address}`, '--stats', '--suite', 'rsa-oaep']
  t.match(await alice.run(few, { input: 'few' }), { code: 0, stderr: /stats: bound by .*, 64\.0 KiB chunks/ })
  t.match(
    await strict.ended,
    { code: 0, stderr: /stats: bound by .*, 64\.0 KiB chunks/ },
    'of who was not told the suite'
  )
})

t.test('get', async t => {
  const root = join(bob.directory, 'served')
  await mkdir(join(root, 'sub'), { recursive: true })
  await writeFile(join(root, 'big.bin'), big)
  await writeFile(join(root, 'sub', 'small'), 'small')
  await writeFile(join(root, 'empty'), '')
  await writeFile(join(root, 'a\u001b[31mb'), 'x')
  await writeFile(join(root, 'linked'), 'x')
  await link(join(root, 'linked'), join(bob.directory, 'other name'))
  const server = await bob.listen(['serve', 'served', '--listen', ANY])
  const get = (...args: string[]) => alice.run(['get', `bob@${server.address}`, ...args])

  t.match(await get('big.bin'), {
    code: 0,
    stderr: /received from bob@.*: big.bin as received_big.bin, 5.0 MiB, durable/
  })
  t.equal(sha256(await read(alice, 'received_big.bin')), sha256(big))
  t.equal((await stat(join(alice.directory, 'received_big.bin'))).mode & 0o777, 0o600)
  await truncate(join(alice.directory, 'received_big.bin'), 3)
  t.match(await get('big.bin'), { code: 45, stderr: /hint: --force/ })
  t.equal((await read(alice, 'received_big.bin')).byteLength, 3, 'what was there stays')
  t.match(await get('big.bin', '--force', '--suite', 'chacha20-poly1305'), { code: 0 })
  t.equal(sha256(await read(alice, 'received_big.bin')), sha256(big))
  t.match(await get('sub/small', '-o', '-'), { code: 0, stdout: Buffer.from('small'), stderr: /delivered/ })
  await mkdir(join(alice.directory, 'folder'))
  t.match(await get('sub/small', '-o', 'folder'), { code: 0, stderr: /sub\/small as folder\/received_small, 5 B/ })
  const beside = await get('sub/small', '-o', 'folder', '--rename')
  t.match(beside, { code: 0, stderr: /sub\/small as folder\/received_small \(1\), 5 B/ })
  t.same(await list(alice, 'folder'), ['received_small', 'received_small (1)'])
  t.match(await get('empty', '-o', 'nothing'), { code: 0 })
  t.equal((await read(alice, 'nothing')).byteLength, 0)
  for (const path of ['no', 'sub', '../big.bin', '/etc/passwd', 'linked', 'p'.repeat(4096)])
    t.match(await get(path, '-o', 'never'), {
      code: 3,
      stderr: 'sft: the peer refused: not found; hint: a directory comes with -r [ERR_SFT_NOT_FOUND]\n'
    })
  for (const path of ['', 'p'.repeat(4097)]) t.match(await get(path, '-o', 'never'), { code: 2, stderr: /USAGE/ })
  const escaped = await get('a\u001b[31mb', '-o', '-')
  t.match(escaped, { code: 0, stderr: /a\\u\{1b\}\[31mb/ })
  t.notMatch(escaped.stderr + server.stderr, /\u001b/, 'no escape reaches a terminal')
  await server.says(/sent to alice: a\\u\{1b\}/)
  t.match(await alice.run(['send', 'big.bin', `bob@${server.address}`]), {
    code: 44,
    stderr: /hint: .*sft serve takes nothing/
  })
  t.match(await alice.run(['msg', `bob@${server.address}`, 'hello']), { code: 44, stderr: /hint: .*--no-messages/ })
  const second = await bob.run(['serve', 'served', '--listen', server.address])
  t.match(second, { code: 10, stderr: /EADDRINUSE\); hint: .*another port \[ERR_SFT_CONNECT\]/ })

  t.match(
    await alice.run(['get', `carol@${server.address}`, 'empty']),
    { code: 41, stderr: /CERT_NAME/ },
    'not who was meant'
  )
  t.match(await alice.run(['get', server.address, 'empty']), { code: 2, stderr: /NAME@HOST:PORT/ })
  const stranger = await shellOf(t, t.testdir(), await (await makeOrganisation()).issue('alice'))
  t.match(await stranger.run(['get', `bob@${server.address}`, 'empty']), { code: 41 }, 'another root')

  server.kill('SIGTERM')
  t.match(await server.ended, { code: 143, bytes: 0, stderr: /interrupted by SIGTERM/ })
  t.match(await get('empty', '-o', 'never'), { code: 10, stderr: /ERR_SFT_CONNECT.*/ })
  t.notOk((await list(alice, '.')).includes('never'))
})

t.test('addresses that can not be had', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => taken.once('listening', resolve))
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  t.match(await bob.run(['serve', '.', '--listen', `127.0.0.1:${port}`]), { code: 10, stderr: /EADDRINUSE/ })
  t.match(await bob.run(['serve', 'no-such-directory', '--listen', ANY]), { code: 3 })
  t.match(await bob.run(['recv', '--listen', '127.0.0.1:99999', '-o', 'x']), { code: 2 })
})

t.test('send to a file: one transfer, durable before the sender ends', async t => {
  const to = await receiver('-o', 'one')
  t.match(await alice.run(['send', 'big.bin', `bob@${to.address}`]), {
    code: 0,
    stderr: /sent to .*: big.bin, 5.0 MiB, durable/
  })
  t.equal(sha256(await read(bob, 'one')), sha256(big), 'it is there when the sender says so')
  t.match(await to.ended, { code: 0, bytes: 0, stderr: /received from alice: big.bin, 5.0 MiB, durable/ })
  t.match(
    await receiver('-o', 'one').catch(error => error.message),
    /one exists/,
    'refused before anybody is asked to send'
  )
})

t.test('send to standard output, from standard input', async t => {
  const to = await receiver()
  t.match(await alice.run(['send', `bob@${to.address}`], { input: big }), { code: 0, stderr: /delivered/ })
  const { code, stdout } = await to.ended
  t.same([code, sha256(stdout)], [0, sha256(big)])
})

t.test('send to a directory', async t => {
  const path = await inbox('inbox')
  const to = await receiver('-o', path, '--max-size', '6M', '--max-total', '12M')
  const send = (...args: string[]) => alice.run(['send', 'big.bin', `bob@${to.address}`, ...args])
  t.match(await send(), { code: 0 })
  t.match(await send(), {
    code: 45,
    stderr:
      /^sft: the peer refused: exists; hint: the receiver decides: .*--force .*--rename .*--name .*\[ERR_SFT_EXISTS\]\n$/
  })
  for (const name of ['.bashrc', '.', '../x', 'a\u001b[31m', 'a\u202eb', 'a\nb'])
    t.match(
      await alice.run(['send', '-', `bob@${to.address}`, '--name', name], { input: 'x' }),
      { bytes: 0, code: /^(2|44)$/ },
      JSON.stringify(name)
    )
  t.match(await alice.run(['send', '-', `bob@${to.address}`], { input: 'x' }), { code: 0 }, 'a stream has a name, too')
  await truncate(join(alice.directory, 'big.bin'), 7 * MIB)
  t.match(
    await send('--name', 'large'),
    { code: 44, stderr: /too large; hint: .*--max-size/ },
    'announced, over --max-size'
  )
  await writeFile(join(alice.directory, 'big.bin'), big)
  const streamed = (bytes: Uint8Array, name: string) =>
    alice.run(['send', '-', `bob@${to.address}`, '--name', name], { input: bytes })
  t.not((await streamed(Buffer.concat([big, big]), 'unannounced')).code, 0, 'not announced, over --max-size')
  t.match(await streamed(big, 'second'), { code: 0 })
  t.not((await streamed(big, 'third')).code, 0, 'not announced, over --max-total')
  t.match(await send('--name', 'fourth'), { code: 44 }, 'announced, over --max-total')
  t.match(
    await carol.run(['send', '-', `bob@${to.address}`], { input: 'x' }),
    { code: 44, stderr: /refused by policy; hint: .*--from/ },
    'not accepted'
  )
  t.same(await list(bob, path), ['big.bin', 'second', 'stdin'])
  to.kill('SIGINT')
  const { code, stderr } = await to.ended
  t.equal(code, 130)
  t.match(stderr, /received from alice: stdin, 1 B, durable\n/)
  t.notMatch(stderr, /[\u001b\u202e]/)
  t.equal(sha256(await read(bob, 'inbox/second')), sha256(big))
})

t.test('one transfer at a time for those who take one', async t => {
  for (const [args, path] of [
    [['-o', 'single/file'], 'single'],
    [['-o', 'single', '--once'], 'single']
  ] as const) {
    await mkdir(join(bob.directory, path), { recursive: true })
    const to = await receiver(...args)
    const first = await sendHalf(to, hasPart(path))
    t.match(await alice.run(['send', 'big.bin', `bob@${to.address}`]), { code: 10, stderr: /busy/ })
    const second = alice.begin(['send', '-', `bob@${to.address}`])
    second.kill('SIGKILL')
    first.child.stdin?.end('end')
    t.match(await first.ended, { code: 0 })
    t.match(await to.ended, { code: 0 }, 'the failure of another connection is not this one’s')
  }
  t.same(await list(bob, 'single'), ['file', 'half'])
  const limited = await receiver('-o', 'limited', '--max-size', '1M')
  t.match(await alice.run(['send', 'big.bin', `bob@${limited.address}`]), { code: 44 }, 'announced')
  t.not((await alice.run(['send', `bob@${limited.address}`], { input: big })).code, 0, 'not announced')
  t.match(await limited.ended, { code: 12, stderr: /more than this receiver takes/ })
  t.notOk((await list(bob, '.')).includes('limited'))
})

t.test('without --from only oneself is accepted', async t => {
  const to = await bob.listen(['recv', '--listen', ANY])
  t.match(await alice.run(['send', `bob@${to.address}`], { input: 'x' }), { code: 44 })
  t.match(await bob.run(['send', `bob@${to.address}`], { input: 'mine' }), { code: 0 })
  t.match(await to.ended, { code: 0, stdout: Buffer.from('mine') })
})

t.test('a peer that dies', async t => {
  const path = await inbox('dying')
  const killed = await receiver('-o', `${path}/killed`)
  const sender = await sendHalf(killed, hasPart(path))
  killed.kill('SIGKILL')
  t.match(await sender.ended, { code: 75, stderr: /ERR_SFT_CONNECTION_LOST/ }, 'the receiver')

  for (const [args, name] of [
    [['-o', `${path}/file`], 'to a file'],
    [['-o', path, '--once'], 'to a directory']
  ] as const) {
    const to = await receiver(...args)
    const dying = await sendHalf(to, async () => (await list(bob, path)).length > 1)
    dying.kill('SIGKILL')
    t.match(await to.ended, { code: 75, stderr: /ERR_SFT_CONNECTION_LOST/ }, `the sender, ${name}`)
    t.equal((await list(bob, path)).length, 1, 'nothing is left but what a kill leaves')
  }
  const piped = await receiver()
  const dying = await sendHalf(piped, async () => piped.stdout.byteLength > 0)
  dying.kill('SIGKILL')
  t.match(await piped.ended, { code: 75, stderr: /ERR_SFT_CONNECTION_LOST/ }, 'the sender, to standard output')

  const served = await inbox('serving')
  await writeFile(join(bob.directory, served, 'sparse'), '')
  await truncate(join(bob.directory, served, 'sparse'), 2 ** 36)
  const server = await bob.listen(['serve', served, '--listen', ANY])
  for (const [victim, code] of [
    ['getter', 143],
    ['server', 75]
  ] as const) {
    const getter = alice.begin(['get', `bob@${server.address}`, 'sparse', '-o', 'copy', '--no-resume'])
    while (!(await list(alice, '.')).some(name => name.startsWith('.copy.'))) await delay(20)
    if (victim === 'getter') getter.kill('SIGTERM')
    else server.kill('SIGKILL')
    t.match(await getter.ended, { code }, victim)
    t.notMatch((await list(alice, '.')).join(' '), /copy/, 'nothing is left')
  }
})

t.test('signals at the receiver', async t => {
  const path = await inbox('signals')
  const drained = await receiver('-o', path)
  const patient = await sendHalf(drained, hasPart(path))
  drained.kill('SIGTERM')
  await delay(200)
  t.match(await alice.run(['send', 'big.bin', `bob@${drained.address}`]), { code: /^(10|75)$/ }, 'nobody new is let in')
  patient.child.stdin?.end('the end')
  t.match(await patient.ended, { code: 0, stderr: /durable/ }, 'a transfer under way completes')
  t.match(await drained.ended, {
    code: 143,
    stderr: /received from alice: half, 5.0 MiB, durable\nsft: interrupted by SIGTERM\n/
  })
  t.equal((await read(bob, `${path}/half`)).byteLength, big.byteLength + 7)

  const single = await receiver('-o', `${path}/single`)
  const another = await sendHalf(single, hasPart(path))
  single.kill('SIGTERM')
  await delay(200)
  another.child.stdin?.end()
  t.match(await single.ended, { code: 143, stderr: /durable/ }, 'also of a receiver of one')

  const hurried = await receiver('-o', path, '--force')
  const unlucky = await sendHalf(hurried, hasPart(path))
  hurried.kill('SIGTERM')
  await delay(200)
  hurried.kill('SIGTERM')
  t.match(await hurried.ended, { code: 143 }, 'a second signal ends it at once')
  t.match(await unlucky.ended, { code: 75 })

  const stopped = await receiver('-o', `${path}/stopped`)
  const count = (await list(bob, path)).length
  const told = await sendHalf(stopped, async () => (await list(bob, path)).length > count)
  stopped.kill('SIGINT')
  t.match(await stopped.ended, { code: 130 }, 'Ctrl-C does not wait')
  t.match(await told.ended, { code: 1, stderr: /the peer ended the session: cancelled/ })
  t.equal((await list(bob, path)).length, count, 'no part is left')
})

t.test('a sender that is interrupted is not at its end', async t => {
  const path = await inbox('interrupted')
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129]
  ] as const) {
    const to = await receiver('-o', `${path}/file`)
    const sender = await sendHalf(to, hasPart(path))
    sender.kill(signal)
    t.match(await sender.ended, { code, stderr: `sft: interrupted by ${signal}\n` })
    t.match(await to.ended, { code: 1, stderr: /cancelled/ })
  }
  t.same(await list(bob, path), [])
})

t.test('the receiver’s disk is full', async t => {
  const full = await receiver('-o', '/dev/full')
  t.match(await alice.run(['send', 'big.bin', `bob@${full.address}`]), { code: 11, stderr: /write error/ })
  t.match(await full.ended, { code: 11, stderr: /no space left on the disk/ })
})

t.test('a source that changes while it is sent', async t => {
  const to = await receiver('-o', 'never-complete')
  const path = join(alice.directory, 'changing')
  await writeFile(path, '')
  await truncate(path, 2 ** 36)
  const sender = alice.begin(['send', 'changing', `bob@${to.address}`])
  while (!(await list(bob, '.')).some(name => name.startsWith('.never'))) await delay(20)
  await truncate(path, 1000)
  t.match(await sender.ended, { code: 24, stderr: /changed/ })
  t.match(await to.ended, { code: 24, stderr: /source changed/ })
  t.notMatch((await list(bob, '.')).join(' '), /never/)
})
