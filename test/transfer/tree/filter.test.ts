import t from 'tap'
import { decodeFilter, encodeFilter, type FilterOptions, makeFilter } from '../../../src/transfer/tree/filter.ts'

const taken = (options: FilterOptions, ...paths: string[]): string[] => {
  const filter = makeFilter(options)
  return paths.filter(path => (path.endsWith('/') ? filter.enters(path.slice(0, -1)) : filter.takes(path)))
}
const PATHS = ['a', 'a.tmp', 'd/', 'd/b', 'd/b.tmp', 'd/e/', 'd/e/b']

t.test('what is excluded, and what is included', t => {
  t.same(taken({}, ...PATHS), PATHS)
  t.same(taken({ exclude: ['*.tmp'] }, ...PATHS), ['a', 'd/', 'd/b', 'd/e/', 'd/e/b'])
  t.same(taken({ exclude: ['d/b'] }, ...PATHS), ['a', 'a.tmp', 'd/', 'd/b.tmp', 'd/e/', 'd/e/b'])
  t.same(taken({ exclude: ['/b'] }, 'b', 'd/b'), ['d/b'], 'a slash at the beginning is the top')
  t.same(taken({ exclude: ['b/'] }, 'b', 'b/'), ['b'], 'a slash at the end is a directory')
  t.same(taken({ include: ['b'] }, ...PATHS), ['d/', 'd/b', 'd/e/', 'd/e/b'], 'directories lead to files')
  t.same(taken({ include: ['d/*'], exclude: ['*.tmp'] }, ...PATHS), ['d/', 'd/b', 'd/e/'])
  t.same(taken({ exclude: ['n\u00e9*'] }, 'n\xc3\xa9', 'n\xff'), ['n\xff'], 'names are bytes, patterns are text')
  t.end()
})

t.test('a list of paths', t => {
  t.same(taken({ files: ['d/e', './a'] }, ...PATHS), ['a', 'd/', 'd/e/', 'd/e/b'])
  t.same(taken({ files: [] }, ...PATHS), [])
  t.same(taken({ files: ['.'] }, ...PATHS), PATHS)
  const filter = makeFilter({ files: ['a', 'nope', 'd/e/'] })
  t.same(filter.missing(), ['a', 'nope', 'd/e'])
  filter.takes('a')
  filter.takes('d/e/b')
  t.same(filter.missing(), ['nope'])
  t.ok(filter.lazy)
  t.end()
})

t.test('the form in a request', t => {
  for (const filter of [
    { exclude: ['a', '-b'], include: ['+'] },
    { exclude: [], include: [], files: [] },
    { exclude: [], include: [], files: ['a b', 'c'] }
  ])
    t.same(decodeFilter(encodeFilter(filter)), filter)
  t.equal(encodeFilter({}), undefined)
  t.same(decodeFilter(undefined), { exclude: [], include: [] })
  for (const text of ['', 'a', '-a\n', '-a\nb']) t.throws(() => decodeFilter(text), { code: 'ERR_SFT_ENCODING' }, text)
  t.throws(() => encodeFilter({ files: ['x'.repeat(32 * 1024)] }), { code: 'ERR_SFT_USAGE' })
  t.throws(() => encodeFilter({ exclude: ['a\nb'] }), { code: 'ERR_SFT_USAGE' })
  t.end()
})

t.test('what is no filter', t => {
  for (const options of [
    { exclude: [''] },
    { include: ['x'.repeat(1025)] },
    { exclude: Array(1001).fill('a') },
    { files: ['a/../b'] }
  ])
    t.throws(() => makeFilter(options), { code: 'ERR_SFT_USAGE' })
  t.end()
})
