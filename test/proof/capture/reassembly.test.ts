import fc from 'fast-check'
import t from 'tap'
import { parseCapture } from '../../../src/proof/capture/read.ts'
import { Losses, type Piece, reassemble } from '../../../src/proof/capture/reassembly.ts'
import type { Connection } from '../../../src/proof/model.ts'
import { pattern } from '../../fixtures/bytes.ts'
import { ipv4, pcap, tcp } from '../../fixtures/packets.ts'

const TIMES = { at: (packet: number) => packet * 10 }

/** Pieces as `offset: text`, each in a packet of its own, from 1. */
function flowOf(texts: readonly (readonly [offset: number, text: string])[], end = 0) {
  const file = Buffer.from(texts.map(([, text]) => text).join(''))
  let at = 0
  const pieces = texts.map(([offset, { length }], index): Piece => {
    at += length
    return { offset, length, at: at - length, packet: index + 1 }
  })
  const flow = reassemble(file, pieces, end, TIMES, new Losses())
  const { bytes, lost, differing, gaps } = flow
  const packets = Array.from(bytes, (_, offset) => flow.packetAt(offset)).join('')
  return { text: Buffer.from(bytes).toString().replaceAll('\0', '.'), packets, lost, differing, gaps, flow }
}

t.test('M171: in order, each byte once, the first that came', t => {
  t.match(flowOf([]), { text: '', lost: 0, differing: 0, gaps: [] })
  t.match(
    flowOf([
      [0, 'ab'],
      [2, 'cd']
    ]),
    { text: 'abcd', packets: '1122', lost: 0, differing: 0 }
  )
  t.match(
    flowOf([
      [2, 'cd'],
      [0, 'ab']
    ]),
    { text: 'abcd', packets: '2211', lost: 0, differing: 0 }
  )
  t.match(
    flowOf([
      [0, 'ab'],
      [0, 'ab'],
      [2, 'c']
    ]),
    { text: 'abc', packets: '113', differing: 0 }
  )
  t.match(
    flowOf([
      [0, 'abc'],
      [1, 'bcde']
    ]),
    { text: 'abcde', packets: '11122', differing: 0 }
  )
  t.match(
    flowOf([
      [2, 'c'],
      [4, 'e'],
      [0, 'abcdefg']
    ]),
    { text: 'abcdefg', packets: '3313233', differing: 0 }
  )
  t.match(
    flowOf([
      [0, 'abcd'],
      [1, 'b']
    ]),
    { text: 'abcd', packets: '1111', differing: 0 }
  )
  t.end()
})

t.test('M171: two that differ are told, and the first is kept', t => {
  t.match(
    flowOf([
      [0, 'abcd'],
      [1, 'BC']
    ]),
    { text: 'abcd', packets: '1111', differing: 2 }
  )
  t.match(
    flowOf([
      [2, 'cd'],
      [0, 'abCx']
    ]),
    { text: 'abcd', packets: '2211', differing: 2 }
  )
  t.end()
})

t.test('M171: what the capture lacks is told, with zeros in its place', t => {
  t.match(
    flowOf([
      [1, 'b'],
      [3, 'd']
    ]),
    {
      text: '.b.d',
      lost: 2,
      gaps: [
        { at: 0, length: 1 },
        { at: 2, length: 1 }
      ]
    }
  )
  t.match(flowOf([[0, 'ab']], 5), { text: 'ab...', packets: '11111', lost: 3, gaps: [{ at: 2, length: 3 }] })
  t.match(flowOf([], 2), { text: '..', packets: '00', lost: 2 })
  t.end()
})

t.test('when a byte passed', t => {
  const { flow } = flowOf([
    [2, 'cd'],
    [0, 'ab']
  ])
  t.same([0, 1, 2, 3, 99].map(flow.timeAt), [20, 20, 10, 10, 10])
  t.end()
})

t.test('M170: a capture lacks 64 MiB at most, in all of its flows together', t => {
  const losses = new Losses()
  const file = Buffer.from('x')
  const piece = (offset: number): Piece[] => [{ offset, length: 1, at: 0, packet: 1 }]
  const half = 32 * 1024 * 1024
  reassemble(file, piece(half), 0, TIMES, losses)
  reassemble(file, piece(half), 0, TIMES, losses)
  t.throws(() => reassemble(file, piece(1), 0, TIMES, losses), { code: 'ERR_SFT_LIMIT' })
  t.throws(() => reassemble(file, piece(2 ** 50), 0, TIMES, new Losses()), { code: 'ERR_SFT_LIMIT' })
  t.end()
})

