import t from 'tap'
import { claimName, existingOf, extensionOf, MAX_NUMBER } from '../../src/streams/existing.ts'
import { isPlainName } from '../../src/streams/write-file.ts'

/** M90: which name something gets where its own is taken. */

/** The names that would be tried, as far as the first free one. */
async function second(name: string, extension = extensionOf(name)): Promise<string> {
  return claimName(name, { existing: 'rename', extension }, async candidate => candidate !== name)
}

t.test('the number stands before what tells the kind', async t => {
  const names: Record<string, string> = {
    'report.pdf': 'report (1).pdf',
    'dir.tar.gz': 'dir (1).tar.gz',
    'no extension': 'no extension (1)',
    '.bashrc': '.bashrc (1)',
    '.config.json': '.config (1).json',
    'v1.2 final. Really': 'v1.2 final. Really (1)',
    'ends.': 'ends. (1)',
    'a.b.c.d': 'a.b.c (1).d',
    'report (1).pdf': 'report (1) (1).pdf',
    'Übersicht.märz': 'Übersicht.märz (1)',
    '報告.txt': '報告 (1).txt',
    'line\nbreak.txt': 'line\nbreak (1).txt',
    '-rf': '-rf (1)',
    '...': '... (1)',
    'x.extension17letters': 'x.extension17letters (1)'
  }
  for (const [name, other] of Object.entries(names)) t.equal(await second(name), other)
  t.equal(await second('v1.2', ''), 'v1.2 (1)', 'a directory has no kind')
})

t.test('a long name gives way, by whole characters, and stays plain', async t => {
  t.equal(await second('x'.repeat(255)), `${'x'.repeat(251)} (1)`)
  t.equal(await second(`${'x'.repeat(251)}.pdf`), `${'x'.repeat(247)} (1).pdf`)
  const emoji = `${'😀'.repeat(62)}.tar.gz`
  t.equal(Buffer.byteLength(emoji), 255)
  t.equal(await second(emoji), `${'😀'.repeat(61)} (1).tar.gz`)
  for (const name of ['é'.repeat(127), `.${'x'.repeat(254)}`, `${'x'.repeat(238)}.tar.a23456789abcde`])
    t.ok(isPlainName(await second(name)), name.slice(-30))
})

t.test('the first that is free is taken, and numbers have an end', async t => {
  const tried: string[] = []
  const claim = async (name: string) => tried.push(name) === 4
  t.equal(await claimName('a.b', { existing: 'rename', extension: '.b' }, claim), 'a (3).b')
  t.same(tried, ['a.b', 'a (1).b', 'a (2).b', 'a (3).b'])
  let asked = 0
  const never = async () => asked++ < 0
  await t.rejects(claimName('a', { existing: 'rename' }, never), { code: 'ERR_SFT_EXISTS', message: /9999/ })
  t.equal(asked, MAX_NUMBER + 1)
  asked = 0
  await t.rejects(claimName('a', { existing: 'refuse' }, never), { code: 'ERR_SFT_EXISTS' })
  t.equal(asked, 1)
  const fault = Object.assign(new Error('no'), { code: 'EACCES' })
  await t.rejects(
    claimName('a', { existing: 'rename' }, () => Promise.reject(fault)),
    fault
  )
})

t.test('what is said of a name that is taken', t => {
  t.equal(existingOf({}), 'refuse')
  t.equal(existingOf({ force: false }), 'refuse')
  t.equal(existingOf({ force: true }), 'replace')
  t.equal(existingOf({ force: true, existing: 'replace' }), 'replace')
  t.equal(existingOf({ force: false, existing: 'rename' }), 'rename')
  for (const existing of ['rename', 'refuse'] as const)
    t.throws(() => existingOf({ force: true, existing }), { code: 'ERR_SFT_USAGE' })
  t.end()
})
