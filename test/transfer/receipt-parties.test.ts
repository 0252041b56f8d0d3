import { readdirSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { spkiHash } from '../../src/auth/certificates/keys.ts'
import type { Identity } from '../../src/auth/identity/identity.ts'
import { acceptance } from '../../src/auth/session/handshake-messages.ts'
import { Engine } from '../../src/transfer/engine.ts'
import type { FileSession } from '../../src/transfer/file-session.ts'
import type { Listener } from '../../src/transfer/listen.ts'
import { MESSAGE } from '../../src/transfer/message.ts'
import type { Outgoing } from '../../src/transfer/outgoing.ts'
import { openOutput } from '../../src/transfer/output.ts'
import {
  decodeReceipt,
  encodeReceipt,
  type Receipt,
  type SignedReceipt,
  signReceipt,
  verifyReceipt
} from '../../src/transfer/receipt.ts'
import { inlinePool } from '../../src/workers/pool.ts'
import { C, pattern, sha256 } from '../fixtures/bytes.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { sessionPair } from '../fixtures/session-pair.ts'
import { cutAt, proxy } from '../fixtures/wire.ts'

const MIB = 1024 * 1024
const organisation = await makeOrganisation()
const { root } = organisation
const [alice, bob, carol] = (await Promise.all(['alice', 'bob', 'carol'].map(name => organisation.issue(name)))) as [
  Identity,
  Identity,
  Identity
]
const pool = inlinePool()
const host = '127.0.0.1'
const near = new Engine({ identity: alice, pool })
const far = new Engine({ identity: bob, pool })
const inbox = { host, port: 0, from: ['alice'] }
const to = ({ port }: { port: number }): string => `bob@${host}:${port}`
const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex')

// nothing in memory keeps a process alive, as a socket does
const alive = setInterval(() => {}, 1000)
t.teardown(() => clearInterval(alive))

t.test('M76: the receipt is of the whole file, its names and its keys', async t => {
  await using listener = await far.receiveInto(t.testdir({}), inbox)
  const bytes = pattern(2 * MIB + 3)
  for (const [name, input] of [
    ['bytes', bytes],
    ['stream', [bytes.subarray(0, 5), bytes.subarray(5)]],
    ['empty', Buffer.alloc(0)]
  ] as const) {
    const { receipt } = await near.send(input, to(listener), { name, receipt: true, streams: 2 })
    const whole = name === 'empty' ? Buffer.alloc(0) : bytes
    t.match(receipt, { name, size: whole.byteLength, sender: 'alice', receiver: 'bob' })
    t.equal(hex(receipt?.sha256), sha256(whole))
    t.equal(hex(receipt?.senderKey), hex(spkiHash(alice.publicKey)))
    t.match(await verifyReceipt(receipt as SignedReceipt, { root, content: [whole] }), { name: 'bob' })
  }
  const without = await near.send(bytes, to(listener), { name: 'without' })
  t.notOk(without.receipt, 'nobody wanted it')
})

t.test('M76: what is delivered to a stream has one, too', async t => {
  const listening = Promise.withResolvers<Listener>()
  const pieces: Uint8Array[] = []
  const destination = await openOutput(async source => {
    for await (const piece of source) pieces.push(Uint8Array.from(piece))
  })
  const receiving = far.receiveOne({ ...inbox, destination, onListening: listening.resolve })
  const { receipt, kind } = await near.send(Buffer.from('contents'), to(await listening.promise), { receipt: true })
  t.match([kind, receipt?.size], ['delivered', 8])
  t.equal(hex(receipt?.sha256), sha256(Buffer.concat(pieces)))
  t.notOk((await receiving).receipt, 'it is the one of the sender')
})

t.test('M76: what an earlier attempt has moved is hashed from the disk of either side', async t => {
  const directory = t.testdir({ inbox: {} })
  const path = join(directory, 'file')
  const bytes = pattern(12 * MIB + 5)
  await writeFile(path, bytes)
  const into = join(directory, 'inbox')
  await using listener = await far.receiveInto(into, { ...inbox, force: true })
  const cut = async (): Promise<string> => {
    const { port } = await proxy(t, { host, port: listener.port }, () => ({ up: cutAt(9 * MIB) }))
    await t.rejects(near.send(path, to({ port })), { code: 'ERR_SFT_CONNECTION_LOST' })
    while (readdirSync(into).some(name => name.endsWith('.lock'))) await new Promise(resolve => setTimeout(resolve, 10))
    return join(into, readdirSync(into).find(name => name.endsWith('.part')) ?? 'no part')
  }
  await cut()
  const { receipt, resumedAt } = await near.send(path, to(listener), { receipt: true })
  t.ok(resumedAt >= MIB, `resumed at ${resumedAt}`)
  t.match(receipt, { name: 'file', size: bytes.byteLength })
  t.equal(hex(receipt?.sha256), sha256(bytes))
  t.equal(sha256(await readFile(join(into, 'file'))), sha256(bytes))

  const part = await readFile(await cut())
  part[1] = (part[1] as number) ^ 1
  await writeFile(join(into, readdirSync(into).find(name => name.endsWith('.part')) as string), part)
  const error = { code: 'ERR_SFT_SIGNATURE', message: /its receipt is not of this transfer/ }
  await t.rejects(near.send(path, to(listener), { receipt: true }), error, 'a part that is not what was sent')
})

t.test('M76: a part that can not be read again is not continued', async t => {
  const [a, b] = await sessionPair(alice, bob, { chunkSize: C })
  const bytes = pattern(5 * MIB)
  const path = join(t.testdir({}), 'file')
  await writeFile(path, bytes)
  const { stat } = await import('node:fs/promises')
  const { fileId } = await import('../../src/transfer/file-id.ts')
  const state = await stat(path, { bigint: true })
  const begun = { id: fileId(alice, state), bytes: 4 * C }
  const starts: number[] = []
  const sink = (_: unknown, start = 0) => {
    starts.push(start)
    return async (source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) => {
      let taken = 0
      for await (const piece of source) taken += piece.byteLength
      return { bytes: taken }
    }
  }
  const answering = b
    .answer({ accept: async () => ({ kind: 'durable', begun: async () => begun, sink }) })
    .finally(() => b.close())
  const outgoing = sending(bytes, { stat: state })
  const size = bytes.byteLength
  const { receipt } = await a.put({ name: 'file', size }, outgoing, { receipt: true })
  t.strictSame([starts, hex(receipt?.sha256)], [[0], sha256(bytes)])
  t.match(await a.put({ name: 'file', size }, outgoing), { resumedAt: 4 * C }, 'without one it is')
  await a.close()
  await answering
})

t.test('M76: who gives none says so before a byte moves', async t => {
  let read = false
  const source = (async function* () {
    read = true
    yield Buffer.from('x')
  })()
  await using listener = await far.receiveInto(t.testdir({}), { ...inbox, receipts: false, onMessage: () => {} })
  const refused = { code: 'ERR_SFT_PUSH_REFUSED', hint: 'it may be that this receiver gives no receipts' }
  await t.rejects(near.send(source, to(listener), { receipt: true }), refused)
  t.notOk(read)
  t.match(await near.send(Buffer.from('x'), to(listener), { name: 'x' }), { kind: 'durable' })
  await using willing = await far.receiveInto(t.testdir({}), { ...inbox, onMessage: () => {} })
  await using session = await near.connect(to(willing))
  const message = { name: 'message', size: 1, content: MESSAGE }
  await t.rejects(session.put(message, sending(Buffer.from('x')), { receipt: true }), refused, 'of a message')
})

function sending(bytes: Uint8Array, more: Partial<Outgoing> = {}): Outgoing {
  return { metadata: {}, file: true, owned: false, source: (_, start = 0) => [bytes.subarray(start)], ...more }
}

/** What bob does to the receipt that he has signed for alice. */
type Trick = (honest: SignedReceipt) => Promise<Uint8Array | undefined> | Uint8Array | undefined

/** Sends in a session in which the last `ACPT` is changed on its way; the records themselves are honest. */
async function tricked(trick: Trick, wanted = true) {
  const [a, b] = await sessionPair(alice, bob, { chunkSize: C })
  const sink = () => async (source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) => {
    let bytes = 0
    for await (const piece of source) bytes += piece.byteLength
    return { bytes }
  }
  alter(a, trick)
  const answering = b.answer({ accept: async () => ({ kind: 'durable', sink }) }).finally(() => b.close())
  try {
    return await a.put({ name: 'contract' }, sending(Buffer.from('contents')), { receipt: wanted })
  } finally {
    await a.close()
    await answering
  }
}

function alter({ session }: FileSession, trick: Trick): void {
  const read = session.read.bind(session)
  session.read = async () => {
    const frame = await read()
    if (frame?.type !== 'ACPT') return frame
    const accepted = acceptance.decode(frame.body)
    if (accepted.kind === 'start') return frame
    const { receipt: bytes, ...rest } = accepted
    const honest = bytes ? decodeReceipt(bytes) : await signReceipt(bob, { ...OTHER, sender: 'alice' })
    return { ...frame, body: acceptance.encode({ ...rest, receipt: await trick(honest) }) }
  }
}

const OTHER = {
  id: Buffer.alloc(32, 9),
  name: 'another',
  size: 3,
  sha256: Buffer.alloc(32, 9),
  sender: 'carol',
  senderKey: spkiHash(carol.publicKey)
}

/** An honest receipt that says something else, signed anew with bob's own key. */
const resigned =
  (changes: Partial<Receipt>, by: Identity = bob): Trick =>
  async honest => {
    const { now } = Date
    const { time = honest.time } = changes
    Date.now = () => time
    try {
      return encodeReceipt(await signReceipt(by, { ...honest, ...changes }))
    } finally {
      Date.now = now
    }
  }

t.test('M77: the sender takes only what it knows itself, signed by the peer of the session', async t => {
  t.match((await tricked(encodeReceipt)).receipt, { name: 'contract', size: 8 }, 'an honest one')
  t.match((await tricked(resigned({}))).receipt, { name: 'contract' }, 'signed anew')
  const wrong = { code: 'ERR_SFT_SIGNATURE' }
  for (const [field, value] of Object.entries(OTHER))
    await t.rejects(tricked(resigned({ [field]: value })), wrong, field)
  for (const minutes of [-6, 6])
    await t.rejects(tricked(resigned({ time: Date.now() + minutes * 60_000 })), wrong, `${minutes} min`)
  t.match((await tricked(resigned({ time: Date.now() - 4 * 60_000 }))).receipt, { name: 'contract' }, 'clocks differ')
  await t.rejects(tricked(resigned({}, carol)), wrong, 'another member')
  await t.rejects(tricked(resigned({}, { ...carol, name: 'bob', chain: bob.chain })), wrong, "another member's key")
  const foreign = await (await makeOrganisation()).issue('bob')
  await t.rejects(tricked(resigned({}, foreign)), wrong, 'another organisation')
  await t.rejects(tricked(resigned({}, { ...bob, name: 'carol' })), wrong, 'receiver')
  const renewed = await organisation.issue('bob', { key: { publicKey: bob.publicKey, privateKey: bob.privateKey } })
  await t.rejects(tricked(resigned({}, renewed)), wrong, 'another certificate of the same key')
})

t.test('M77: a receipt of another transfer, even of the same file, is worth nothing', async t => {
  const seen: Uint8Array[] = []
  const keep: Trick = honest => {
    seen.push(encodeReceipt(honest))
    return seen[0]
  }
  t.ok((await tricked(keep)).receipt)
  await t.rejects(tricked(keep), { code: 'ERR_SFT_SIGNATURE' })
})

t.test('M77: none, one that nobody wanted, and none at all', async t => {
  await t.rejects(
    tricked(() => undefined),
    { code: 'ERR_SFT_PROTOCOL', message: /gave no receipt/ }
  )
  await t.rejects(tricked(encodeReceipt, false), { code: 'ERR_SFT_PROTOCOL', message: /nobody wanted/ })
  for (const bytes of [Buffer.alloc(0), Buffer.from('x'), Buffer.alloc(300)])
    await t.rejects(
      tricked(() => bytes),
      { code: 'ERR_SFT_ENCODING' }
    )
})
