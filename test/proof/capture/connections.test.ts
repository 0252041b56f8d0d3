import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { parseCapture } from '../../../src/proof/capture/read.ts'
import type { Connection } from '../../../src/proof/model.ts'
import { ipv4, pcap, type Tcp, tcp } from '../../fixtures/packets.ts'
import { straysOf } from '../../fixtures/strays.ts'
import { fields, followed, noTshark } from '../../fixtures/tshark.ts'

const [SYN, SYN_ACK, ACK, PSH, FIN, RST] = [2, 18, 16, 24, 17, 4] as const
const text = (bytes: Uint8Array | undefined): string =>
  Buffer.from(bytes ?? [])
    .toString()
    .replaceAll('\0', '.')

/** Packets of A, port 4000 of 10.0.0.1, and of B, port 80 of 10.0.0.2. */
function packetOf(
  by: 'A' | 'B',
  flags: number,
  sequence: number,
  acknowledged: number,
  bytes = '',
  ports: Tcp['ports'] = [4000, 80]
) {
  const [a, b] = ports
  const segment = tcp({ ports: by === 'A' ? [a, b] : [b, a], flags, sequence, acknowledged, bytes: Buffer.from(bytes) })
  return { bytes: by === 'A' ? ipv4(segment) : ipv4(segment, { 15: 2, 19: 1 }) }
}

type Line = Parameters<typeof packetOf>
const read = (lines: readonly Line[]) => parseCapture(pcap(lines.map(line => packetOf(...line))))

/** Connections as they are compared. */
const told = (lines: readonly Line[]) =>
  read(lines).connections.map(({ dialler, handshake, up, down }) => [
    dialler,
    handshake,
    text(up.bytes),
    text(down.bytes),
    up.lost + down.lost
  ])

const OPENED: readonly Line[] = [
  ['A', SYN, 100, 0],
  ['B', SYN_ACK, 500, 101],
  ['A', ACK, 101, 501]
]
const A = '10.0.0.1:4000'
const B = '10.0.0.2:80'

t.test('a handshake, data, and both ends', t => {
  const lines: Line[] = [
    ...OPENED,
    ['A', PSH, 101, 501, 'ask'],
    ['B', PSH, 501, 104, 'answer'],
    ['B', FIN, 507, 104],
    ['A', FIN, 104, 508],
    ['B', ACK, 508, 105]
  ]
  t.same(told(lines), [[A, [1, 2, 3], 'ask', 'answer', 0]])
  t.end()
})

t.test('the handshake as far as it was seen', t => {
  t.same(told(OPENED.slice(0, 1)), [[A, [1], '', '', 0]])
  t.same(told(OPENED.slice(0, 2)), [[A, [1, 2], '', '', 0]])
  t.same(told([...OPENED.slice(1)]), [[A, [1, 2], '', '', 0]])
  t.same(
    told([
      ['A', SYN, 100, 0],
      ['B', SYN_ACK, 500, 101],
      ['A', PSH, 101, 501, 'ask']
    ]),
    [[A, [1, 2, 3], 'ask', '', 0]]
  )
  t.same(told([OPENED[0] as Line, OPENED[0] as Line, ...OPENED.slice(1)]), [[A, [1, 3, 4], '', '', 0]], 'a SYN again')
  t.same(
    told([
      ['A', SYN, 100, 0],
      ['B', RST | ACK, 0, 101]
    ]),
    [[A, [1], '', '', 0]],
    'nobody listens'
  )
  t.end()
})

t.test('data in a SYN, in a FIN, and none in a reset', t => {
  t.same(
    told([
      ['A', SYN, 100, 0, 'as'],
      ['B', SYN_ACK, 500, 103],
      ['A', FIN, 103, 501, 'k']
    ]),
    [[A, [1, 2, 3], 'ask', '', 0]]
  )
  t.same(told([...OPENED, ['A', PSH, 101, 501, 'ask'], ['B', RST, 501, 0, 'go away']]), [[A, [1, 2, 3], 'ask', '', 0]])
  t.end()
})

