import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { generateRsaKey } from '../../src/auth/certificates/keys.ts'
import { encodeCertificates } from '../../src/auth/certificates/pem.ts'
import { addPeer, dataDirectory } from '../../src/index.ts'
import { shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { seeded } from '../fixtures/seeded.ts'
import { cutAt, flip, through } from '../fixtures/wire.ts'

/** `--suite rsa-oaep` (SPEC §7.6) where something goes wrong on the way, and below what is built upon transfers. */

const MIB = 1024 * 1024
const ANY = '127.0.0.1:0'
const STRICT = ['--suite', 'rsa-oaep']
const timeout = 170_000
const organisation = await makeOrganisation()
const directory = t.testdir({ alice: { tree: { sub: {} } }, bob: { inbox: {} }, dora: {} })
const [ofAlice, ofBob, ofDora] = [
  await organisation.issue('alice'),
  await organisation.issue('bob'),
  await organisation.issue('dora', { key: await generateRsaKey(4096) })
]
const alice = await shellOf(t, join(directory, 'alice'), ofAlice)
const bob = await shellOf(t, join(directory, 'bob'), ofBob)
const dora = await shellOf(t, join(directory, 'dora'), ofDora)
await addPeer(dataDirectory(alice.env), ofAlice, encodeCertificates(ofDora.chain))
const inbox = join(bob.directory, 'inbox')
await mkdir(join(bob.directory, 'served'))
const [small, large] = [seeded(9).bytes(100_000), seeded(10).bytes(4 * MIB + 100)]
for (const path of [join(alice.directory, 'small'), join(bob.directory, 'served/small')]) await writeFile(path, small)
await writeFile(join(alice.directory, 'large'), large)
const receiver = await bob.listen(['recv', '--listen', ANY, '-o', 'inbox', '--from', 'alice'], { timeout })
const server = await bob.listen(['serve', 'served', '--listen', ANY], { timeout })
const peer = `bob@${receiver.address}`
const send = (...args: string[]) => alice.run(['send', ...args, ...STRICT], { timeout })

const isWhole = async (t: Test, path: string, bytes: Uint8Array): Promise<void> =>
  void t.ok((await readFile(path)).equals(bytes), path)
/** The receiver is still at what came before a cut. */
const settled = async (): Promise<void> => {
  while ((await readdir(inbox)).some(name => name.endsWith('.lock'))) await delay(50)
}

t.test('a key of 4,096 bits, in a pipe and in a session', async t => {
  const sealed = await send('small', '--to', 'dora')
  await writeFile(join(dora.directory, 'stream'), sealed.stdout)
  t.match(await dora.run(['recv', 'stream', '-o', 'opened']), { code: 0, stderr: /small, every byte under RSA\n/ })
  await isWhole(t, join(dora.directory, 'opened'), small)
  const listening = await dora.listen(['recv', '--listen', ANY, '-o', 'pushed', '--from', 'alice'], { timeout })
  // 446 bytes of a file in a block
  t.match(await send('small', `dora@${listening.address}`), { code: 0, stderr: /durable, .*RSA, 225 RSA operations\n/ })
  await isWhole(t, join(dora.directory, 'pushed'), small)
})

t.test('M31: a byte that changed on the way, both ways', async t => {
  const pushed = await send('small', await through(t, receiver, [{ up: flip(60_000, 3) }]))
  t.match(pushed, { code: 40, stderr: /ERR_SFT_/ })
  t.same(await readdir(inbox), [])
  const wire = await through(t, server, [{ down: flip(60_000, 3) }])
  const got = await alice.run(['get', wire, 'small', '-o', 'got', ...STRICT])
  t.match(got, { code: 40, stderr: /ERR_SFT_RECORD_AUTH|ERR_SFT_CHUNK_AUTH/ })
  t.notOk((await readdir(alice.directory)).includes('got'))
})

t.test('a directory that was cut inside goes on there', async t => {
  for (let index = 0; index < 12; index++)
    await writeFile(join(alice.directory, `tree/sub/${index}`), large.subarray(index * 100_000, index * 200_000))
  const cut = await send('-r', 'tree', await through(t, receiver, [{ up: cutAt(MIB) }]))
  t.match(cut, { code: 75 })
  await settled()
  t.match(await send('-r', 'tree', peer), {
    code: 0,
    stderr: /14 entries.*resumed at \d+\.\d KiB.*every byte under RSA/
  })
  for (let index = 0; index < 12; index++)
    await isWhole(t, join(inbox, `tree/sub/${index}`), large.subarray(index * 100_000, index * 200_000))
})

t.test('--verify-prefix: what is there is compared as it is on both disks', async t => {
  for (const [name, damaged] of [
    ['same', false],
    ['other', true]
  ] as const) {
    t.match(await send('large', await through(t, receiver, [{ up: cutAt(2 * MIB) }]), '--name', name), { code: 75 })
    await settled()
    const part = (await readdir(inbox)).find(each => each.startsWith(`.${name}.`) && each.endsWith('.part'))
    if (damaged) await change(join(inbox, part ?? ''), 190)
    const again = await send('large', peer, '--name', name, '--verify-prefix')
    t.match(again, {
      code: 0,
      stderr: damaged ? /differs from what was there[\s\S]*every byte under RSA/ : /resumed at 1\.\d MiB/
    })
    await isWhole(t, join(inbox, name), large)
  }
})

async function change(path: string, at: number): Promise<void> {
  const file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, at)
  await file.write(Buffer.of((byte[0] as number) ^ 1), 0, 1, at)
  await file.close()
}

t.test('--replay: a pipe goes on behind the blocks that are there', async t => {
  const cut = await through(t, receiver, [{ up: cutAt(MIB) }])
  const args = ['send', '-', cut, '--name', 'piped', '--replay', '8M', ...STRICT]
  const sent = await alice.run(args, { input: large.subarray(0, 2 * MIB), timeout })
  t.match(sent, { code: 0, stderr: /resumed at \d+\.\d KiB, durable, every byte under RSA/ })
  await isWhole(t, join(inbox, 'piped'), large.subarray(0, 2 * MIB))
})

t.test('a batch: its jobs are done so, once', async t => {
  const jobs = [
    { send: 'small', to: peer, name: 'job' },
    { get: 'small', from: `bob@${server.address}`, output: 'fetched' }
  ]
  await writeFile(join(alice.directory, 'jobs'), jobs.map(job => `${JSON.stringify(job)}\n`).join(''))
  const batch = () => alice.run(['batch', 'jobs', ...STRICT], { timeout })
  t.match(await batch(), { code: 0, stderr: /2 done, 0 failed/ })
  await isWhole(t, join(inbox, 'job'), small)
  await isWhole(t, join(alice.directory, 'fetched'), small)
  await receiver.until(({ stderr }) => /: job, [^\n]+, every byte under RSA, 527 RSA operations/.test(stderr))
  t.match(await batch(), { code: 0, stderr: /2 done \(2 before\)/ })
})
