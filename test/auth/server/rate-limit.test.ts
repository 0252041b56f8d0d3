import t from 'tap'
import { rateLimit, sourceKey } from '../../../src/auth/server/rate-limit.ts'

t.test('a key has its attempts in any window, not only in a calendar minute', async t => {
  let now = 1000
  const take = rateLimit({ attempts: 3, window: 100, now: () => now })
  t.strictSame([take('a'), take('a'), take('a'), take('a')], [true, true, true, false])
  now += 50
  t.notOk(take('a'))
  t.ok(take('b'), 'another key has its own')
  now += 50
  t.strictSame([take('a'), take('a'), take('a'), take('a')], [true, true, true, false])
})

t.test('the window slides: an attempt comes back when it is a window old', async t => {
  let now = 0
  const take = rateLimit({ attempts: 2, window: 100, now: () => now })
  t.ok(take('a'))
  now = 60
  t.ok(take('a'))
  now = 100
  t.strictSame([take('a'), take('a')], [true, false])
  now = 160
  t.strictSame([take('a'), take('a')], [true, false])
})

t.test('a flood of keys buys no attempt at an old one', async t => {
  let now = 0
  const take = rateLimit({ attempts: 1, window: 100, keys: 10, now: () => now })
  t.ok(take('victim'))
  const granted = Array.from({ length: 100 }, (_, i) => take(`key ${i}`)).filter(Boolean)
  t.equal(granted.length, 9, 'no more keys than are remembered')
  t.notOk(take('victim'))
  now = 100
  t.ok(take('new'), 'keys of an old window are forgotten')
})

t.test('a source is an IPv4 address or an IPv6 /64', async t => {
  t.equal(sourceKey('192.0.2.1'), '192.0.2.1')
  t.equal(sourceKey('::ffff:192.0.2.1'), '192.0.2.1')
  t.equal(sourceKey('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64')
  t.equal(sourceKey('2001:db8:1:2::1'), '2001:db8:1:2::/64')
  t.equal(sourceKey('2001:db8::1'), '2001:db8:0:0::/64')
  t.equal(sourceKey('::1'), '0:0:0:0::/64')
  t.equal(sourceKey('fe80::1%eth0'), 'fe80:0:0:0::/64')
  t.equal(sourceKey(''), '')
})
