import { randomBytes } from 'node:crypto'
import t from 'tap'
import { picturesOf } from '../../../src/proof/judge/pictures.ts'
import { pattern } from '../../fixtures/bytes.ts'
import { dissected, record, sessionOf } from '../../fixtures/dissected.ts'

t.test('a session', t => {
  const [picture] = picturesOf([sessionOf(pattern(100_000))])
  t.match(picture, {
    number: 1,
    dialler: '10.0.0.1:40001',
    listener: '10.0.0.2:4433',
    protocol: 'sft session',
    handshake: [1, 2, 3],
    omitted: 0
  })
  t.same(
    picture?.flows.map(({ direction }) => direction),
    ['up', 'down']
  )
  const down = picture?.flows[1]
  t.equal(
    down?.histogram.reduce((a, b) => a + b),
    down?.sealedBytes
  )
  t.ok((down?.sealedBytes ?? 0) > 100_000 && (down?.sealedBytes ?? 0) < (down?.bytes ?? 0))
  t.ok((down?.entropy ?? 0) > 7.99 && (down?.expectedEntropy ?? 0) > 7.99)
  t.ok((down?.chiSquare ?? 0) > 100 && (down?.chiSquare ?? 0) < 500)
  t.equal(down?.entropyAlong.length, 128)
  t.match(picture?.sequence.slice(0, 2), [
    { label: 'HELO', direction: 'up', packet: 4, ms: 4, content: false },
    { label: 'HELR', direction: 'down', packet: 5 }
  ])
  t.notOk('at' in (picture?.sequence[0] ?? {}))
  t.end()
})

t.test('of what is not sealed all is counted, and a side that is silent is left out', t => {
  const [picture] = picturesOf([dissected('http', [{ label: 'GET', clear: Buffer.from('aabbb') }])])
  t.equal(picture?.flows.length, 1)
  t.match(picture?.flows[0], { sealedBytes: 0, bytes: 5, histogram: { 97: 2, 98: 3 }, entropyAlong: { length: 1 } })
  t.end()
})

t.test('of many frames the first and the last, in the order of packets', t => {
  const pieces = Array.from({ length: 1000 }, (_, at) => record('PING', 16, at % 2 ? 'up' : 'down'))
  const [picture] = picturesOf([dissected('sft session', pieces)])
  t.equal(picture?.omitted, 600)
  t.same(
    picture?.sequence.map(({ packet }) => packet),
    [...Array.from({ length: 300 }, (_, at) => at + 4), ...Array.from({ length: 100 }, (_, at) => at + 904)]
  )
  const [exact] = picturesOf([dissected('sft session', pieces.slice(0, 350))])
  t.match(exact, { omitted: 0, sequence: { length: 350 } })
  t.end()
})

t.test('entropy along a flow shows where it is no ciphertext', t => {
  const pieces = [
    { label: 'x', clear: Buffer.alloc(32_768) },
    { label: 'y', sealed: randomBytes(32_768) }
  ]
  const along = picturesOf([dissected('unknown', pieces)])[0]?.flows[0]?.entropyAlong ?? []
  t.ok(along.slice(0, 60).every(bits => bits === 0))
  t.ok(along.slice(68).every(bits => bits > 7))
  t.end()
})
