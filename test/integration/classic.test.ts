import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createClassicPool, getClassic, serveClassic } from '../../src/classic.ts'
import {
  CLASSIC_FILES,
  classicIdentity,
  keepForDouble,
  listenDouble,
  makeClassicSystem,
  noDouble,
  runDouble
} from '../fixtures/classic.ts'
import { Shell } from '../fixtures/command.ts'

/** Files of the classic system in all four pairings of its peers and ours: the same bytes, every size, every name. */

const system = await makeClassicSystem()
const server = await classicIdentity(system, 'user1')
const requester = await classicIdentity(system, 'user 2')
const home = t.testdir({ served: {}, server: {}, requester: {} })
const served = join(home, 'served')
await keepForDouble(join(home, 'server'), server)
await keepForDouble(join(home, 'requester'), requester)
for (const [name, bytes] of Object.entries(CLASSIC_FILES)) await writeFile(join(served, name), bytes)
const root = join(home, 'server', 'root.crt')
const pool = createClassicPool({ threads: 2 })
t.teardown(() => pool.close())

/** Starts a server; its port. */
const SERVERS: Record<'theirs' | 'ours', (t: Test) => Promise<number>> = {
  theirs: async t =>
    (
      await listenDouble(new Shell(t, home), ['serve', root, join(home, 'server'), '0'], {
        cwd: served,
        timeout: 170_000
      })
    ).port,
  ours: async t => {
    const listener = await serveClassic({ identity: () => server, pool, directory: served, port: 0 })
    t.teardown(() => listener.close())
    return listener.port
  }
}

/** Gets one file into a directory; false when nothing came. */
const GETTERS: Record<'theirs' | 'ours', (t: Test, port: number, name: string, into: string) => Promise<boolean>> = {
  theirs: async (t, port, name, cwd) => {
    const args = ['get', root, join(home, 'requester'), String(port), name]
    const { code, stdout, stderr } = await runDouble(new Shell(t, home), args, { cwd })
    t.same([code, stdout.toString()], [0, 'File received\n'], stderr)
    return (await readdir(cwd)).some(each => each.startsWith('received_'))
  },
  ours: async (_, port, name, output) => {
    const got = getClassic({ identity: requester, pool, host: '127.0.0.1', port, name, output, alias: 'user1' })
    return got.then(
      ({ alias, asExpected }) => alias === 'user1' && !asExpected,
      error => {
        if (error.code !== 'ERR_SFT_NOT_FOUND') throw error
        return false
      }
    )
  }
}

for (const [from, serve] of Object.entries(SERVERS)) {
  for (const [by, get] of Object.entries(GETTERS)) {
    const skip = (from === 'theirs' || by === 'theirs') && noDouble
    t.test(`from ${from} by ${by}`, { skip, timeout: 170_000 }, async t => {
      const port = await serve(t)
      const files = Object.entries(CLASSIC_FILES)
      // the double with itself is the control: a few are enough
      const some = from === 'theirs' && by === 'theirs' ? files.filter((_, i) => i % 5 === 0) : files
      for (const [index, [name, bytes]] of some.entries()) {
        const into = join(home, `${from}-${by}-${index}`)
        await mkdir(into)
        const came = await get(t, port, name, into)
        // an empty file is no message, and so no file
        t.equal(came, bytes.byteLength > 0, name)
        if (came) t.ok((await readFile(join(into, `received_${name}`))).equals(bytes), `${name}: the same bytes`)
        const others = (await readdir(into)).filter(each => !/^(received_|tmp_recv_encrfile)/.test(each))
        t.same(others, [])
      }
    })
  }
}
