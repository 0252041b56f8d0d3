import t from 'tap'
import { quoteWord, splitWords } from '../../../src/bin/shell/words.ts'

t.test('blanks part words, unless a backslash or quotes say otherwise', t => {
  const rows: [line: string, words: string[], last: string][] = [
    ['', [], ''],
    ['   ', [], ''],
    ['get bob:a', ['get', 'bob:a'], 'bob:a'],
    ['  get\tbob:a ', ['get', 'bob:a'], ''],
    ['get my\\ file', ['get', 'my file'], 'my\\ file'],
    ['get "my file', ['get', 'my file'], '"my file'],
    ['get "a\\"b"c \'d "e\'', ['get', 'a"bc', 'd "e'], "'d \"e'"],
    ['a""b \'\'', ['ab', ''], "''"],
    ['a\\', ['a\\'], 'a\\'],
    ['a\\\\', ['a\\'], 'a\\\\']
  ]
  for (const [line, words, last] of rows) {
    const split = splitWords(line)
    t.strictSame([split.words, line.slice(split.start)], [words, last], JSON.stringify(line))
  }
  t.end()
})

t.test('a quoted word is read as what it was', t => {
  for (const word of ['', 'plain', 'my file', "it's", '"', '\\', 'a\tb', 'bob:x y\\z', 'Übersicht', '漢 字'])
    t.strictSame(splitWords(`get ${quoteWord(word)}`).words, ['get', word])
  t.end()
})
