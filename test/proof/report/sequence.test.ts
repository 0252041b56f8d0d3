import t from 'tap'
import type { ConnectionPicture } from '../../../src/proof/model.ts'
import { sequence } from '../../../src/proof/report/sequence.ts'
import { frame, held } from '../../fixtures/verdict.ts'

const [connection] = held().connections as [ConnectionPicture]
const drawn = (rows: ConnectionPicture['sequence'], omitted = 0): string =>
  sequence({ ...connection, sequence: rows, omitted }).source

/** x and width of the parts of an arrow, in per cent. */
function parts(source: string): Record<string, number[]> {
  const found = [...source.matchAll(/<rect class="([sc])" x="([\d.]+)%" y="4" width="([\d.]+)%"/g)]
  return Object.fromEntries(found.map(([, kind = '', x, width]) => [kind, [Number(x), Number(width)]]))
}

t.test('an arrow has the shares of its frame, the first byte ahead', t => {
  t.same(parts(drawn([frame(1, 'up', 'HELO', [100, 0])])), { c: [0, 100] })
  t.same(parts(drawn([frame(1, 'up', 'RSFL', [0, 100])])), { s: [0, 100] })
  t.same(parts(drawn([frame(1, 'up', 'STRM', [25, 75])])), { s: [0, 75], c: [75, 25] })
  t.same(parts(drawn([frame(1, 'down', 'STRM', [25, 75])])), { s: [25, 75], c: [0, 25] })
  t.end()
})

t.test('a part that is there can be seen, however small', t => {
  t.same(parts(drawn([frame(1, 'up', 'RSFL', [15, 1_048_592])])), { s: [0, 97], c: [97, 3] })
  t.same(parts(drawn([frame(1, 'down', 'POST', [1_000_000, 1])])), { s: [97, 3], c: [0, 97] })
  t.same(parts(drawn([frame(1, 'down', 'END', [0, 0])])), {})
  t.end()
})

t.test('bytes, clear and sealed, are said in numbers too; a run has their sums and its packets', t => {
  const run = Array.from({ length: 8 }, (_, at) => frame(10 + at, 'up', 'RSFL', [15, 1000], { content: true }))
  const source = drawn(run)
  t.match(source, /class="p">12–16<[\s\S]*<b><bdi>RSFL<\/bdi> × 5<\/b>/)
  t.match(source, '1,015 bytes each')
  t.match(source, 'class="c">75</td><td role="cell" class="s">5,000<')
  t.match(source, '<i>file</i>')
  t.match(source, 'to the listener: ', 'what an arrow says is also said')
  t.match(drawn([frame(1, 'down', 'HELR', [4, 0])]), 'to the dialler: ')
  t.end()
})

t.test('what was left out stands where it was, behind the first 300', t => {
  const rows = Array.from({ length: 310 }, (_, at) => frame(at + 1, 'up', `f${at}`, [4, 0]))
  t.match(drawn(rows, 1234), /f299<[\s\S]*1,234 more frames, not shown[\s\S]*f300</)
  t.notMatch(drawn(rows), 'not shown')
  t.end()
})
