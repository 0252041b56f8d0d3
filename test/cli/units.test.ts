import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Shell } from '../fixtures/command.ts'

const UNITS = fileURLToPath(new URL('../../systemd/', import.meta.url))
const isThere = spawnSync('systemd-analyze', ['--version']).status === 0

for (const unit of ['sft-auth.service', 'sft-serve.service']) {
  const path = join(UNITS, unit)
  const text = readFileSync(path, 'utf8')

  t.test(`${unit}: systemd has nothing against it`, { skip: !isThere && 'no systemd-analyze' }, t => {
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' })
    t.strictSame([status, stderr.split('\n').filter(line => line.includes(unit))], [0, []])
    t.end()
  })

  t.test(`${unit}: it starts what there is, with options that there are`, async t => {
    const [, command = ''] = /^ExecStart=\/usr\/bin\/env sft (.+)$/m.exec(text) ?? []
    const words = command.split(' ')
    const first = words.findIndex(word => word.startsWith('-') || word.startsWith('/'))
    const shell = new Shell(t, t.testdir({}))
    const help = (await shell.run([...words.slice(0, first), '--help'])).stdout.toString()
    const options = words.filter(word => word.startsWith('--'))
    t.ok(options.length >= 3, command)
    for (const option of options) t.ok(help.includes(`${option} `), option)
  })

  t.test(`${unit}: it runs as nobody who may do more`, t => {
    for (const line of ['NoNewPrivileges=yes', 'ProtectSystem=strict', 'CapabilityBoundingSet=', 'UMask=0077'])
      t.ok(text.split('\n').includes(line), line)
    t.match(text, /^User=sft-\w+$/m)
    t.end()
  })
}
