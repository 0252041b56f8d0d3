import t from 'tap'
import { connectionFilter, packetFilter } from '../../../src/proof/report/numbers.ts'

t.test('packets as a filter of Wireshark', t => {
  t.match(packetFilter([3, 7])?.source, '>frame.number in {3,7}<')
  t.equal(packetFilter([]), undefined)
  t.end()
})

t.test('a connection as a filter of Wireshark', t => {
  t.equal(
    connectionFilter({ dialler: '10.0.0.1:51820', listener: '10.0.0.2:4433' }),
    'ip.addr == 10.0.0.1 && ip.addr == 10.0.0.2 && tcp.port == 51820 && tcp.port == 4433'
  )
  t.equal(
    connectionFilter({ dialler: '[::1]:51820', listener: '[::1]:4433' }),
    'ipv6.addr == ::1 && tcp.port == 51820 && tcp.port == 4433'
  )
  t.equal(connectionFilter({ dialler: 'alice', listener: '10.0.0.2:4433' }), undefined, 'no address: no filter')
  t.equal(connectionFilter({ dialler: '10.0.0.1:1 || tcp', listener: '10.0.0.2:4433' }), undefined)
  t.end()
})
