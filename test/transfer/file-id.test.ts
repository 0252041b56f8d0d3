import { chmodSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { acceptance, fileRequest } from '../../src/auth/session/handshake-messages.ts'
import type { Destination } from '../../src/transfer/destination.ts'
import { fileId } from '../../src/transfer/file-id.ts'
import type { Outgoing } from '../../src/transfer/outgoing.ts'
import { altered } from '../fixtures/altered.ts'
import { C, pattern } from '../fixtures/bytes.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { sessionPair } from '../fixtures/session-pair.ts'

const MIB = 1024 * 1024
const organisation = await makeOrganisation()
const [alice, bob] = await Promise.all([organisation.issue('alice'), organisation.issue('bob')])
const path = join(t.testdir(), 'file')
const bytes = pattern(4 * MIB + 5)
writeFileSync(path, bytes)
const stat = statSync(path, { bigint: true })
const id = fileId(bob, stat)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

t.test('M63: an id names one state of one file, for one sender', async t => {
  t.equal(id.byteLength, 32)
  t.same(fileId(bob, statSync(path, { bigint: true })), id)
  t.notSame(fileId(alice, stat), id, "another sender's")
  const seen = new Set([hex(id)])
  const { atime, mtime } = stat
  for (const change of [
    () => chmodSync(path, 0o600),
    () => utimesSync(path, atime, new Date(5)),
    () => {
      writeFileSync(path, bytes.subarray(1))
      utimesSync(path, atime, mtime)
    },
    () => writeFileSync(path, bytes)
  ]) {
    change()
    seen.add(hex(fileId(bob, statSync(path, { bigint: true }))))
  }
  t.equal(seen.size, 5)
})

/** What bob serves, and from where he was told to read it. */
function served() {
  const starts: number[] = []
  const open = async (): Promise<Outgoing & AsyncDisposable> => ({
    metadata: { name: 'file', size: bytes.byteLength },
    file: true,
    owned: false,
    stat,
    source: (_, start = 0) => {
      starts.push(start)
      return [bytes.subarray(start)]
    },
    [Symbol.asyncDispose]: async () => {}
  })
  return { starts, open }
}

/** Has some of it, and keeps what comes. */
function having(begun?: { id: Uint8Array; bytes: number }) {
  const taken: { start: number; bytes: number }[] = []
  const destination: Destination = {
    kind: 'durable',
    begun: async () => begun,
    sink:
      (_, start = 0) =>
      async source => {
        const pieces: Uint8Array[] = []
        for await (const piece of source) pieces.push(piece)
        const all = Buffer.concat(pieces)
        t.ok(all.equals(bytes.subarray(start)))
        taken.push({ start, bytes: all.byteLength })
        return { bytes: all.byteLength }
      }
  }
  return { destination, taken }
}

const alive = setInterval(() => {}, 1000)
t.teardown(() => clearInterval(alive))

async function pulled(
  begun: { id: Uint8Array; bytes: number } | undefined,
  ask?: { offset: number; fileId?: Uint8Array }
) {
  const [near, far] = await sessionPair(alice, bob, { chunkSize: C })
  const { starts, open } = served()
  const { destination, taken } = having(begun)
  if (ask)
    altered(far, ({ type, body }) =>
      type === 'RQFL' ? fileRequest.encode({ ...fileRequest.decode(body), ...ask }) : undefined
    )
  const answering = far.answer({ open }).finally(() => far.close())
  answering.catch(() => {})
  const outcome = await near.get('file', destination).catch((error: Error) => error)
  await near.close()
  await answering.catch(() => {})
  return { outcome, starts, taken }
}

t.test('M63: the rest is sent from the chunk on that the offset is in, and no byte before it is read', async t => {
  for (const [has, from] of [
    [5 * C + 7, 5 * C],
    [5 * C, 5 * C],
    [C - 1, 0],
    [bytes.byteLength, bytes.byteLength - 5]
  ] as const) {
    const { outcome, starts, taken } = await pulled({ id, bytes: has })
    t.match(outcome, { bytes: bytes.byteLength, resumedAt: from, kind: 'durable' })
    t.same(starts, [from])
    t.same(taken, [{ start: from, bytes: bytes.byteLength - from }])
  }
  const other = await pulled({ id: Buffer.alloc(32, 7), bytes: 5 * C })
  t.match(other.outcome, { resumedAt: 0 })
  t.same(other.starts, [0], 'another state begins anew')
  t.match((await pulled(undefined)).outcome, { resumedAt: 0 })
  t.match((await pulled({ id, bytes: 2 ** 40 })).outcome, { resumedAt: bytes.byteLength - 5 })
})

t.test('M64: a stream that goes on where nobody asked is refused', async t => {
  for (const begun of [undefined, { id, bytes: 2 * C - 1 }, { id: Buffer.alloc(32, 7), bytes: 5 * C }]) {
    const { outcome, taken } = await pulled(begun, { offset: 2 * C, fileId: id })
    t.match(outcome, { code: 'ERR_SFT_PROTOCOL' })
    t.same(taken, [])
  }
})

t.test('M64: whoever takes an offer can not have more of it than there is', async t => {
  for (const [size, offset] of [
    [bytes.byteLength, bytes.byteLength + 1],
    [undefined, 1]
  ] as const) {
    const [near, far] = await sessionPair(bob, alice, { chunkSize: C })
    const { open } = served()
    const { destination } = having()
    altered(near, ({ type, body }) =>
      type === 'ACPT' ? acceptance.encode({ ...acceptance.decode(body), offset }) : undefined
    )
    const answering = far.answer({ accept: async () => destination }).finally(() => far.close())
    answering.catch(() => {})
    await t.rejects(near.put({ name: 'file', size }, await open()), { code: 'ERR_SFT_PROTOCOL' })
    await near.close()
    await answering.catch(() => {})
  }
})
