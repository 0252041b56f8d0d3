import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { encodeCertificates } from '../../src/auth/certificates/pem.ts'
import { pattern } from '../fixtures/bytes.ts'
import { type Shell, shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

const MIB = 1024 * 1024

const organisation = await makeOrganisation()
const stranger = await (await makeOrganisation()).issue('alice')
const alice = await organisation.issue('alice')
const bob = await organisation.issue('bob')
const directory = t.testdir({ alice: {}, bob: {}, stranger: {} })
const here: Shell = await shellOf(t, join(directory, 'alice'), alice)
const there: Shell = await shellOf(t, join(directory, 'bob'), bob)
const outside: Shell = await shellOf(t, join(directory, 'stranger'), stranger)
const bobCertificate = join(here.directory, 'bob.crt')
await writeFile(bobCertificate, encodeCertificates(bob.chain))
const big = pattern(10 * MIB + 5)
const bigFile = join(here.directory, 'big.bin')
await writeFile(bigFile, big)
// a stored stream of big.bin for bob
const stored = await here.run(['send', 'big.bin', '--to', bobCertificate])

t.test('send | recv, every size', async t => {
  for (const size of [0, 1, MIB - 1, MIB, MIB + 1, 10 * MIB]) {
    const name = `of-${size}`
    await writeFile(join(here.directory, name), big.subarray(0, size))
    const result = await here.bash(
      `set -o pipefail; sft send ${name} | sft recv > ${name}.copy && cmp ${name} ${name}.copy`
    )
    t.match(result, { code: 0, stderr: `sft: from alice (example.org): ${name}\n` }, `${size} bytes`)
  }
})

t.test('ways in and out', async t => {
  const way = async (line: string) => t.match(await here.bash(`set -o pipefail; ${line}`), { code: 0, bytes: 0 }, line)
  await way('sft send < big.bin | sft recv | cmp - big.bin')
  await way('cat big.bin | sft send - | sft recv - | cmp - big.bin')
  await way('sft send big.bin -o stored && sft recv stored -o opened && cmp opened big.bin')
  await way('sft send big.bin -o - | sft recv -o - | cmp - big.bin')
  await way('sft send big.bin --suite chacha20-poly1305 --chunk-size 16K | sft recv | cmp - big.bin')
  await way('sft send big.bin --threads 0 --chunk-size 64KiB | sft recv --threads 2 | cmp - big.bin')
  await way('sft send big.bin | sft recv --hold held | cmp - big.bin')
  await way('mkfifo in out; (cat big.bin > in &) ; sft send in | (sft recv -o out & cmp out big.bin; wait)')
  t.equal((await stat(join(here.directory, 'opened'))).mode & 0o777, 0o600)
  t.same(
    (await readdir(here.directory)).filter(name => /part|held/.test(name)),
    []
  )
})

t.test('what a suite and a chunk size change', async t => {
  const size = async (...options: string[]) => (await here.run(['send', 'big.bin', ...options])).stdout.byteLength
  const chunks = (bytes: number) => Math.ceil(big.byteLength / bytes)
  const large = await size()
  const small = await size('--chunk-size', '16K')
  t.ok(small - large >= 31 * (chunks(16384) - chunks(MIB)) - 64, 'every chunk has its frame, index and tag')
  const { stdout } = await here.run(['send', 'big.bin', '--suite', 'chacha20-poly1305', '--chunk-size', '32K'])
  const body = stdout.indexOf('STRM') + 4
  t.same([...stdout.subarray(body, body + 4)], [1, 2, 15, 0], 'version, suite, chunk size, no VAR for a file')
  const piped = await here.run(['send'], { input: 'x' })
  t.equal(piped.stdout[piped.stdout.indexOf('STRM') + 7], 1, 'VAR for a pipe')
})

t.test('for somebody else', async t => {
  t.match(stored, { code: 0, stderr: '' })
  t.match(await here.run(['recv'], { input: stored.stdout }), {
    code: 40,
    bytes: 0,
    stderr: /NOT_RECIPIENT/
  })
  const opened = await there.run(['recv'], { input: stored.stdout })
  t.match(opened, { code: 0, stderr: 'sft: from alice (example.org): big.bin\n' })
  t.ok(opened.stdout.equals(big))
  t.match(await here.run(['send', 'big.bin', '--to', 'bob']), {
    code: 2,
    bytes: 0,
    stderr: /UNKNOWN_PEER/
  })
  t.match(await here.run(['peers', 'add', 'bob.crt']), { code: 0, stderr: /added bob/ })
  const named = await here.run(['send', 'big.bin', '--to', 'bob'])
  t.match(await there.run(['recv', '-o', 'named'], { input: named.stdout }), { code: 0 })
  t.ok((await readFile(join(there.directory, 'named'))).equals(big))
  t.match(await outside.run(['recv'], { input: stored.stdout }), { code: 40, bytes: 0 })
  await writeFile(join(outside.directory, 'bob.crt'), encodeCertificates(bob.chain))
  t.match(await outside.run(['send', '--to', './bob.crt'], { input: 'x' }), {
    code: 41,
    bytes: 0,
    stderr: /CERT_UNTRUSTED/
  })
})

t.test('for several, sealed once', async t => {
  const sent = await here.run(['send', 'big.bin', '--to', 'bob', '--to', 'alice', '--to', 'bob.crt', '-o', 'for-both'])
  t.match(sent, { code: 0, stderr: '' })
  const bytes = await readFile(join(here.directory, 'for-both'))
  t.equal(bytes[bytes.indexOf('STRM') + 4 + 44], 2, 'a stanza for each key, however often it was named')
  await writeFile(join(there.directory, 'for-both'), bytes)
  t.match(await here.bash('sft recv for-both | cmp - big.bin'), { code: 0 })
  t.match(await there.run(['recv', 'for-both', '--from', 'alice', '-o', 'of-both']), { code: 0 })
  t.ok((await readFile(join(there.directory, 'of-both'))).equals(big))
  t.match(await outside.run(['recv'], { input: bytes }), { code: 40, bytes: 0, stderr: /NOT_RECIPIENT/ })
  const end = Buffer.concat([
    bytes.subarray(0, bytes.lastIndexOf('CKPT') - 2),
    bytes.subarray(bytes.lastIndexOf('FINL') - 1)
  ])
  for (const to of [[], ['-o', 'unsigned']])
    t.match(await there.run(['recv', ...to], { input: end }), { code: 40, bytes: 0, stderr: /ERR_SFT_SIGNATURE/ })
  t.notOk((await readdir(there.directory)).includes('unsigned'))
  const pipe = await here.bash('set -o pipefail; cat big.bin | sft send --to bob --to alice | sft recv | cmp - big.bin')
  t.match(pipe, { code: 0 })
  const nobody = await here.run(['send', 'big.bin', '--to', 'bob', '--to', 'nobody', '-o', 'never'])
  t.match(nobody, { code: 2, stderr: /nobody: no peer .*UNKNOWN_PEER/ })
  t.notOk((await readdir(here.directory)).includes('never'))
})

t.test('the sender is who was named, or nothing comes out', async t => {
  const recv = (...options: string[]) => there.run(['recv', ...options], { input: stored.stdout })
  t.match(await recv('--from', 'carol', '--from', 'alice'), { code: 0 })
  for (const options of [
    ['--from', 'bob'],
    ['--from', 'bob', '--hold', 'h'],
    ['--from', 'bob', '-o', 'never']
  ])
    t.match(await recv(...options), {
      code: 41,
      bytes: 0,
      stderr: /from alice, who is not .*ERR_SFT_SENDER/
    })
  t.notOk((await readdir(there.directory)).includes('never'))
  // bob's key, certified by another organisation: the stream opens, its sender is of a root that is not pinned here
  const elsewhere = await (await makeOrganisation()).issue('bob', {
    key: { privateKey: bob.privateKey, publicKey: bob.publicKey }
  })
  const foreign = await shellOf(t, t.testdir(), elsewhere)
  t.match(await foreign.run(['recv'], { input: stored.stdout }), {
    code: 41,
    bytes: 0,
    stderr: /CERT_UNTRUSTED/
  })
})

t.test('a stream that was cut, or is none', async t => {
  const half = stored.stdout.subarray(0, stored.stdout.byteLength >> 1)
  const cut = await there.run(['recv'], { input: half })
  t.match(cut, { code: 40, stderr: /ERR_SFT_TRUNCATED/ })
  t.ok(
    big.subarray(0, cut.stdout.byteLength).every((byte, i) => byte === cut.stdout[i]),
    'what came out is true'
  )
  t.match(await there.run(['recv', '--hold', 'held'], { input: half }), { code: 40, bytes: 0 })
  t.match(await there.run(['recv', '-o', 'cut'], { input: half }), { code: 40, bytes: 0 })
  t.same(
    (await readdir(there.directory)).filter(name => /cut|part|held/.test(name)),
    [],
    'nothing is left'
  )
  const input = (bytes: Uint8Array | string, code: number, name: string) =>
    there.run(['recv'], { input: bytes }).then(result => t.match(result, { code, bytes: 0 }, name))
  await input('hello, this is no stream', 12, 'text')
  await input(pattern(100_000), 12, 'noise')
  await input('', 40, 'nothing')
  await input(stored.stdout.subarray(0, 8), 40, 'magic alone')
  const flipped = Uint8Array.from(stored.stdout)
  flipped.set([(flipped[200] ?? 0) ^ 1], 200)
  await input(flipped, 40, 'a bit of the header')
  const longer = await there.run(['recv', '--hold', 'held'], {
    input: Buffer.concat([stored.stdout, Buffer.from('x')])
  })
  t.match(longer, { code: 40, bytes: 0, stderr: /ERR_SFT_TRAILING/ })
})

t.test('ends of pipes', async t => {
  await writeFile(join(there.directory, 'stored'), stored.stdout)
  const quiet = await there.bash('sft recv stored 2> said | head -c 1 > one; echo $PIPESTATUS')
  t.equal(quiet.stdout.toString(), '141\n')
  t.equal(await readFile(join(there.directory, 'said'), 'utf8'), 'sft: from alice (example.org): big.bin\n')
  t.match(await there.bash('set -o pipefail; sft recv stored | head -c 1'), { code: 141 })
  t.match(await here.bash('set -o pipefail; sft send no-such-file | cat'), { code: 3 })
  t.match(await here.bash('set -o pipefail; sft send no-such-file | sft recv | wc -c'), {
    code: 40,
    stdout: Buffer.from('0\n')
  })
})

t.test('interactive input is passed on before it ends', async t => {
  const sender = here.begin(['send'])
  const receiver = here.begin(['recv'])
  sender.child.stdout?.pipe(receiver.child.stdin as NodeJS.WritableStream)
  for (const line of ['one\n', 'two\n']) {
    sender.child.stdin?.write(line)
    await receiver.until(({ stdout }) => stdout.includes(line))
  }
  sender.child.stdin?.end()
  t.match(await sender.ended, { code: 0 })
  t.match(await receiver.ended, { code: 0, stdout: Buffer.from('one\ntwo\n') })
})

t.test('files that are not as they should be', async t => {
  const recv = (...options: string[]) => there.run(['recv', 'stored', ...options])
  await writeFile(join(there.directory, 'precious'), 'precious')
  t.match(await recv('-o', 'precious'), { code: 45, stderr: /precious exists; hint: --force/ })
  t.equal(await readFile(join(there.directory, 'precious'), 'utf8'), 'precious')
  t.match(await recv('-o', 'precious', '--force'), { code: 0 })
  t.ok((await readFile(join(there.directory, 'precious'))).equals(big))
  t.match(await recv('--hold', 'precious'), { code: 45, bytes: 0 })
  t.match(await recv('-o', 'no/such/directory'), { code: 11, stderr: /no directory/ })
  t.match(
    await recv('-o', 'inbox/'),
    { code: 11, stderr: /no directory/ },
    'a missing directory is not a file of that name'
  )
  await mkdir(join(there.directory, 'folder'))
  t.match(await recv('-o', 'folder'), { code: 0 }, 'it has the name that its sender gave it')
  t.match(await recv('-o', 'folder'), { code: 45 })
  t.match(await there.run(['recv', 'no-such-stream']), { code: 3 })
  t.match(await here.run(['send', 'no-such-file']), { code: 3, bytes: 0 })
  t.match(await here.run(['send', '.']), { code: 3, bytes: 0, stderr: /directory.*hint: -r/ })
  for (const name of ['a/b', '', '..', 'x'.repeat(256)])
    t.match(await here.run(['send', '--name', name], { input: 'x' }), { code: 2, bytes: 0 }, JSON.stringify(name))
})

t.test('a disk that is full', async t => {
  for (const line of ['sft recv stored > /dev/full', 'sft recv stored -o /dev/full', 'sft whoami > /dev/full'])
    t.match(await there.bash(line), { code: 11, stderr: /no space left on the disk/ }, line)
  t.match(await here.bash('sft send big.bin > /dev/full'), { code: 11 })
  // a small disk of its own, gone with the process: nothing is left on it
  const small = (command: string) =>
    there.bash(
      `mkdir -p small; unshare -rm bash -c 'mount -t tmpfs -o size=2m none small; ${command} > small.out; code=$?; ls -A small; exit $code'`
    )
  const full = { code: 11, bytes: 0, stderr: /no space left on the disk/ }
  t.match(await small('sft recv stored -o small/file'), full)
  t.match(await small('sft recv stored --hold small/held'), full)
  t.equal((await stat(join(there.directory, 'small.out'))).size, 0)
})

t.test('a source that changes while it is read', async t => {
  const changing = join(here.directory, 'changing')
  await writeFile(changing, pattern(40 * MIB))
  const sender = here.begin(['send', 'changing'])
  sender.child.stdout?.pause()
  sender.child.stdout?.once('readable', async () => {
    await writeFile(changing, 'more', { flag: 'a' })
    sender.child.stdout?.resume()
  })
  t.match(await sender.ended, { code: 24, stderr: /changed while it was read/ })
  t.match(await here.run(['recv', '--hold', 'h'], { input: sender.stdout }), { code: 40, bytes: 0 })
})

t.test('terminals', async t => {
  const type = async (shell: Shell, line: string, expected: object) => {
    const running = await shell.terminal(line)
    const { code, stdout } = await running.ended
    t.match({ code, text: stdout.toString() }, expected, line)
  }
  await type(here, 'sft send big.bin', { code: 2, text: /^sft: not writing a sealed stream to the terminal.*\s*$/ })
  await type(there, 'sft recv stored', { code: 2, text: /not writing what a peer sent to the terminal/ })
  await type(here, 'sft send > out.sft', { code: 2, text: /standard input is the terminal.*hint/ })
  await type(here, 'sft recv > opened', { code: 2, text: /standard input is the terminal.*hint/ })
  await type(here, 'printf text | sft send > text.sft; sft recv text.sft -o -', { code: 0, text: /text$/ })
})

t.test('interrupted', async t => {
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129]
  ] as const) {
    const reading = here.begin(['send', '-o', 'interrupted'])
    reading.child.stdin?.write('some bytes')
    while (!(await readdir(here.directory)).some(name => name.startsWith('.interrupted.'))) await delay(20)
    reading.kill(signal)
    t.match(await reading.ended, { code, stderr: `sft: interrupted by ${signal}\n` }, 'while it reads')
  }
  const writing = here.begin(['send', 'big.bin'])
  writing.child.stdout?.pause()
  await new Promise(resolve => writing.child.stdout?.once('readable', resolve))
  writing.kill('SIGTERM')
  // what is in the pipe is still read, so that the process's end is seen
  setTimeout(() => writing.child.stdout?.resume(), 2500)
  t.match(await writing.ended, { code: 143 }, 'while nobody takes what it writes')
  t.same(
    (await readdir(here.directory)).filter(name => /interrupted/.test(name)),
    []
  )
})
