import t from 'tap'
import { headAt } from '../../../src/proof/dissect/http-head.ts'
import { type NamedValue, namedValues } from '../../../src/proof/judge/named-values.ts'

function valuesOf(head: string): NamedValue[] {
  const bytes = Buffer.from(`before${head}\r\n\r\n`, 'latin1')
  const found = headAt(bytes, 6, head.startsWith('HTTP') ? 'down' : 'up')
  const values = found ? [...namedValues(found)] : []
  for (const { text, at } of values) t.equal(bytes.toString('latin1', at, at + text.length), text, 'where it stands')
  return values
}

const told = (head: string): string[] =>
  valuesOf(head).map(({ field, name, text }) => `${field} ${name ?? '-'} ${text}`)

t.test('path and query', t => {
  t.same(told('GET / HTTP/1.1'), [])
  t.same(told('GET /a/b.txt?c=1&d[e]=2;f&=g HTTP/1.1'), [
    'path - a',
    'path - b.txt',
    'query c 1',
    'query d[e] 2',
    'query - f',
    'query - =g'
  ])
  t.end()
})

t.test('fields, and what stands in them', t => {
  t.same(told('HTTP/1.1 200 OK\r\nSet-Cookie:  id=7; Path=/\r\nX:y \r\nno colon\r\nEmpty:'), [
    'set-cookie id 7',
    'set-cookie Path /',
    'x - y',
    ' - no colon'
  ])
  t.same(told('HTTP/1.1 200 OK\r\nA: QUJDRA==\r\nB: b=QUI=\r\nC: QUI='), ['a - QUJDRA==', 'b b QUI=', 'c - QUI='])
  t.end()
})
