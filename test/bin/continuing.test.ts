import { spawnSync } from 'node:child_process'
import t from 'tap'
import { commandLine } from '../../src/bin/continuing.ts'

t.test('a command line is read by a shell as what it was', t => {
  const args = [
    'send',
    'a b',
    "it's",
    '$HOME',
    '`x`',
    '',
    '-o',
    'Übersicht',
    'a\nb\u001b[31m',
    '\\',
    "'\t\\'",
    '*',
    '~/x',
    '#'
  ]
  const { stdout } = spawnSync('bash', ['-c', `sft() { printf '%s\\0' "$@"; }; ${commandLine(args)}`], {
    encoding: 'utf8'
  })
  t.same(stdout.split('\0').slice(0, -1), args)
  t.equal(commandLine(['get', 'bob@127.0.0.1:5', 'a/b.txt']), 'sft get bob@127.0.0.1:5 a/b.txt')
  t.notMatch(commandLine(args), /[\p{Cc}]/u, 'nothing that drives a terminal')
  t.equal(commandLine(['get', 'bob:x\ufffd']), 'the same command again', 'a name that is not text is not guessed')
  t.end()
})
