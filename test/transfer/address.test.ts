import t from 'tap'
import {
  DEFAULT_PORT,
  formatHostPort,
  isPeerAddress,
  parseHostPort,
  parsePeerAddress
} from '../../src/transfer/address.ts'

t.test('host and port', async t => {
  const cases: Record<string, object> = {
    'host:1': { host: 'host', port: 1 },
    host: { host: 'host', port: DEFAULT_PORT },
    ':80': { port: 80 },
    '80': { port: 80 },
    '': { port: DEFAULT_PORT },
    '127.0.0.1:0': { host: '127.0.0.1', port: 0 },
    '[::1]:65535': { host: '::1', port: 65535 },
    '[::]': { host: '::', port: DEFAULT_PORT }
  }
  for (const [text, expected] of Object.entries(cases)) t.same(parseHostPort(text), expected, text)
  t.same(parseHostPort('host', 7), { host: 'host', port: 7 })
  for (const text of ['host:65536', '70000', 'host:', 'host:x', '::1', '[::1', 'a:1:2', '[host]:1', 'host:-1'])
    t.throws(() => parseHostPort(text), { code: 'ERR_SFT_USAGE' }, text)
})

t.test('peers', async t => {
  t.same(parsePeerAddress('bob@host:1'), { name: 'bob', host: 'host', port: 1 })
  t.same(parsePeerAddress('bob@host'), { name: 'bob', host: 'host', port: DEFAULT_PORT })
  t.same(parsePeerAddress('b.o_b-2@[::1]:9'), { name: 'b.o_b-2', host: '::1', port: 9 })
  for (const text of [
    'host:1',
    '@host:1',
    'Bob@host:1',
    'bob@',
    'bob@:1',
    'bob@1',
    'b b@host:1',
    'bob@host:x',
    'a@b@c:1',
    ''
  ])
    t.throws(() => parsePeerAddress(text), { code: 'ERR_SFT_USAGE' }, text)
})

t.test('what can only be meant as a peer', async t => {
  for (const text of ['bob@host:1', 'bob@[::1]:2', 'a@b:12566']) t.ok(isPeerAddress(text), text)
  for (const text of ['bob@host', 'file', './bob@host:1', 'bob@dir/file:1', '-', 'Bob@host:1', 'bob@host:123456'])
    t.notOk(isPeerAddress(text), text)
})

t.test('as it is written', async t => {
  t.equal(formatHostPort('host', 1), 'host:1')
  t.same(parseHostPort(formatHostPort('::1', 2)), { host: '::1', port: 2 })
})
