import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { parseCapture } from '../../../src/proof/capture/read.ts'
import { ipv4, ipv6, pcap, tcp } from '../../fixtures/packets.ts'
import { strayPackets } from '../../fixtures/strays.ts'
import { fields, noTshark } from '../../fixtures/tshark.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const MACS = '0200000000010200000000 02'
const v4 = ipv4(tcp({ flags: 24, bytes: Buffer.from('four') }))
const v6 = ipv6(tcp({ flags: 24, bytes: Buffer.from('six') }))

/** Link type, and what stands in front of IPv4 and IPv6. */
const LINKS: Record<string, [number, string, string]> = {
  Ethernet: [1, `${MACS} 0800`, `${MACS} 86dd`],
  'Ethernet with a VLAN': [1, `${MACS} 8100 0007 0800`, `${MACS} 8100 0007 86dd`],
  'Ethernet with two VLANs': [1, `${MACS} 88a8 0007 8100 0008 0800`, `${MACS} 88a8 0007 8100 0008 86dd`],
  'BSD loopback, little-endian': [0, '02000000', '1e000000'],
  'BSD loopback, big-endian': [0, '00000002', '0000001c'],
  'OpenBSD loopback': [108, '00000002', '00000018'],
  'raw IP': [101, '', ''],
  'Linux cooked': [113, '0004 0001 0006 000000000000 0000 0800', '0004 0001 0006 000000000000 0000 86dd'],
  'Linux cooked with a VLAN': [
    113,
    '0000 0001 0006 000000000000 0000 8100 0007 0800',
    '0000 0001 0006 000000000000 0000 8100 0007 86dd'
  ],
  'Linux cooked 2': [
    276,
    '0800 0000 00000001 0304 00 06 0000000000000000',
    '86dd 0000 00000001 0304 00 06 0000000000000000'
  ]
}

for (const [name, [link, before4, before6]] of Object.entries(LINKS)) {
  const packets = [{ bytes: Buffer.concat([hex(before4), v4]) }, { bytes: Buffer.concat([hex(before6), v6]) }]
  const file = pcap(packets, { link })

  t.test(name, t => {
    const { connections, strays } = parseCapture(file)
    t.same(strays, [])
    t.same(
      connections.map(({ dialler, listener, up }) => [dialler, listener, Buffer.from(up.bytes).toString()]),
      [
        ['10.0.0.1:40000', '10.0.0.2:1', 'four'],
        ['[2001:db8::1]:40000', '[::1]:1', 'six']
      ]
    )
    t.end()
  })

  t.test(`${name}: as tshark sees it`, { skip: noTshark }, async t => {
    const path = join(t.testdir({}), 'file.pcap')
    await writeFile(path, file)
    t.same(fields(path, ['frame.number', 'tcp.srcport', 'tcp.len']), [
      ['1', '40000', '4'],
      ['2', '40000', '3']
    ])
  })

  t.test(`${name}: cut anywhere, it is told or read`, t => {
    for (const { bytes } of packets) {
      for (let captured = 0; captured <= bytes.byteLength; captured++) {
        const capture = parseCapture(pcap([{ bytes, captured }], { link }))
        t.equal(capture.packets, 1)
        t.equal(capture.connections.length + strayPackets(capture), 1)
      }
    }
    t.end()
  })
}

t.test('other link types, and other protocols, are told', t => {
  const others = [
    pcap([{ bytes: v4 }], { link: 147 }),
    pcap([{ bytes: hex(`${MACS} 0806 0001`) }], { link: 1 }),
    pcap([{ bytes: Buffer.concat([hex(`${MACS} 8100 0007 0806`), v4]) }], { link: 1 }),
    pcap([{ bytes: hex('5500') }])
  ]
  for (const file of others) {
    const capture = parseCapture(file)
    t.same([capture.packets, strayPackets(capture), capture.connections], [1, 1, []])
  }
  t.end()
})
