import t from 'tap'
import { ReplayWindow } from '../../src/transfer/replay-window.ts'
import { pattern } from '../fixtures/bytes.ts'

const MIB = 1024 * 1024
const bytes = pattern(8 * MIB + 12_345)

function* from(window: ReplayWindow, start: number): Generator<Uint8Array> {
  for (let at = start; at < window.to; ) {
    const view = window.view(at)
    at += view.byteLength
    yield view
  }
}

for (const step of [1, 1000, MIB, 3 * MIB - 1]) {
  const most = step === 1 ? 40_000 : bytes.byteLength
  for (const kept of [MIB, 2 * MIB + 1])
    t.test(`step=${step} kept=${kept}: the last bytes, as many at least and a block more at most`, t => {
      const window = new ReplayWindow(kept)
      t.same([window.from, window.to, window.view(0).byteLength], [0, 0, 0])
      for (let at = 0; at < most; at += step) {
        window.append(bytes.subarray(at, Math.min(at + step, most)))
        const held = window.to - window.from
        if (held < Math.min(window.to, kept)) t.fail(`${held} at ${at}`)
        if (held > Math.ceil(kept / MIB) * MIB + MIB) t.fail(`${held} at ${at}`)
      }
      t.equal(window.to, most)
      for (const start of [window.from, window.from + 1, window.to - 1, window.to])
        t.ok(Buffer.concat([...from(window, start)]).equals(bytes.subarray(start, most)), `from ${start}`)
      t.end()
    })
}

t.test('what was appended may be overwritten by its owner', t => {
  const window = new ReplayWindow(MIB)
  const piece = pattern(100)
  window.append(piece)
  piece.fill(0)
  t.ok(Buffer.from(window.view(0)).equals(pattern(100)))
  t.end()
})
