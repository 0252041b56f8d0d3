import t from 'tap'
import { gather } from '../../src/streams/gather.ts'
import { C, cut, pattern, print } from '../fixtures/bytes.ts'
import { tracked } from '../fixtures/stage-contract.ts'

t.test('reads of exact size, from pieces of any size', async t => {
  for (const step of [1, 7, 1000, C]) {
    const reader = gather(cut(pattern(C + 100), step))
    let offset = 0
    for (const size of [1, 1, 98, 1, C - 1]) {
      t.equal(print((await reader.next(size)).value), print(pattern(C + 100).subarray(offset, offset + size)))
      offset += size
    }
    t.ok((await reader.next(1)).done)
  }
})

t.test('each read has a buffer of its own, exactly as large', async t => {
  const reader = gather([pattern(5000)])
  const reads = [await reader.next(1), await reader.next(100), await reader.next(4000)]
  t.same(
    reads.map(({ value }) => value?.buffer.byteLength),
    [1, 100, 4000]
  )
})

t.test('empty pieces are nothing', async t => {
  const nothing = new Uint8Array(0)
  const reader = gather([nothing, pattern(2), nothing, nothing, pattern(2), nothing])
  t.equal(print((await reader.next(4)).value), '001f001f')
  t.ok((await reader.next(1)).done)
})

t.test('only a read of one byte may find the end', async t => {
  t.ok((await gather([]).next(1)).done)
  await t.rejects(gather([]).next(2), { code: 'ERR_SFT_TRUNCATED' })
  await t.rejects(gather([pattern(3)]).next(4), { code: 'ERR_SFT_TRUNCATED' })
})

t.test('close stops the source, twice is harmless', async t => {
  const { source, state } = tracked([pattern(10), pattern(10)])
  const reader = gather(source)
  await reader.next(5)
  await reader.close()
  t.ok(state.closed)
  await t.resolves(reader.close())
})

t.test('owned pieces are released once copied, borrowed ones are left', async t => {
  for (const owned of [true, false]) {
    const pieces = [pattern(C), pattern(C)]
    const reader = gather(pieces, { owned })
    await reader.next(C + 10)
    t.equal(pieces[0]?.byteLength, owned ? 0 : C)
    t.equal(pieces[1]?.byteLength, C, 'still being read')
  }
})
