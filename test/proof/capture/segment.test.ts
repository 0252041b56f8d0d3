import t from 'tap'
import { parseCapture } from '../../../src/proof/capture/read.ts'
import { ipv4, ipv6, pcap, tcp } from '../../fixtures/packets.ts'

const bytes = Buffer.from('some bytes')
const segment = tcp({ flags: 24, bytes })

/** What is read of one packet: the bytes of its flow, or why it has none. */
function read(packet: Uint8Array, captured?: number): string {
  const { connections, strays } = parseCapture(pcap([{ bytes: packet, ...(captured !== undefined && { captured }) }]))
  return strays[0]?.kind ?? Buffer.from(connections[0]?.up.bytes ?? []).toString()
}

t.test('IPv4: options, padding behind the packet, no length', t => {
  const options = ipv4(Buffer.concat([Buffer.alloc(8, 1), segment]), { 0: 0x47 })
  t.equal(read(options), 'some bytes')
  t.equal(read(Buffer.concat([ipv4(segment), Buffer.alloc(20)])), 'some bytes', 'an Ethernet frame is filled up')
  t.equal(read(ipv4(segment, { 2: 0, 3: 0 })), 'some bytes', 'taken before the card cut it')
  t.equal(read(ipv4(tcp({ flags: 24, bytes, options: 40 }))), 'some bytes')
  t.end()
})

t.test('IPv4: fragments and what is no TCP', t => {
  t.equal(read(ipv4(segment, { 6: 0x20 })), 'fragment', 'more follow')
  t.equal(read(ipv4(segment, { 7: 1 })), 'fragment', 'not the first')
  t.equal(read(ipv4(segment, { 9: 17 })), 'UDP')
  t.equal(read(ipv4(segment, { 0: 0x44 })), 'unreadable', 'a header that is too short')
  t.equal(read(ipv4(Buffer.concat([segment.subarray(0, 12), Buffer.of(0x40), segment.subarray(13)]))), 'unreadable')
  t.equal(read(ipv4(Buffer.concat([segment.subarray(0, 12), Buffer.of(0xf0), segment.subarray(13)]))), 'unreadable')
  t.end()
})

t.test('IPv6: extension headers in front of TCP', t => {
  const hop: [number, Buffer] = [0, Buffer.from('0001040000000 0'.replaceAll(' ', ''), 'hex')]
  const routing: [number, Buffer] = [43, Buffer.alloc(15, 0).fill(1, 0, 1)]
  const options: [number, Buffer] = [60, hop[1]]
  const authentication: [number, Buffer] = [51, Buffer.concat([Buffer.of(4), Buffer.alloc(22)])]
  t.equal(read(ipv6(segment)), 'some bytes')
  t.equal(read(ipv6(segment, [hop])), 'some bytes')
  t.equal(read(ipv6(segment, [hop, options, routing, options])), 'some bytes')
  t.equal(read(ipv6(segment, [authentication])), 'some bytes')
  t.equal(read(Buffer.concat([ipv6(segment), Buffer.alloc(20)])), 'some bytes')
  const jumbo = ipv6(segment)
  jumbo.writeUInt16BE(0, 4)
  t.equal(read(jumbo), 'some bytes')
  t.end()
})

t.test('IPv6: fragments, unknown headers, and more of them than anybody sends', t => {
  const fragment: [number, Buffer] = [44, Buffer.alloc(7)]
  const hop: [number, Buffer] = [0, Buffer.alloc(7)]
  t.equal(read(ipv6(segment, [fragment])), 'fragment')
  t.equal(read(ipv6(segment, [[59, Buffer.alloc(7)]])), 'other IP')
  t.equal(read(ipv6(segment, Array(17).fill(hop))), 'unreadable')
  t.equal(read(ipv6(segment, Array(16).fill(hop))), 'some bytes')
  t.equal(
    read(ipv6(segment, [[0, Buffer.concat([Buffer.of(255), Buffer.alloc(6)])]])),
    'unreadable',
    'one that leads outside'
  )
  t.end()
})

t.test('M171: a packet that was cut short lacks bytes', t => {
  const unsaid = ipv6(segment)
  unsaid.writeUInt16BE(0, 4)
  // the last two say no length: taken before the card cut them
  for (const packet of [ipv4(segment), ipv6(segment), ipv4(segment, { 2: 0, 3: 0 }), unsaid]) {
    const { connections } = parseCapture(pcap([{ bytes: packet, captured: packet.byteLength - 4 }]))
    t.match(connections, [{ up: { lost: 4, gaps: [{ at: 6, length: 4 }] } }])
    t.equal(Buffer.from(connections[0]?.up.bytes ?? []).toString(), 'some b\0\0\0\0')
  }
  t.end()
})
