import { chmod, cp, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Shell, shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

/** `src/bin/sft`, the command of a checkout. */

const PROGRAM = fileURLToPath(new URL('../../src/bin/sft', import.meta.url))
const directory = t.testdir({ bin: {}, alice: { served: {} }, empty: { src: { bin: {} } } })
const link = join(directory, 'bin', 'sft')
await symlink(PROGRAM, link)
// the Node.js of the machine is another one
await writeFile(join(directory, 'bin', 'node'), '#!/bin/sh\necho an older node >&2\nexit 99\n')
await chmod(join(directory, 'bin', 'node'), 0o755)
const PATH = `${join(directory, 'bin')}:/usr/bin:/bin`
const organisation = await makeOrganisation()
const alice = await shellOf(t, join(directory, 'alice'), await organisation.issue('alice'))

t.test('brings its own Node.js, through a link, from any directory', async t => {
  for (const program of ['sft', link, PROGRAM]) {
    const { code, stdout, stderr } = await alice.run(['--version'], { program, env: { PATH }, cwd: '/' })
    t.match([code, String(stdout), stderr], [0, /^\d+\.\d+\.\d+\n$/, ''], program)
  }
})

t.test('is sft itself: a signal to its pid ends it', async t => {
  const options = { program: link, env: { PATH } }
  const served = await alice.listen(['serve', 'served', '--listen', '127.0.0.1:0'], options)
  process.kill(served.child.pid as number, 'SIGTERM')
  t.equal((await served.ended).code, 143)
  const port = Number(served.address.split(':').at(-1))
  const again = await alice.listen(['serve', 'served', '--listen', `127.0.0.1:${port}`], options)
  again.kill('SIGTERM')
  await again.ended
})

t.test('without npm ci it says so', async t => {
  const copy = join(directory, 'empty', 'src', 'bin', 'sft')
  await cp(PROGRAM, copy)
  t.match(await new Shell(t, directory).run(['--version'], { program: copy }), { code: 2, stderr: /run npm ci in it/ })
})
