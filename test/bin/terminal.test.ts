import t from 'tap'
import { jsonLine } from '../../src/bin/terminal.ts'

t.test('a line of JSON has nothing that drives a terminal, and says the same', t => {
  const value = { name: '\u009b31m\u007f\u202e\u2028\u{e0001}\u001b ü\n' }
  const line = jsonLine(value)
  t.same(JSON.parse(line), value)
  t.match(line, /^\{"name":"[ -~ü]+"\}\n$/)
  t.end()
})
