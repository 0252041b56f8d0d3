import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { generateRsaKey } from '../../src/auth/certificates/keys.ts'
import { encodeCertificates } from '../../src/auth/certificates/pem.ts'
import { addPeer, dataDirectory } from '../../src/index.ts'
import { shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { seeded } from '../fixtures/seeded.ts'
import { cutAt, proxy, through } from '../fixtures/wire.ts'

/** `--suite rsa-oaep` between processes (SPEC §7.6): every byte in a block under the receiver's key, in all that moves a file. */

const ANY = '127.0.0.1:0'
const STRICT = ['--suite', 'rsa-oaep']
const timeout = 170_000
const organisation = await makeOrganisation()
const directory = t.testdir({
  alice: { tree: { sub: { a: 'a' }, b: 'bb' } },
  bob: { inbox: {}, demanding: {} },
  carol: {}
})
const identities = {
  alice: await organisation.issue('alice'),
  bob: await organisation.issue('bob'),
  // whose blocks do not fill a chunk
  carol: await organisation.issue('carol', { key: await generateRsaKey(3072) })
}
const shellFor = (name: keyof typeof identities) => shellOf(t, join(directory, name), identities[name])
const [alice, bob, carol] = await Promise.all([shellFor('alice'), shellFor('bob'), shellFor('carol')])
const inbox = join(bob.directory, 'inbox')
const file = seeded(7).bytes(300_000)
await mkdir(join(bob.directory, 'served'))
for (const path of [join(alice.directory, 'file'), join(bob.directory, 'served/file'), join(carol.directory, 'file')])
  await writeFile(path, file)
await writeFile(join(alice.directory, 'empty'), '')
for (const name of ['bob', 'carol'] as const)
  await addPeer(dataDirectory(alice.env), identities.alice, encodeCertificates(identities[name].chain))
const receiver = await bob.listen(['recv', '--listen', ANY, '-o', 'inbox', '--from', 'alice', '--force'], { timeout })
const server = await bob.listen(['serve', 'served', '--listen', ANY], { timeout })
const [to, from] = [`bob@${receiver.address}`, `bob@${server.address}`]

const whole = async (t: Test, path: string, bytes: Uint8Array = file): Promise<void> =>
  void t.ok((await readFile(path)).equals(bytes), path)

t.test('a pipe, for keys of 2,048 and 3,072 bits', async t => {
  for (const [name, shell] of [
    ['bob', bob],
    ['carol', carol]
  ] as const) {
    const sealed = await alice.run(['send', 'file', '--to', name, ...STRICT])
    t.match(sealed, { code: 0 })
    await writeFile(join(shell.directory, 'stream'), sealed.stdout)
    t.match(await shell.run(['recv', 'stream', '-o', 'opened', '--force']), { code: 0 })
    await whole(t, join(shell.directory, 'opened'))
    sealed.stdout[200_000] = (sealed.stdout[200_000] as number) ^ 1
    await writeFile(join(shell.directory, 'stream'), sealed.stdout)
    t.match(await shell.run(['recv', 'stream', '-o', 'changed']), { code: 40, stderr: /ERR_SFT_CHUNK_AUTH/ })
  }
  const piped = await alice.run(['send', '--to', 'bob', ...STRICT], { input: file })
  await writeFile(join(bob.directory, 'piped'), piped.stdout)
  const opened = await bob.run(['recv', 'piped'])
  t.ok(opened.stdout.equals(file), 'of what has no size')
  const empty = await alice.run(['send', 'empty', '--to', 'bob', ...STRICT])
  await writeFile(join(bob.directory, 'piped'), empty.stdout)
  t.match(await bob.run(['recv', 'piped']), { code: 0, bytes: 0 })
})

t.test('M164: for one', async t => {
  const both = await alice.run(['send', 'file', '--to', 'bob', '--to', 'carol', ...STRICT])
  t.match(both, {
    code: 2,
    bytes: 0,
    stderr: /every block is under one key; hint: make one for each \[ERR_SFT_USAGE\]/
  })
})

t.test('send, get, over several connections, an empty file, standard input', async t => {
  t.match(await alice.run(['send', 'file', to, ...STRICT]), {
    code: 0,
    stderr: /durable, every byte under RSA, 1,579 RSA operations\n/
  })
  await whole(t, join(inbox, 'file'))
  t.match(await alice.run(['send', 'file', to, '--streams', '3', '--name', 'striped', ...STRICT]), { code: 0 })
  await whole(t, join(inbox, 'striped'))
  t.match(await alice.run(['send', 'empty', to, ...STRICT]), { code: 0 })
  await whole(t, join(inbox, 'empty'), new Uint8Array(0))
  t.match(await alice.run(['send', '-', to, '--name', 'stdin', ...STRICT], { input: file }), { code: 0 })
  await whole(t, join(inbox, 'stdin'))
  const got = await alice.run(['get', from, 'file', '-o', 'got', ...STRICT])
  t.match(got, { code: 0, stderr: /durable, every byte under RSA, 1,579 RSA operations\n/ })
  const line = /: file, [^\n]+, every byte under RSA, 1,579 RSA operations\n/
  for (const listening of [receiver, server]) await listening.until(({ stderr }) => line.test(stderr))
  await whole(t, join(alice.directory, 'got'))
})

t.test('a directory', async t => {
  t.match(await alice.run(['send', '-r', 'tree', to, ...STRICT]), { code: 0, stderr: /4 entries/ })
  t.equal(await readFile(join(inbox, 'tree/sub/a'), 'utf8'), 'a')
  t.equal(await readFile(join(inbox, 'tree/b'), 'utf8'), 'bb')
})

t.test('M161: it goes on at a block, both ways', async t => {
  const large = seeded(8).bytes(4 * 1024 * 1024 + 100)
  for (const path of [join(alice.directory, 'large'), join(bob.directory, 'served/large')]) await writeFile(path, large)
  const half = 2 * 1024 * 1024
  const send = (peer: string) => alice.run(['send', 'large', peer, ...STRICT])
  t.match(await send(await through(t, receiver, { up: cutAt(half) })), { code: 75 })
  // the receiver is still at what came before the cut
  while ((await readdir(inbox)).some(name => name.endsWith('.lock'))) await delay(50)
  t.match(await send(to), { code: 0, stderr: /resumed at 1\.\d MiB/ })
  await whole(t, join(inbox, 'large'), large)
  const get = (peer: string) => alice.run(['get', peer, 'large', '-o', 'large.got', ...STRICT])
  t.match(await get(await through(t, server, { down: cutAt(half) })), { code: 75 })
  t.match(await get(from), { code: 0, stderr: /resumed at 1\.\d MiB/ })
  await whole(t, join(alice.directory, 'large.got'), large)
})

t.test('M165: who listens with it gets every byte so, or nothing', async t => {
  const args = ['recv', '--listen', ANY, '-o', 'demanding', '--from', 'alice', ...STRICT]
  const demanding = await bob.listen(args, { timeout })
  const target = { host: '127.0.0.1', port: Number(demanding.address.split(':').at(-1)) }
  const { port, counts } = await proxy(t, target, () => ({}))
  const sent = await alice.run(['send', 'file', `bob@127.0.0.1:${port}`, '--json'])
  t.match(sent, { code: 0, stderr: /every byte under RSA/ })
  const lines = sent.stdout
    .toString()
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  const told = lines.filter(({ type, privateOperations }) => type === 'progress' && privateOperations > 0)
  t.match(told[0], { suite: 'rsa-oaep' }, 'what it costs, also while it is under way')
  t.match(lines.at(-1), { type: 'result', transfer: { suite: 'rsa-oaep', privateOperations: 1579 } })
  t.ok(
    counts.up > (file.byteLength * 256) / 190,
    `${counts.up} bytes on the wire, though the sender did not ask for it`
  )
  await whole(t, join(bob.directory, 'demanding/file'))
  const plain = ['send', 'file', `bob@${demanding.address}`, '--name', 'plain', '--suite', 'aes-256-gcm']
  t.match(await alice.run(plain), { code: 75, stderr: /hint: it may not take the suite aes-256-gcm/ })
  const other = ['serve', 'served', '--listen', ANY, '--suite', 'aes-256-gcm']
  const { address } = await bob.listen(other, { timeout })
  t.match(await alice.run(['get', `bob@${address}`, 'file', '-o', 'never', ...STRICT]), {
    code: 75,
    stderr: /hint: it may not take the suite rsa-oaep/
  })
})
