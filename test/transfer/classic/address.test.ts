import t from 'tap'
import { parseClassicAddress } from '../../../src/transfer/classic/address.ts'

t.test('host, port, and who has to answer', t => {
  t.same(parseClassicAddress('host:1990'), { host: 'host', port: 1990 })
  t.same(parseClassicAddress('1990'), { host: 'localhost', port: 1990 })
  t.same(parseClassicAddress(':1990'), { host: 'localhost', port: 1990 })
  t.same(parseClassicAddress('[::1]:1990'), { host: '::1', port: 1990 })
  t.same(parseClassicAddress('Kim Lee@host:1990'), { host: 'host', port: 1990, alias: 'Kim Lee' })
  t.same(parseClassicAddress('kim@example.org@host:1990'), { host: 'host', port: 1990, alias: 'kim@example.org' })
  for (const text of ['', 'host', 'host:', 'host:x', 'host:99999', '@host:1', 'a/b@host:1', 'a b:1'])
    t.throws(() => parseClassicAddress(text), { code: 'ERR_SFT_USAGE' }, text)
  t.end()
})
