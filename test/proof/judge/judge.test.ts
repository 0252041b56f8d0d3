import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { encodeCertificates } from '../../../src/auth/certificates/pem.ts'
import { type Recorded, writeCapture } from '../../../src/proof/capture/write.ts'
import { judge, withRun } from '../../../src/proof/judge/judge.ts'
import type { Claim, ClaimId, Known, Verdict } from '../../../src/proof/model.ts'
import { shellOf } from '../../fixtures/command.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'
import { recorder } from '../../fixtures/recorder.ts'
import { seeded } from '../../fixtures/seeded.ts'

/** Captures judged as a whole: of real processes, recorded on a wire between them, and the one of the classic system. */

t.setTimeout(170_000)
const CLASSIC = fileURLToPath(new URL('../../data/classic/capture.pcap', import.meta.url))
const PORT = 4433

const ALICE = 'alexandra-the-sender'
const BOB = 'bartholomew-the-receiver'
const directory = t.testdir({ alice: {}, bob: { served: {} } })
const organisation = await makeOrganisation()
const bobIdentity = await organisation.issue(BOB)
const alice = await shellOf(t, join(directory, 'alice'), await organisation.issue(ALICE))
const bob = await shellOf(t, join(directory, 'bob'), bobIdentity)
await mkdir(join(bob.directory, 'served'), { recursive: true })
await writeFile(join(alice.directory, 'bob.crt'), encodeCertificates(bobIdentity.chain))
await writeFile(join(alice.directory, 'alice.crt'), encodeCertificates((await organisation.issue(ALICE)).chain))

const random = seeded()
const prose = (lines: number): Buffer =>
  Buffer.from(
    Array.from({ length: lines }, (_, i) => `entry ${i} of the figures for nobody else: ${random.int(1e9)}\n`).join('')
  )
const FILES = {
  'quarterly-figures.txt': prose(4000),
  'strategy-of-next-year.txt': prose(2500),
  'empty-list.txt': Buffer.alloc(0)
}
for (const [name, bytes] of Object.entries(FILES))
  for (const at of [join(bob.directory, 'served'), alice.directory]) await writeFile(join(at, name), bytes)
const [FIGURES, STRATEGY, EMPTY] = Object.keys(FILES) as [string, string, string]
const plain = Object.entries(FILES).map(([name, bytes]) => ({ name, bytes }))
const texts = [ALICE, BOB].map(text => ({ kind: 'user name', text }) as const)

