import t from 'tap'
import { linesOf } from '../../../src/transfer/batch/lines.ts'
import { cut } from '../../fixtures/bytes.ts'

const collect = async (text: string | Uint8Array, step: number, most = 10) =>
  Array.fromAsync(linesOf(cut(Buffer.from(text), step), most))

for (const step of [1, 2, 3, 1000])
  t.test(`pieces of ${step}`, async t => {
    t.same(await collect('', step), [])
    t.same(await collect('\n', step), [{ text: '', number: 1, whole: true, end: 1 }])
    t.same(await collect('one\n\ntwö\nthr', step), [
      { text: 'one', number: 1, whole: true, end: 4 },
      { text: '', number: 2, whole: true, end: 5 },
      { text: 'twö', number: 3, whole: true, end: 10 },
      { text: 'thr', number: 4, whole: false, end: 13 }
    ])
    t.match(await collect(Buffer.from([0x61, 0xff, 10, 0x61, 10]), step), [
      { text: undefined, number: 1, end: 3 },
      { text: 'a', number: 2 }
    ])
    t.match(await collect(`${'x'.repeat(10)}\n`, step), [{ text: 'x'.repeat(10) }])
    for (const text of [`a\n${'x'.repeat(11)}\n`, `a\n${'x'.repeat(11)}`])
      await t.rejects(collect(text, step), { code: 'ERR_SFT_LIMIT', message: 'line 2 has more than 10 bytes' })
  })

t.test('a line that never ends takes no memory, and a source that is left is closed', async t => {
  let [pulled, closed] = [0, false]
  async function* endless() {
    try {
      for (;;) {
        pulled++
        yield new Uint8Array(1000).fill(97)
      }
    } finally {
      closed = true
    }
  }
  await t.rejects(Array.fromAsync(linesOf(endless(), 2500)), { code: 'ERR_SFT_LIMIT' })
  t.same([pulled, closed], [3, true])
})

t.test('a piece may change once the next one is asked for', async t => {
  const buffer = new Uint8Array(1)
  async function* reused() {
    for (const byte of Buffer.from('ab\ncd\n')) {
      buffer[0] = byte
      yield buffer
    }
  }
  t.match(await Array.fromAsync(linesOf(reused(), 10)), [{ text: 'ab' }, { text: 'cd' }])
})