t.test('overlaps and disorder of any depth take no more than their number', t => {
  const count = 200_000
  const file = pattern(count + 100)
  const worst: Record<string, (i: number) => Piece> = {
    backwards: i => ({ offset: count - i, length: 1, at: count - i, packet: i + 1 }),
    'each over a hundred others': i => ({ offset: count - i, length: 100, at: count - i, packet: i + 1 }),
    'every second, then all': i => {
      const offset = i < count / 2 ? 2 * i : 2 * (count - i) - 1
      return { offset, length: 1, at: offset, packet: i + 1 }
    },
    'the same': i => ({ offset: 0, length: 100, at: 0, packet: i + 1 })
  }
  for (const [name, piece] of Object.entries(worst)) {
    const { bytes, differing, lost } = reassemble(
      file,
      Array.from({ length: count }, (_, i) => piece(i)),
      0,
      TIMES,
      new Losses()
    )
    t.equal(differing, 0, name)
    t.ok(lost <= 1, name)
    t.equal(Buffer.compare(bytes.subarray(lost), file.subarray(lost, bytes.byteLength)), 0, name)
  }
  t.end()
})

/** A packet with a part of what one side has sent. */
interface Part {
  readonly up: boolean
  readonly from: number
  readonly to: number
}

const LENGTH = 300
const SENT = { up: pattern(LENGTH, 3), down: pattern(LENGTH, 5) }

/** Any cut of both flows, some pieces twice or with others over them, in any order. */
const parts = fc
  .tuple(
    fc.uniqueArray(fc.integer({ min: 1, max: LENGTH - 1 }), { maxLength: 20 }),
    fc.uniqueArray(fc.integer({ min: 1, max: LENGTH - 1 }), { maxLength: 20 }),
    fc.array(fc.tuple(fc.boolean(), fc.nat(LENGTH), fc.nat(LENGTH)), { maxLength: 20 })
  )
  .map(([up, down, more]): Part[] => [
    ...cuts(up).map(([from, to]) => ({ up: true, from, to })),
    ...cuts(down).map(([from, to]) => ({ up: false, from, to })),
    ...more.map(([up, a, b]) => ({ up, from: Math.min(a, b), to: Math.max(a, b) }))
  ])
  .chain(all => fc.shuffledSubarray(all, { minLength: all.length }))

function cuts(at: readonly number[]): [number, number][] {
  const edges = [0, ...at.toSorted((a, b) => a - b), LENGTH]
  return edges.slice(1).map((to, index) => [edges[index] as number, to])
}

function captureOf(all: readonly Part[], first: { up: number; down: number }): Buffer {
  const packet = (up: boolean, flags: number, offset: number, bytes?: Uint8Array) => {
    const [own, other] = up ? [first.up, first.down] : [first.down, first.up]
    const ports = up ? ([9999, 1] as const) : ([1, 9999] as const)
    const segment = tcp({ ports, flags, sequence: own + offset, acknowledged: other + 1, ...(bytes && { bytes }) })
    return { bytes: up ? ipv4(segment) : ipv4(segment, { 15: 2, 19: 1 }) }
  }
  const data = all.map(({ up, from, to }) => packet(up, 24, 1 + from, SENT[up ? 'up' : 'down'].subarray(from, to)))
  return pcap([packet(true, 2, 0), packet(false, 18, 0), packet(true, 16, 1), ...data])
}

const sequence = fc.oneof(fc.nat(0xffffffff), fc.integer({ min: 2 ** 32 - LENGTH, max: 2 ** 32 - 1 }), fc.nat(2))

t.test('M171: any cut, order and repetition gives the same flows', t => {
  fc.assert(
    fc.property(parts, sequence, sequence, (all, up, down) => {
      const { connections, strays } = parseCapture(captureOf(all, { up, down }))
      t.same([connections.length, strays], [1, []])
      const [{ handshake, ...flows }] = connections as [Connection]
      t.same(handshake, [1, 2, 3])
      for (const side of ['up', 'down'] as const) {
        const flow = flows[side]
        t.equal(Buffer.compare(flow.bytes, SENT[side]), 0)
        t.same([flow.lost, flow.differing], [0, 0])
        const firsts = Array.from(SENT[side], (_, at) => firstWith(all, side === 'up', at))
        t.same(
          Array.from(SENT[side], (_, at) => flow.packetAt(at)),
          firsts
        )
      }
    }),
    { numRuns: 200 }
  )
  t.end()
})

/** The number of the packet that brought a byte first: three were before the first part. */
function firstWith(all: readonly Part[], up: boolean, at: number): number {
  return 4 + all.findIndex(part => part.up === up && part.from <= at && at < part.to)
}
