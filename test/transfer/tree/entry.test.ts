import t from 'tap'
import { componentsOf, leadsInside, MAX_DEPTH } from '../../../src/transfer/tree/entry.ts'

t.test('a path is plain components, of any bytes', t => {
  const deep = (depth: number): string => Array(depth).fill('a').join('/')
  for (const path of [
    'top',
    'top/a',
    'top/.hidden',
    'top/a b',
    'top/n\xffame',
    'top/..a',
    'top/\n',
    `top/${'x'.repeat(255)}`,
    deep(MAX_DEPTH)
  ])
    t.same(componentsOf(path), path.split('/'), JSON.stringify(path))
  const bad = [
    '',
    '/',
    '/etc',
    'top/',
    'top//a',
    '.',
    '..',
    'top/.',
    'top/..',
    '../top',
    'top/../a',
    'a\0b',
    deep(MAX_DEPTH + 1)
  ]
  for (const path of [
    ...bad,
    `top/${'x'.repeat(256)}`,
    `top/${'é'.repeat(256)}`,
    `${'x/'.repeat(100)}${'y'.repeat(250)}/`.repeat(10)
  ])
    t.equal(componentsOf(path), undefined, JSON.stringify(path.slice(0, 40)))
  t.end()
})

t.test('M69: a link leads inside', t => {
  const inside = [
    ['top/l', 'a'],
    ['top/l', './a/b'],
    ['top/d/l', '../a'],
    ['top/d/l', '..'],
    ['top/d/e/l', '../../a'],
    ['top/d/l', 'n\xffame'],
    ['top/l', '.'],
    ['top/d/l', './../a']
  ] as const
  for (const [path, target] of inside) t.ok(leadsInside(path, target), `${path} -> ${target}`)
  const outside = [
    ['top/l', '..'],
    ['top/l', '../top/a'],
    ['top/l', '/etc/passwd'],
    ['top/l', '/'],
    ['top/l', ''],
    ['top/l', 'a\0b'],
    ['top/d/l', '../..'],
    ['top/d/l', '../../x'],
    ['top/d/l', './.././..'],
    ['top/l', 'a/../b'],
    ['top/d/l', 'a/..'],
    ['top/d/l', '../a/../../x'],
    ['top/l', 'x'.repeat(4097)]
  ] as const
  for (const [path, target] of outside) t.notOk(leadsInside(path, target), `${path} -> ${target.slice(0, 40)}`)
  t.end()
})
