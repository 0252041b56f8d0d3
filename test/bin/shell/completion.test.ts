import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  completeCommand,
  completeDirectory,
  completePath,
  completePeer,
  type Known,
  peersOf
} from '../../../src/bin/shell/completion.ts'

const NAMES: Record<string, string[]> = { serve: ['bob', 'bonnie'], receive: ['alice', 'bob'] }
const known = {
  neighbours: { names: (kind: string) => NAMES[kind] },
  lines: [
    'get bob:my\\ report.txt',
    'get -f bob:my\\ report.txt copy',
    'get -r bob:',
    'get carol@host:1 plans/q3 out',
    'get "bob:\u001b[2J"',
    'send bob:never bob:',
    'peers'
  ]
} as unknown as Known

t.test('what Tab offers for a line', t => {
  const directory = t.testdir({ 'a file': '', '.hidden': '', sub: { one: '', two: '' } })
  const before = process.cwd()
  process.chdir(directory)
  t.teardown(() => process.chdir(before))
  const rows: [line: string, candidates: string[], typed: string][] = [
    ['', ['f ', 'get ', 'help ', 'msg ', 'peers ', 'quit ', 'send ', 't '], ''],
    ['g', ['get '], 'g'],
    ['get ', ['bob:', 'bonnie:'], ''],
    ['get bo', ['bob:', 'bonnie:'], 'bo'],
    ['get -r bon', ['bonnie:'], 'bon'],
    ['get bob:', ['bob:my\\ report.txt'], 'bob:'],
    ['get "bob:my r', ['bob:my\\ report.txt'], '"bob:my r'],
    ['get bob:x ', [], ''],
    ['send ', ['a\\ file', 'sub/'], ''],
    ['send .', ['.hidden'], '.'],
    ['send sub/', ['sub/one', 'sub/two'], 'sub/'],
    ['send ./s', ['./sub/'], './s'],
    ['send nowhere/', [], 'nowhere/'],
    ['send -r sub a', ['alice:'], 'a'],
    ['msg ', ['alice ', 'bob '], ''],
    ['msg bob he', [], 'he'],
    ['what ', [], '']
  ]
  for (const [line, candidates, typed] of rows)
    t.strictSame(completeCommand(known)(line), { candidates, typed }, JSON.stringify(line))
  t.strictSame(completePeer(known)('bo'), { candidates: ['bob', 'bonnie'], typed: 'bo' })
  t.strictSame(completePath(known, 'bob')('my'), { candidates: ['my report.txt'], typed: 'my' })
  t.strictSame(completePath(known, 'carol@host:1')('').candidates, ['plans/q3'])
  t.strictSame(completeDirectory('').candidates, ['sub/'])
  t.strictSame(completeDirectory('a'), { candidates: [], typed: 'a' }, 'a file is no directory')
  t.strictSame(peersOf(known.lines), ['bob', 'carol@host:1'])
  t.end()
})

t.test('nothing that drives the terminal is offered, and not everything at once', t => {
  const directory = t.testdir({ many: {} })
  for (let index = 0; index < 600; index++) writeFileSync(join(directory, 'many', `${index}`), '')
  mkdirSync(join(directory, 'many/\u001b[2J'))
  writeFileSync(join(directory, 'many/\u202etxt'), '')
  const { candidates } = completeCommand(known)(`send ${directory}/many/`)
  t.equal(candidates.length, 500)
  t.notMatch(candidates.join(), /[\u001b\u202e]/)
  t.strictSame(completePath(known, 'bob')('').candidates, ['my report.txt'])
  t.end()
})
