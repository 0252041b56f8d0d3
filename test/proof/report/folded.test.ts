import t from 'tap'
import { folded } from '../../../src/proof/report/folded.ts'
import { frame } from '../../fixtures/verdict.ts'

const chunks = (from: number, to: number, detail = 'chunk') =>
  Array.from({ length: to - from }, (_, at) => frame(from + at, 'up', 'DATA', [5, 100], { content: true, detail }))

t.test('a long run is shown by its ends, and every frame is in one row', t => {
  const frames = [frame(1, 'up', 'HEAD', [9, 0]), ...chunks(2, 22), frame(22, 'down', 'END', [5, 32])]
  const rows = folded(frames)
  t.same(
    rows.map(row => [row.frame.packet, row.run?.length]),
    [
      [1, undefined],
      [2, undefined],
      [3, undefined],
      [4, 17],
      [21, undefined],
      [22, undefined]
    ]
  )
  t.same(
    rows.flatMap(row => row.run ?? [row.frame]),
    frames
  )
  t.end()
})

t.test('what differs by direction, label, content or whether it is sealed is no run; neither are five', t => {
  const one = frame(1, 'up', 'DATA', [5, 100], { content: true })
  const others = [
    { ...one, direction: 'down' as const },
    { ...one, label: 'END' },
    { ...one, content: false },
    { ...one, sealed: undefined }
  ]
  for (const other of others) {
    const rows = folded([one, other, one, other, one, other, one, other])
    t.equal(rows.length, 8)
  }
  t.equal(folded(chunks(1, 6)).length, 5)
  t.equal(folded([]).length, 0)
  t.end()
})
