import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { parseCapture } from '../../../src/proof/capture/read.ts'
import { block, enhanced, ipv4, link, old, section, simple, tcp } from '../../fixtures/packets.ts'
import { fields, noTshark } from '../../fixtures/tshark.ts'

const of = (sequence: number, time = 0) => ({
  bytes: ipv4(tcp({ sequence, flags: 24, bytes: Buffer.from('four') })),
  time
})
const text = (file: Uint8Array): string => Buffer.from(parseCapture(file).connections[0]?.up.bytes ?? []).toString()

for (const little of [true, false]) {
  t.test(`every kind of packet, little-endian=${little}`, t => {
    const file = Buffer.concat([
      section(little),
      link(101, [], 0, little),
      enhanced(of(1), 0, little),
      simple(of(5).bytes, undefined, little),
      old(of(9), 0, little)
    ])
    const { format, packets, strays } = parseCapture(file)
    t.same([format, packets, strays], ['pcapng', 3, []])
    t.equal(text(file), 'fourfourfour')
    t.end()
  })
}

t.test('sections of both orders, each with interfaces of its own', t => {
  const ethernet = Buffer.concat([Buffer.from('0200000000010200000000020800', 'hex'), of(5).bytes])
  const file = Buffer.concat([
    section(true),
    link(101),
    enhanced(of(1)),
    section(false),
    link(1, [], 0, false),
    link(101, [], 0, false),
    enhanced({ bytes: ethernet }, 0, false),
    enhanced(of(9), 1, false)
  ])
  t.equal(text(file), 'fourfourfour')
  t.end()
})

t.test('times in the units of each interface', t => {
  const seconds = Buffer.alloc(8)
  seconds.writeBigInt64LE(-10n)
  const file = Buffer.concat([
    section(),
    link(101),
    link(101, [[9, Buffer.of(9)]]),
    link(101, [
      [2, Buffer.from('lo')],
      [9, Buffer.of(0x80 + 10)]
    ]),
    link(101, [
      [9, Buffer.of(3)],
      [14, seconds]
    ]),
    enhanced(of(1, 1e15)),
    enhanced(of(5, (1e9 + 1) * 1e9), 1),
    enhanced(of(9, (1e9 + 2) * 1024), 2),
    enhanced(of(13, (1e9 + 13) * 1000), 3)
  ])
  const up = parseCapture(file).connections[0]?.up
  t.same(
    [0, 4, 8, 12].map(at => up?.timeAt(at)),
    [0, 1000, 2000, 3000]
  )
  t.end()
})

t.test('a capture without a time, or with one that no calendar has, does not say when it was', t => {
  const captures = {
    simple: [link(101), simple(of(1).bytes)],
    'simple at the end': [link(101), enhanced(of(1)), simple(of(5).bytes)],
    late: [link(101, [[9, Buffer.of(0)]]), enhanced(of(1, 1e15))]
  }
  for (const [name, blocks] of Object.entries(captures)) {
    const capture = parseCapture(Buffer.concat([section(), ...blocks]))
    t.notOk('began' in capture || 'ended' in capture, name)
  }
  t.notOk('began' in parseCapture(section()), 'nor does one without a packet')
  t.end()
})

t.test('a simple packet has what its interface takes of it', t => {
  const { bytes } = of(1)
  const file = Buffer.concat([section(), link(101, [], 42), simple(bytes, 42)])
  const { connections } = parseCapture(file)
  t.match(connections, [{ up: { lost: 2 } }])
  t.end()
})

/** What stands between packets: statistics, names, a journal, blocks of others. */
const MIXED = Buffer.concat([
  section(),
  link(101),
  enhanced(of(1)),
  block(9, Buffer.from('__REALTIME_TIMESTAMP=1\nMESSAGE=hi\n')),
  enhanced(of(5)),
  block(0x0bad, Buffer.from('d97e0000abcd', 'hex')),
  enhanced(of(9)),
  block(0x40000bad, Buffer.from('d97e0000abcd', 'hex')),
  block(0x1234, Buffer.from('abcd')),
  block(4, Buffer.alloc(4)),
  block(5, Buffer.alloc(12)),
  enhanced(of(13))
])

t.test('blocks that are no packets, and those that have a number all the same', t => {
  const { packets, strays, connections } = parseCapture(MIXED)
  t.same([packets, strays], [7, []])
  t.same(
    [0, 4, 8, 12].map(at => connections[0]?.up.packetAt(at)),
    [1, 3, 5, 7]
  )
  t.end()
})

t.test('the numbers are those of Wireshark', { skip: noTshark }, async t => {
  const path = join(t.testdir({}), 'file.pcapng')
  await writeFile(path, MIXED)
  t.same(fields(path, ['frame.number']).flat(), ['1', '3', '5', '7'])
})

t.test('M170: lengths that can not be, an interface that is not there', t => {
  const head = Buffer.concat([section(), link(101)])
  const good = enhanced(of(1))
  const change = (at: number, value: number, bytes = good): Buffer => {
    const changed = Buffer.from(bytes)
    changed.writeUInt32LE(value, at)
    return changed
  }
  const broken: Buffer[] = [
    change(4, 8),
    change(4, 13),
    change(4, 0xfffffffc),
    change(good.byteLength - 4, 12),
    change(8, 1),
    change(8 + 12, good.byteLength),
    change(8 + 12, 0xffffffff),
    good.subarray(0, -1),
    good.subarray(0, 11),
    block(6, Buffer.alloc(16)),
    block(1, Buffer.alloc(4)),
    block(0x0a0d0d0a, Buffer.alloc(16))
  ]
  for (const [index, bytes] of broken.entries())
    t.throws(() => parseCapture(Buffer.concat([head, bytes])), { code: 'ERR_SFT_ENCODING' }, `${index}`)
  t.throws(() => parseCapture(Buffer.concat([section(), simple(of(1).bytes)])), { code: 'ERR_SFT_ENCODING' })
  t.throws(() => parseCapture(head.subarray(0, -4)), { code: 'ERR_SFT_ENCODING', hint: /tshark -r/ }, 'broken off')
  t.end()
})