t.test('M171: bytes that the capture lacks: between, at the beginning, at the end', t => {
  t.same(told([...OPENED, ['A', PSH, 103, 501, 'k']]), [[A, [1, 2, 3], '..k', '', 2]])
  t.same(
    told([...OPENED, ['A', PSH, 101, 501, 'ask'], ['B', ACK, 501, 108]]),
    [[A, [1, 2, 3], 'ask....', '', 4]],
    'B has more'
  )
  t.same(
    told([...OPENED, ['A', PSH, 101, 501, 'ask'], ['A', FIN, 106, 501]]),
    [[A, [1, 2, 3], 'ask..', '', 2]],
    'the end is later'
  )
  t.same(told([...OPENED, ['A', PSH, 101, 501, 'ask'], ['B', FIN, 501, 104], ['A', ACK, 110, 502]]), [
    [A, [1, 2, 3], 'ask......', '', 6]
  ])
  t.end()
})

t.test('M171: sequence numbers go on behind 2^32', t => {
  const first = 2 ** 32 - 3
  const lines: Line[] = [
    ['A', SYN, first - 1, 0],
    ['B', SYN_ACK, 2 ** 32 - 1, first],
    ['A', ACK, first, 0],
    ['A', PSH, first, 0, 'over'],
    ['A', PSH, 1, 0, ' it'],
    ['B', PSH, 0, 4, 'yes'],
    ['A', FIN, 4, 3]
  ]
  t.same(told(lines), [[A, [1, 2, 3], 'over it', 'yes', 0]])
  t.end()
})

t.test('a byte that is a sign of life is none of the flow', t => {
  const { connections } = read([
    ...OPENED,
    ['A', PSH, 101, 501, 'ask'],
    ['A', ACK, 103, 501, '\0'],
    ['A', PSH, 104, 501, 'ed']
  ])
  t.match(connections, [{ up: { lost: 0, differing: 0 } }])
  t.equal(text(connections[0]?.up.bytes), 'asked')
  t.same(told([...OPENED, ['A', ACK, 100, 501, '\0'], ['A', PSH, 101, 501, 'ask'], ['A', ACK, 103, 501]]), [
    [A, [1, 2, 3], 'ask', '', 0]
  ])
  t.end()
})

t.test('a capture that began later: who dialled has the higher port', t => {
  t.same(
    told([
      ['B', PSH, 501, 104, 'answer'],
      ['A', PSH, 104, 507, 'thanks']
    ]),
    [[A, [], 'thanks', 'answer', 0]]
  )
  t.same(
    told([
      ['A', PSH, 104, 507, 'cd'],
      ['A', PSH, 102, 507, 'ab'],
      ['A', PSH, 106, 507, 'e']
    ]),
    [[A, [], 'abcde', '', 0]]
  )
  t.same(
    told([
      ['A', ACK, 103, 501],
      ['B', PSH, 501, 103, 'x']
    ]),
    [[A, [], '', 'x', 0]]
  )
  t.end()
})

t.test('a port that is used again is another connection', t => {
  const first: Line[] = [...OPENED, ['A', PSH, 101, 501, 'one'], ['A', FIN, 104, 501], ['B', FIN, 501, 105]]
  const second: Line[] = [
    ['A', SYN, 9000, 0],
    ['B', SYN_ACK, 7000, 9001],
    ['A', PSH, 9001, 7001, 'two']
  ]
  t.same(told([...first, ...second]), [
    [A, [1, 2, 3], 'one', '', 0],
    [A, [7, 8, 9], 'two', '', 0]
  ])
  const other: Line[] = [
    ['B', SYN, 7000, 0],
    ['A', SYN_ACK, 9000, 7001],
    ['B', PSH, 7001, 9001, 'three']
  ]
  t.same(told([...first, ...other]), [
    [A, [1, 2, 3], 'one', '', 0],
    [B, [7, 8, 9], 'three', '', 0]
  ])
  t.same(told([...first, ...second.slice(1)]), [
    [A, [1, 2, 3], 'one', '', 0],
    [A, [7, 8], 'two', '', 0]
  ])
  t.end()
})