async function ran(args: readonly string[], input?: Uint8Array) {
  const result = await alice.run([...args], input ? { input } : {})
  t.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`)
  return result
}

async function got(file: string, ...options: string[]): Promise<Recorded[]> {
  const server = await bob.listen(['serve', 'served', '--listen', '127.0.0.1:0', ...options])
  const wire = await recorder(t, server.address, PORT)
  await ran(['get', `${BOB}@${wire.address}`, file, '-o', `got-${random.int(1e9)}`, '--streams', '3'])
  return wire.connections
}

async function pushed(...args: string[]): Promise<Recorded[]> {
  const to = ['recv', '--listen', '127.0.0.1:0', '--from', ALICE, '-o', `pushed-${random.int(1e9)}`]
  const receiver = await bob.listen(to)
  const wire = await recorder(t, receiver.address, PORT)
  await ran(['send', ...args, `${BOB}@${wire.address}`])
  await receiver.ended
  return wire.connections
}

async function piped(args: readonly string[], input?: Uint8Array): Promise<Recorded[]> {
  const { stdout } = await ran(['send', ...args, '--to', 'bob.crt'], input)
  return [{ port: PORT, pieces: [{ dialler: true, bytes: stdout }] }]
}

const of = ({ claims }: Verdict, id: ClaimId): Claim => claims.find(claim => claim.id === id) as Claim
const said = (verdict: Verdict, id: ClaimId): string =>
  of(verdict, id)
    .evidence.map(({ text }) => text)
    .join('\n')

/** Judges what was recorded: everything that a capture and its files can show holds. */
async function holds(t: Test, connections: readonly Recorded[], known: Known = { plain, texts }): Promise<Verdict> {
  const { verdict } = await judge(writeCapture(connections), known)
  const open: ClaimId[] = ['login', 'forward-secrecy', 'replay']
  for (const { id, verdict: word, evidence } of verdict.claims)
    t.equal(word, open.includes(id) ? 'unknown' : 'holds', `${id}: ${evidence.map(({ text }) => text).join(' ')}`)
  t.ok(verdict.holds)
  t.same(
    verdict.controls.map(({ caught }) => caught),
    [true, true, true, true]
  )
  return verdict
}

t.test('gets over three connections, a send, and pipes: all of it holds', async t => {
  const connections = [
    ...(await got(FIGURES, '--chunk-size', '16K')),
    ...(await got(FIGURES)),
    ...(await pushed(STRATEGY)),
    ...(await got(EMPTY)),
    ...(await piped([FIGURES, '--chunk-size', '16K'])),
    ...(await piped([FIGURES, '--chunk-size', '64K', '--suite', 'chacha20-poly1305'])),
    ...(await piped([STRATEGY, '--to', 'alice.crt'])),
    ...(await piped(['-'], FILES[FIGURES as keyof typeof FILES]))
  ]
  const verdict = await holds(t, connections)
  const sizes = said(verdict, 'sizes')
  t.match(sizes, /"quarterly-figures\.txt" .* of connections 1, 2, 3\./)
  t.match(sizes, /"empty-list\.txt" \(0 bytes\) has exactly the sizes of the empty stream/)
  t.match(sizes, /of 8 streams/)
  t.match(said(verdict, 'fresh-keys'), /stripes ended with the FINL of another/)
  t.equal(verdict.connections.length, connections.length)
})

t.test('the strict suite', async t => {
  const connections = [
    ...(await got(STRATEGY, '--suite', 'rsa-oaep')),
    ...(await pushed(STRATEGY, '--suite', 'rsa-oaep')),
    ...(await piped([STRATEGY, '--suite', 'rsa-oaep']))
  ]
  const { verdict } = await judge(writeCapture(connections), { plain: [plain[1] as (typeof plain)[number]], texts })
  for (const { id, verdict: word, evidence } of verdict.claims)
    if (!['login', 'forward-secrecy', 'replay', 'nonces'].includes(id))
      t.equal(word, 'holds', `${id}: ${evidence.map(({ text }) => text).join(' ')}`)
  t.equal(said(verdict, 'sizes').match(/in RSA blocks of \d+ bytes/g)?.length, 3)
  t.equal(of(verdict, 'nonces').verdict, 'unknown')
})

t.test('without files and names nothing is claimed that takes them', async t => {
  const { verdict } = await judge(writeCapture(await pushed(FIGURES)))
  for (const id of ['names', 'plaintext', 'sizes', 'nonces', 'login'] as const)
    t.equal(of(verdict, id).verdict, 'unknown', id)
  for (const id of ['connections', 'certificates', 'randomness', 'fresh-keys'] as const)
    t.equal(of(verdict, id).verdict, 'holds', id)
  t.ok(verdict.holds, 'nothing fails')
})

t.test('a pipe that is sent twice', async t => {
  const pipe = await piped([FIGURES])
  const { verdict } = await judge(writeCapture([...pipe, ...pipe]), { plain, texts })
  t.notOk(verdict.holds)
  t.equal(of(verdict, 'fresh-keys').verdict, 'fails')
})

t.test('the classic capture: what is visible, and what is not', async t => {
  const file = { name: 'some-file.txt', bytes: prose(10) }
  const { verdict, connections } = await judge(CLASSIC, {
    plain: [file],
    texts: [{ kind: 'password', text: 'password1' }]
  })
  t.notOk(verdict.holds)
  t.equal(verdict.capture.name, 'capture.pcap')
  t.same([verdict.capture.began, verdict.capture.ended], ['2020-11-18T18:45:12.875Z', '2020-11-18T18:56:36.564Z'])
  t.equal(verdict.capture.bytes, (await readFile(CLASSIC)).byteLength)
  const words = Object.fromEntries(verdict.claims.map(({ id, verdict: word }) => [id, word]))
  t.match(words, {
    connections: 'holds',
    certificates: 'fails',
    names: 'holds',
    plaintext: 'holds',
    randomness: 'unknown',
    'fresh-keys': 'holds',
    login: 'fails'
  })
  t.match(said(verdict, 'certificates'), /shows a certificate in the clear: .*CN=user1/)
  t.match(of(verdict, 'certificates').evidence[0], { packets: [18] })
  t.match(said(verdict, 'login'), /can be posted again as it is, or with any other public key/)
  t.match(said(verdict, 'sizes'), /3 blocks, so the lengths reveal that the file has 201 to 300 bytes/)
  t.equal(connections.length, 4)
  const named = await judge(CLASSIC, { texts: [{ kind: 'user name', text: 'user1' }] })
  t.equal(of(named.verdict, 'names').verdict, 'fails', 'the certificates name their users')
})

t.test('a verdict has what a run adds, and one failed step is enough', async t => {
  const { verdict } = await judge(CLASSIC)
  const good = { ...verdict, claims: verdict.claims.map(claim => ({ ...claim, verdict: 'holds' as const })) }
  const own: Claim = { id: 'replay', sentence: 'x', verdict: 'fails', evidence: [] }
  const step = { command: 'sft get', exit: 0, expected: 0 }
  t.ok(withRun(good, [], [step]).holds)
  t.notOk(withRun(good, [], [{ ...step, exit: 1 }]).holds)
  t.notOk(withRun(good, [own], [step]).holds)
  t.match(withRun(good, [own], []).claims.at(-1), own)
  const control = { ...(verdict.controls[0] as Verdict['controls'][number]), caught: false }
  t.notOk(withRun({ ...good, controls: [control] }, [], []).holds)
})

t.test('what is no capture, and too many files to compare with', async t => {
  await t.rejects(judge(Buffer.from('no capture at all, but some words')), { code: 'ERR_SFT_ENCODING' })
  await t.rejects(judge(join(directory, 'nowhere')), { code: 'ERR_SFT_NOT_FOUND' })
  const large = { name: 'large', bytes: new Uint8Array(33 << 20) }
  await t.rejects(judge(CLASSIC, { plain: [large, large] }), { code: 'ERR_SFT_LIMIT' })
})
