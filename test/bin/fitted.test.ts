import t from 'tap'
import { fitted, joined, type Phrase } from '../../src/bin/fitted.ts'

const phrases: Phrase[] = [
  { text: 'name', rank: 0 },
  { text: '12.0 MiB', rank: 0, before: ': ' },
  { text: '50 %', rank: 1 },
  { text: 'bound by wire', rank: 2 }
]

t.test('whole phrases are left out, the least important first', t => {
  const rows: [number, string][] = [
    [99, 'name: 12.0 MiB, 50 %, bound by wire'],
    [35, 'name: 12.0 MiB, 50 %, bound by wire'],
    [34, 'name: 12.0 MiB, 50 %'],
    [20, 'name: 12.0 MiB, 50 %'],
    [19, 'name: 12.0 MiB'],
    [14, 'name: 12.0 MiB'],
    [4, 'name'],
    [0, 'n']
  ]
  for (const [width, line] of rows) t.equal(fitted(phrases, width), line, String(width))
  t.equal(joined(phrases), 'name: 12.0 MiB, 50 %, bound by wire')
  t.end()
})

t.test('what the first one has before it is not seen, and all is measured as it is printed', t => {
  t.equal(joined([{ text: 'a', rank: 0, before: ': ' }]), 'a')
  const odd: Phrase[] = [
    { text: 'a\u001bb', rank: 0 },
    { text: 'c', rank: 1 }
  ]
  t.equal(fitted(odd, 11), 'a\\u{1b}b, c')
  t.equal(fitted(odd, 10), 'a\\u{1b}b')
  t.end()
})
