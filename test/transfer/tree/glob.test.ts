import t from 'tap'
import { matchesName, matchesPath } from '../../../src/transfer/tree/glob.ts'

t.test('names', t => {
  const yes = [
    ['a', 'a'],
    ['', '*'],
    ['abc', '*'],
    ['abc', 'a*c'],
    ['abcbc', 'a*bc'],
    ['.a', '*'],
    ['a', '?'],
    ['é', '?'],
    ['x5', 'x[0-9]'],
    ['x-', 'x[a-]'],
    ['x]', 'x[]]'],
    ['xb', 'x[!a]'],
    ['x!', 'x[a!]'],
    ['[', '['],
    ['a*', 'a\\*'],
    ['{a}', '{a}'],
    ['a**b', 'a**b']
  ] as const
  for (const [name, pattern] of yes) t.ok(matchesName(name, pattern), `${name} is ${pattern}`)
  const no = [
    ['a', 'b'],
    ['', '?'],
    ['ab', '?'],
    ['abcb', 'a*bc'],
    ['xa', 'x[!a]'],
    ['x', 'x[a]'],
    ['ab', 'a\\*'],
    ['A', 'a']
  ] as const
  for (const [name, pattern] of no) t.notOk(matchesName(name, pattern), `${name} is not ${pattern}`)
  t.end()
})

t.test('paths', t => {
  const matches = (path: string, glob: string): boolean => matchesPath(path.split('/'), glob.split('/'))
  for (const [path, glob] of [
    ['a/b', 'a/b'],
    ['a/b', 'a/*'],
    ['a/b/c', 'a/**'],
    ['a', 'a/**'],
    ['a/b/c', '**/c'],
    ['c', '**/c'],
    ['a/b/c/d', 'a/**/d'],
    ['a/d', 'a/**/d'],
    ['a/x/a/y', '**/a/y']
  ] as const)
    t.ok(matches(path, glob), `${path} is ${glob}`)
  for (const [path, glob] of [
    ['a/b/c', 'a/*'],
    ['a', 'a/*'],
    ['b/a', 'a/**'],
    ['a/b/c', 'a/**/b']
  ] as const)
    t.notOk(matches(path, glob), `${path} is not ${glob}`)
  t.end()
})

t.test('no pattern takes longer than its length allows', t => {
  const name = 'a'.repeat(255)
  t.notOk(matchesName(name, `${'*a'.repeat(400)}b`))
  t.notOk(matchesPath(Array(2000).fill('a'), [...Array(400).fill(['**', 'a']).flat(), 'b']))
  t.end()
})
