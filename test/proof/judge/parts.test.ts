import t from 'tap'
import { parseCapture } from '../../../src/proof/capture/read.ts'
import { dissect } from '../../../src/proof/dissect/dissect.ts'
import { judgeConnections } from '../../../src/proof/judge/connections.ts'
import { isInGap, type Side, sealedOf, sidesOf } from '../../../src/proof/judge/parts.ts'
import { PlaintextSearch } from '../../../src/proof/judge/plaintext.ts'
import type { Dissected } from '../../../src/proof/model.ts'
import { pattern } from '../../fixtures/bytes.ts'
import { dissected } from '../../fixtures/dissected.ts'
import { ipv4, pcap, tcp } from '../../fixtures/packets.ts'

t.test('what is sealed, without what the capture lacks', t => {
  const pieces = [10, 10, 10].map(length => ({ label: 'PING', clear: Buffer.alloc(2), sealed: pattern(length) }))
  const sealed = (...gaps: [number, number][]) => {
    const all = gaps.map(([at, length]) => ({ at, length }))
    const [side] = sidesOf([dissected('unknown', pieces, { up: { gaps: all } })])
    return sealedOf(side as NonNullable<typeof side>).map(({ from, to }) => [from, to])
  }
  const whole = [
    [2, 12],
    [14, 24],
    [26, 36]
  ]
  t.same(sealed(), whole)
  t.same(sealed([0, 2], [12, 2], [24, 2]), whole, 'between them')
  t.same(sealed([0, 3], [11, 4], [35, 1]), [
    [3, 11],
    [15, 24],
    [26, 35]
  ])
  t.same(
    sealed([3, 1], [5, 2], [14, 20]),
    [
      [2, 3],
      [4, 5],
      [7, 12],
      [34, 36]
    ],
    'in them, and across'
  )
  t.same(sealed([0, 36]), [])
  t.end()
})

t.test('whether a byte is there', t => {
  const flow = { bytes: new Uint8Array(30), lost: 8, packetAt: () => 1, timeAt: () => 1 }
  const gaps = [
    { at: 5, length: 5 },
    { at: 20, length: 3 }
  ]
  const lacks = (first: number, last: number) => isInGap({ ...flow, gaps }, first, last)
  for (const [first, last] of [
    [0, 5],
    [5, 5],
    [9, 9],
    [9, 19],
    [6, 25],
    [22, 29],
    [10, 20]
  ] as const)
    t.ok(lacks(first, last), `${first} to ${last}`)
  for (const [first, last] of [
    [0, 4],
    [10, 19],
    [23, 29]
  ] as const)
    t.notOk(lacks(first, last), `${first} to ${last}`)
  t.notOk(isInGap(flow, 0, 29))
  t.end()
})

t.test('100,000 gaps in as many frames', t => {
  const COUNT = 100_000
  // a record of TLS that lacks its last byte; what repeats itself in it is looked up among the gaps
  const record = Buffer.concat([Buffer.from('1703030015', 'hex'), Buffer.alloc(20, 0x41)])
  const segment = (at: number, flags: number, bytes?: Uint8Array): { bytes: Uint8Array } => ({
    bytes: ipv4(tcp({ flags, sequence: at, ...(bytes && { bytes }) }))
  })
  const hello = Buffer.from('160301000401000000', 'hex')
  const records = Array.from({ length: COUNT }, (_, index) => segment(10 + index * 26, 24, record))
  const capture = parseCapture(pcap([segment(0, 2), segment(1, 24, hello), ...records, segment(10 + COUNT * 26, 17)]))
  const [all] = dissect(capture) as [Dissected]
  t.equal(all.connection.up.gaps?.length, COUNT)
  t.equal(all.frames.length, COUNT + 1)
  const [side] = sidesOf([all]) as [Side]
  t.equal(sealedOf(side).length, COUNT)
  t.match(judgeConnections([all]).evidence[1], { text: /100,000 bytes are missing/ })
  const search = new PlaintextSearch([side], { plain: [{ name: 'letters', bytes: Buffer.alloc(20, 0x41) }] })
  const { bytes } = side.flow
  search.look(side, { bytes, from: 0, to: bytes.byteLength, how: 'as they are', inflated: false, origin: at => at })
  t.match(search.claim(), { verdict: 'fails' })
  t.end()
})