t.test('a number that is farther away than any window has no place', t => {
  const capture = read([
    ...OPENED,
    ['A', PSH, 101 + 2 ** 30 + 1, 501, 'x'],
    ['B', ACK, 501, 101 + 2 ** 30 + 1],
    ['A', PSH, 101, 501, 'ask']
  ])
  t.same(straysOf(capture), [['misplaced', [4], 'x', 0]])
  t.match(capture.connections, [{ up: { lost: 0 } }])
  t.equal(text(capture.connections[0]?.up.bytes), 'ask')
  t.end()
})

t.test('M171: the end of a flow: its FIN, or a reset of either side', t => {
  const open = (...lines: Line[]) => {
    const [{ up, down }] = read([...OPENED, ['A', PSH, 101, 501, 'ask'], ...lines]).connections as [Connection]
    return [up.openAfter, down.openAfter]
  }
  const [a, b, last]: Line[] = [
    ['A', FIN, 104, 501],
    ['B', FIN, 501, 105],
    ['A', ACK, 105, 502]
  ] as [Line, Line, Line]
  t.same(open(), [4, 4])
  t.same(open(a as Line), [undefined, 5])
  t.same(open(b as Line), [5, undefined])
  t.same(open(a as Line, b as Line, last as Line), [undefined, undefined], 'numbers behind a FIN are one more')
  t.same(open(['A', RST, 104, 0]), [undefined, undefined])
  t.same(open(['B', RST | ACK, 501, 104, 'go away']), [undefined, undefined])
  t.same(open(['B', RST, 501 + 2 ** 31, 104]), [5, 5], 'a reset from nowhere')
  t.same(open(a as Line, b as Line, ['A', PSH, 104, 502, 'for more']), [7, undefined], 'what goes on behind its FIN')
  const reset: Line = ['A', RST, 101, 0]
  const more: Line = ['A', PSH, 104, 501, 'ed']
  t.same(open(reset, more), [6, 6], 'a reset that did not end it')
  t.same(open(reset, ['A', PSH, 101, 501, 'ask']), [6, 6], 'nor did it for who sends again')
  t.same(open(reset, a as Line), [undefined, 6], 'or ends it now')
  t.same(open(reset, more, ['A', RST, 106, 0]), [undefined, undefined], 'what was on its way is answered by another')
  t.same(open(reset, ['B', ACK, 501, 104]), [undefined, undefined], 'what was received before it')
  t.end()
})

t.test('M171: what nobody has a byte of: its numbers go on, or do not', t => {
  const ends = (...lines: Line[]) =>
    read(lines).connections.map(({ handshake, up, down }) => [
      handshake.length,
      up.lost,
      down.lost,
      up.openAfter,
      down.openAfter
    ])
  const acks = [1, 10_001, 990_001].map((n): Line => ['A', ACK, 101, 500 + n])
  t.same(ends(...acks), [[0, 0, 990_000, 3, 3]], 'only what acknowledges it')
  t.same(ends(OPENED[0] as Line, ...acks), [[1, 0, 990_000, 4, 4]], 'of whom nothing is there')
  t.same(ends(...acks, ...OPENED), [
    [0, 0, 990_000, 3, 3],
    [3, 0, 0, 6, 6]
  ])
  t.same(ends(['A', ACK, 101, 501], ...OPENED), [[3, 0, 0, 4, 4]], 'the last of one before is no byte of this')
  t.same(ends(...OPENED), [[3, 0, 0, 3, 3]])
  const closed: Line[] = [
    ['A', FIN, 101, 501],
    ['B', FIN, 501, 102],
    ['A', ACK, 102, 502]
  ]
  t.same(ends(...OPENED, ...closed), [[3, 0, 0, undefined, undefined]])
  t.same(ends(...closed), [[0, 0, 0, undefined, undefined]], 'numbers of a FIN are no bytes')
  t.same(ends(['A', ACK, 101, 501], ['A', ACK, 100, 501], ['B', ACK, 501, 101]), [[0, 0, 0, 3, 3]], 'is anybody there?')
  t.same(ends(['A', FIN, 101, 501], ['B', FIN, 601, 102]), [[0, 0, 100, undefined, undefined]])
  t.end()
})

