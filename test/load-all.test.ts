import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

/** Every module of src loads, alone, without a side effect: no output, no handle that keeps the process alive, no listener. */

const SRC = fileURLToPath(new URL('../src/', import.meta.url))
/** Runs the command: that is its side effect. */
const ENTRY = 'bin/sft.js'

const files = (readdirSync(SRC, { recursive: true }) as string[]).filter(name => /\.[jt]s$/.test(name)).sort()

/** Loads one file in a process of its own; says what it left there. */
const SCRIPT = `
  const before = await listeners()
  await import(process.argv[1])
  const left = process.getActiveResourcesInfo().filter(name => !name.startsWith('TTY') && !name.startsWith('Pipe'))
  const added = (await listeners()).filter(name => !before.includes(name))
  if (left.length > 0 || added.length > 0) process.stdout.write(JSON.stringify({ left, added }))

  // a test runner's own hooks into a process come with the first module that it loads
  async function listeners() {
    await import('data:text/javascript,')
    return process.eventNames()
  }
`

for (const file of files.filter(name => name !== ENTRY)) {
  t.test(file, t => {
    const args = ['--input-type=module', '--eval', SCRIPT, join(SRC, file)]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 })
    t.same({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' })
    t.end()
  })
}

t.test('the entry of the command is the only file left out', t => {
  t.ok(files.includes(ENTRY))
  t.ok(files.length > 50)
  t.end()
})
