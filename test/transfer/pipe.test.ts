import { Readable } from 'node:stream'
import { pipe } from 'it-pipe'
import t from 'tap'
import { spkiHash } from '../../src/auth/certificates/keys.ts'
import type { Identity } from '../../src/auth/identity/identity.ts'
import { type OpenStreamOptions, openStream, type SealStreamOptions, sealStream } from '../../src/transfer/pipe.ts'
import { inlinePool } from '../../src/workers/pool.ts'
import { C, collect, cut, join, LENGTHS, pattern } from '../fixtures/bytes.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

const organisation = await makeOrganisation()
const [alice, bob] = (await Promise.all(['alice', 'bob'].map(name => organisation.issue(name)))) as [Identity, Identity]
const pool = inlinePool()
const recipients = [{ publicKey: bob.publicKey, spkiHash: spkiHash(bob.publicKey) }]
const seal = (more: Partial<SealStreamOptions> = {}) =>
  sealStream({ identity: alice, recipients, pool, chunkSize: C, ...more })
const open = (more: Partial<OpenStreamOptions> = {}) => openStream({ identity: bob, pool, ...more })

t.test('there and back', async t => {
  for (const length of LENGTHS)
    for (const file of [true, false])
      for (const suite of ['aes-256-gcm', 'chacha20-poly1305'] as const) {
        const bytes = pattern(length)
        const back = await join(pipe(cut(bytes, 1000), seal({ file, suite }), open()))
        t.ok(back.equals(bytes), `${length} bytes, ${file ? 'file' : 'pipe'}, ${suite}`)
      }
  const bytes = pattern(2 * C + 1)
  const sealed = await pipe([bytes], seal(), join)
  t.ok((await join(open()(cut(sealed, 1)))).equals(bytes), 'one byte at a time')
})

t.test('a stage can be run again, with another key', async t => {
  const stage = seal()
  const [first, second] = [await join(stage([pattern(10)])), await join(stage([pattern(10)]))]
  t.notOk(first.equals(second))
  t.ok((await join(open()([second]))).equals(pattern(10)))
})

t.test('the header is told once, before the first byte', async t => {
  const order: string[] = []
  const onHeader: OpenStreamOptions['onHeader'] = ({ sender, metadata }) =>
    order.push(`${sender.name} ${metadata.name}`)
  const sealed = seal({ metadata: { name: 'x', size: 3 * C } })(cut(pattern(3 * C), C))
  for await (const piece of open({ onHeader })(sealed)) order.push(String(piece.byteLength))
  t.same(order, ['alice x', `${C}`, `${C}`, `${C}`])
})

t.test('only the senders that were named', async t => {
  const sealed = await join(seal()([pattern(10)]))
  const told: unknown[] = []
  const onHeader = (info: unknown) => told.push(info)
  for (const from of [['bob'], [], ['alic'], ['alice2']])
    await t.rejects(collect(open({ from, onHeader })([sealed])), { code: 'ERR_SFT_SENDER' }, from.join())
  t.same(told, [])
  t.ok((await join(open({ from: ['bob', 'alice'] })([sealed]))).equals(pattern(10)))
})

t.test('at the time of the receiver', async t => {
  const sealed = await join(seal()([pattern(10)]))
  const now = () => new Date(Date.now() + 11 * 86_400_000)
  await t.rejects(collect(open({ now })([sealed])), { code: 'ERR_SFT_CERT_EXPIRED' })
})

t.test('an idle source gets its chunks passed on', async t => {
  const gate = Promise.withResolvers<void>()
  const source = async function* () {
    yield Buffer.from('first')
    await gate.promise
    yield Buffer.from('second')
  }
  const opened = open()(seal()(source()))
  t.equal(Buffer.from((await opened.next()).value ?? []).toString(), 'first')
  gate.resolve()
  t.equal((await join(opened)).toString(), 'second')
})

t.test('errors and early stops reach the source', async t => {
  let closed = 0
  const source = async function* (fail: boolean) {
    try {
      yield pattern(C)
      if (fail) throw new Error('broken')
      yield pattern(C)
    } finally {
      closed++
    }
  }
  await t.rejects(collect(seal()(source(true))), { message: 'broken' })
  for await (const _ of seal()(source(false))) break
  for await (const _ of open()(seal()(source(false)))) break
  // the first stop came before the source was ever asked
  t.equal(closed, 2)
  t.ok((await join(Readable.from(open()(seal()(source(false)))))).equals(Buffer.concat([pattern(C), pattern(C)])))
})