t.test('connections are in the order of their first packets', t => {
  const lines: Line[] = []
  for (let port = 1; port <= 300; port++) lines.push(['A', SYN, port, 0, '', [4000, port]])
  for (let port = 300; port >= 1; port--) lines.push(['A', PSH, port + 1, 0, `to ${port}`, [4000, port]])
  const { connections } = read(lines)
  t.same(
    connections.map(({ number, listener, up }) => [number, listener, text(up.bytes)]),
    Array.from({ length: 300 }, (_, i) => [i + 1, `10.0.0.2:${i + 1}`, `to ${i + 1}`])
  )
  t.end()
})

t.test('M170: 65,536 connections at most', t => {
  const syn = (i: number) => packetOf('A', SYN, 1, 0, '', [1 + (i >> 8), 1 + (i & 255)])
  const packets = Array.from({ length: 65_537 }, (_, i) => syn(i))
  t.equal(parseCapture(pcap(packets.slice(0, -1))).connections.length, 65_536)
  t.throws(() => parseCapture(pcap(packets)), { code: 'ERR_SFT_LIMIT' })
  t.end()
})

t.test('many connections at once, with losses on the wire: as tshark has them', { skip: noTshark }, async t => {
  const lines: Line[] = []
  for (let i = 0; i < 40; i++) {
    const ports = [4000 + i, 80] as const
    lines.push(
      ['A', SYN, 100 * i, 0, '', ports],
      ['B', SYN_ACK, 2 ** 32 - i, 100 * i + 1, '', ports],
      ['A', ACK, 100 * i + 1, 1 - i, '', ports]
    )
  }
  for (let i = 0; i < 40; i++) {
    const ports = [4000 + i, 80] as const
    const [a, b] = [100 * i + 1, 1 - i]
    const asks: Line[] = ['one ', 'two ', 'three'].map((part, at) => ['A', PSH, a + 4 * at, b, part, ports])
    const [one, two, three] = asks as [Line, Line, Line]
    // a segment that came late, one that came twice, one that came in another cut
    lines.push(
      ...(i % 3 === 0
        ? [one, three, two]
        : i % 3 === 1
          ? [one, two, two, three]
          : [one, ['A', PSH, a, b, 'one two ', ports] as Line, three])
    )
    lines.push(['B', PSH, b, a + 13, `answer ${i}`, ports])
  }
  const file = pcap(lines.map(line => packetOf(...line)))
  const path = join(t.testdir({}), 'many.pcap')
  await writeFile(path, file)
  const { connections } = parseCapture(file)
  const streams = fields(path, ['tcp.stream', 'frame.number', 'tcp.flags'], 'tcp.flags.syn == 1 && tcp.flags.ack == 0')
  t.same(
    connections.map(({ number, handshake }) => [`${number - 1}`, `${handshake[0]}`]),
    streams.map(([stream, number]) => [stream, number])
  )
  for (const { number, up, down } of connections) {
    t.same([up.lost, up.differing, down.lost], [0, 0, 0])
    if (number > 4) continue
    const hex = { up: Buffer.from(up.bytes).toString('hex'), down: Buffer.from(down.bytes).toString('hex') }
    t.same(hex, followed(path, number - 1))
  }
})
