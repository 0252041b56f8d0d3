import t from 'tap'
import { isPcap } from '../../../src/proof/capture/pcap.ts'
import { parseCapture } from '../../../src/proof/capture/read.ts'
import { ipv4, pcap, tcp } from '../../fixtures/packets.ts'

const packets = [1, 5].map(sequence => ({
  bytes: ipv4(tcp({ sequence, flags: 24, bytes: Buffer.from('four') })),
  time: sequence * 1_500_000
}))

for (const little of [true, false]) {
  for (const nano of [true, false]) {
    t.test(`little-endian=${little} ns=${nano}`, t => {
      const { format, packets: count, connections, began, ended } = parseCapture(pcap(packets, { little, nano }))
      t.same([format, count], ['pcap', 2])
      t.same([began, ended], [new Date(1500), new Date(7500)])
      const [connection] = connections
      t.equal(Buffer.from(connection?.up.bytes ?? []).toString(), 'fourfour')
      t.same(
        [0, 3, 4, 7].map(at => [connection?.up.packetAt(at), connection?.up.timeAt(at)]),
        [
          [1, 0],
          [1, 0],
          [2, 6000],
          [2, 6000]
        ]
      )
      t.end()
    })
  }
}

t.test('a link type that says that frames end with a checksum', t => {
  const file = pcap(packets)
  file.writeUInt32LE(0x24000000 + 101, 20)
  t.same(parseCapture(file).strays, [])
  t.end()
})

t.test('M170: a header that is not whole, and lengths beyond the file', t => {
  const file = pcap(packets)
  t.notOk(isPcap(file.subarray(0, 23)))
  t.ok(isPcap(file.subarray(0, 24)))
  for (const length of [0xffffffff, 0x80000000, 45]) {
    const broken = Buffer.from(file)
    broken.writeUInt32LE(length, broken.byteLength - 44 - 8)
    t.throws(() => parseCapture(broken), { code: 'ERR_SFT_ENCODING' })
  }
  for (const cut of [1, 43, 50])
    t.throws(
      () => parseCapture(file.subarray(0, -cut)),
      { code: 'ERR_SFT_ENCODING', message: /breaks off/, hint: /tshark -r/ },
      'whoever took it was stopped'
    )
  t.end()
})
