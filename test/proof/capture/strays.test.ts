import t from 'tap'
import { parseCapture } from '../../../src/proof/capture/read.ts'
import { Strays } from '../../../src/proof/capture/strays.ts'
import { ipv4, ipv6, pcap, type Taken, tcp } from '../../fixtures/packets.ts'
import { straysOf } from '../../fixtures/strays.ts'

const bytes = Buffer.from('some bytes')
const udp = (carried: Uint8Array): Buffer => Buffer.concat([Buffer.alloc(8), carried])
const read = (packets: readonly Taken[], link = 101) => straysOf(parseCapture(pcap(packets, { link })))

t.test('a kind of its own, in the order of packets, each with what it carried', t => {
  const packets = [
    { bytes: ipv4(udp(bytes), { 9: 17 }) },
    { bytes: ipv4(bytes, { 9: 1 }) },
    { bytes: ipv4(udp(Buffer.from(', and more')), { 9: 17 }) },
    { bytes: ipv4(bytes, { 9: 47 }) },
    { bytes: ipv4(bytes, { 6: 0x20 }) },
    { bytes: ipv4(bytes, { 7: 1, 9: 17 }) }
  ]
  t.same(read(packets), [
    ['UDP', [1, 3, 6], 'some bytes, and moresome bytes', 0],
    ['ICMP', [2], 'some bytes', 0],
    ['other IP', [4], 'some bytes', 0],
    ['fragment', [5], 'some bytes', 0]
  ])
  t.end()
})

t.test('one sender to one receiver is read on end, whatever came between', t => {
  const there = (text: string) => ({ bytes: ipv4(udp(Buffer.from(text)), { 9: 17 }) })
  const back = (text: string) => ({ bytes: ipv4(udp(Buffer.from(text)), { 9: 17, 15: 2, 19: 1 }) })
  const packets = [there('for '), back('yes,'), there('nobody '), back(' go on.'), there('else')]
  t.same(read(packets), [['UDP', [1, 2, 3, 4, 5], 'for nobody elseyes, go on.', 0]])
  const from = (port: number, text: string) => {
    const bytes = udp(Buffer.from(text))
    bytes[1] = port
    return { bytes: ipv4(bytes, { 9: 17, 15: 1 }) }
  }
  const own = [from(1, 'on '), from(2, 'or '), from(1, 'loopback')]
  t.same(read(own), [['UDP', [1, 2, 3], 'on loopbackor ', 0]], 'ports tell them apart')
  const [stray] = parseCapture(pcap(packets)).strays
  t.same(
    [0, 4, 11, 15, 19].map(at => stray?.flow.packetAt(at)),
    [1, 3, 5, 2, 4]
  )
  t.end()
})

t.test('fragments of IPv6, the first and another', t => {
  const piece = (place: string): [number, Buffer] => [44, Buffer.from(`00${place}00000001`, 'hex')]
  t.same(read([{ bytes: ipv6(bytes, [piece('0001')]) }, { bytes: ipv6(bytes, [piece('0008')]) }]), [
    ['fragment', [1, 2], 'some bytessome bytes', 0]
  ])
  t.same(read([{ bytes: ipv6(bytes, [piece('0001')]), captured: 44 }]), [
    [
      'unreadable',
      [1],
      ipv6(bytes, [piece('0001')])
        .subarray(0, 44)
        .toString(),
      14
    ]
  ])
  t.end()
})

t.test('what was cut off', t => {
  const packet = ipv4(udp(bytes), { 9: 17 })
  t.same(read([{ bytes: packet, captured: 32 }]), [['UDP', [1], 'some', 6]])
  t.same(read([{ bytes: packet, captured: 24 }]), [['UDP', [1], '', 10]])
  t.match(read([{ bytes: packet, captured: 10 }]), [['unreadable', [1], /^E/, 28]])
  t.same(read([{ bytes: packet, captured: 0 }]), [['not IP', [1], '', 38]])
  t.same(read([{ bytes: ipv4(udp(Buffer.alloc(0)), { 9: 17 }) }]), [], 'a datagram without a byte')
  t.end()
})

t.test('behind a packet: told unless it is zeros', t => {
  const packet = ipv4(tcp({ flags: 24, bytes }))
  t.same(read([{ bytes: Buffer.concat([packet, Buffer.alloc(9)]) }]), [])
  t.same(read([{ bytes: Buffer.concat([packet, Buffer.alloc(3), Buffer.from('tail')]) }]), [
    ['trailer', [1], '\0\0\0tail', 0]
  ])
  t.end()
})

t.test('the first 16 numbers, and how many there are', t => {
  const packets = Array.from({ length: 20 }, () => ({ bytes: ipv4(udp(bytes), { 9: 17 }) }))
  const { strays } = parseCapture(pcap(packets))
  t.match(strays, [{ packets: 20, numbers: Array.from({ length: 16 }, (_, at) => at + 1) }])
  const [{ flow, starts }] = strays as [(typeof strays)[number]]
  t.same([starts.length, starts[19]], [20, 190])
  t.same([0, 9, 10, 199].map(flow.packetAt), [1, 1, 2, 20])
  t.end()
})

t.test('M170: two million packets at most', t => {
  const strays = new Strays(new Uint8Array(1))
  const add = () => strays.add(1, 'UDP', { at: 0, length: 1, captured: 0 }, '')
  for (let count = 0; count < 2_000_000; count++) add()
  t.throws(add, { code: 'ERR_SFT_LIMIT' })
  strays.add(1, 'UDP', { at: 0, length: 0, captured: 0 }, '')
  t.end()
})
