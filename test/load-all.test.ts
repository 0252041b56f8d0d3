import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

/** Every module of src loads without a side effect: no output, no handle that keeps the process alive, no listener. */

const SRC = fileURLToPath(new URL('../src/', import.meta.url))
/** Runs the command: that is its side effect. */
const ENTRY = 'bin/sft.js'

const files = (readdirSync(SRC, { recursive: true }) as string[]).filter(name => /\.[jt]s$/.test(name)).sort()
const folders = Map.groupBy(
  files.filter(name => name !== ENTRY),
  name => name.split('/').slice(0, -1).join('/')
)

/** Loads files one after another in one process; says on stderr, at its end, what each of them left there. */
const SCRIPT = `
  const found = {}
  let before = await state()
  for (const file of process.argv.slice(1)) {
    await import(file)
    const after = await state()
    found[file] = after.filter(name => !before.includes(name))
    before = after
  }
  process.on('exit', () => process.stderr.write(JSON.stringify(found)))

  // a test runner's own hooks into a process come with the first module that it loads
  async function state() {
    await import('data:text/javascript,')
    return [...process.eventNames().map(String), ...process.getActiveResourcesInfo().filter(name => !/^(TTY|Pipe)/.test(name))]
  }
`

for (const [folder, names] of folders) {
  t.test(folder === '' ? 'index.ts' : folder, t => {
    const paths = names.map(name => join(SRC, name))
    const args = ['--input-type=module', '--eval', SCRIPT, ...paths]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 30_000 })
    t.equal(status, 0, 'ends by itself')
    t.equal(stdout, '')
    t.same(stderr, JSON.stringify(Object.fromEntries(paths.map(path => [path, []]))))
    t.end()
  })
}

t.test('the entry of the command is the only file left out', t => {
  t.ok(files.includes(ENTRY))
  t.ok(files.length > 50)
  t.end()
})
