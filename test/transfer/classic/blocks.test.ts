import t from 'tap'
import { CLASSIC_DEADLINES } from '../../../src/auth/classic/greeting.ts'
import { ClassicReader, classicMessages, encodeClassic } from '../../../src/auth/classic/wire.ts'
import { CLASSIC_PIECE, decryptFile, encryptFile, readBlocks } from '../../../src/transfer/classic/blocks.ts'
import { encryptBlock } from '../../../src/workers/classic-blocks.ts'
import { createClassicPool } from '../../../src/workers/classic-pool.ts'
import { collect, cut, join, pattern } from '../../fixtures/bytes.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

const { publicKey, privateKey } = await testKey()
const inline = createClassicPool({ threads: 0 })
const threads = createClassicPool({ threads: 2 })
t.teardown(() => threads.close())

for (const length of [0, 1, 99, 100, 101, 190, CLASSIC_PIECE, CLASSIC_PIECE + 1, 3 * CLASSIC_PIECE + 50]) {
  for (const pool of [inline, threads]) {
    t.test(`len=${length} ${pool === inline ? 'inline' : 'threads'}`, async t => {
      const wire = Buffer.from(await join(encryptFile(pool, publicKey)(cut(pattern(length), CLASSIC_PIECE))))
      t.equal(wire.byteLength, Math.ceil(length / 100) * 264)
      const messages = await collect(classicMessages()([wire]))
      t.ok(messages.every(({ type }) => type === 'RSFL'))
      for (const step of [251, 65536]) {
        const blocks = readBlocks(new ClassicReader(cut(wire, step)), privateKey, CLASSIC_DEADLINES)
        t.ok(Buffer.from(await join(decryptFile(pool, privateKey)(blocks))).equals(pattern(length)), `step=${step}`)
      }
    })
  }
}

t.test('whole messages in every piece, as classic readers need them', async t => {
  for (const piece of await collect(encryptFile(inline, publicKey)(cut(pattern(20_000), CLASSIC_PIECE))))
    t.equal(piece.byteLength % 264, 0)
})

t.test('a block goes on without waiting for the next', async t => {
  const first = Promise.withResolvers<void>()
  async function* slow(): AsyncGenerator<Uint8Array> {
    yield encodeClassic('RSFL', encryptBlock(publicKey, pattern(100)))
    await first.promise
    yield encodeClassic('RSFL', encryptBlock(publicKey, pattern(7)))
  }
  const blocks = readBlocks(new ClassicReader(slow()), privateKey, CLASSIC_DEADLINES)
  const bytes = decryptFile(inline, privateKey)(blocks)
  t.equal((await bytes.next()).value?.byteLength, 100)
  first.resolve()
  t.equal((await bytes.next()).value?.byteLength, 7)
  t.equal((await bytes.next()).done, true)
})

t.test('a consumer that stalls stops the source', async t => {
  let pulled = 0
  function* source(): Generator<Uint8Array<ArrayBuffer>> {
    for (;;) {
      pulled++
      yield pattern(CLASSIC_PIECE)
    }
  }
  const messages = encryptFile(inline, publicKey)(source())
  await messages.next()
  await new Promise(resolve => setTimeout(resolve, 50))
  t.ok(pulled <= 4, `${pulled} pieces`)
  await messages.return()
})
