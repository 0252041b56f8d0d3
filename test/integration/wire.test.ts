import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Engine } from '../../src/index.ts'
import { SftError } from '../../src/streams/errors.ts'
import { pattern, sha256 } from '../fixtures/bytes.ts'
import { shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { seeded } from '../fixtures/seeded.ts'
import { cutAt, flip, oneByte, proxy, type Wire } from '../fixtures/wire.ts'

/**
 * A wire between a real `sft serve` and the engine: it flips bits, cuts, and writes one byte at a time. Whatever it does, a file
 * under its final name is the right one (guarantees 5 and 6, attacks A8 and A9).
 */

const CHUNK = 16 * 1024
const file = pattern(3 * CHUNK + 1000)
const organisation = await makeOrganisation()
const directory = t.testdir({ bob: { served: {} }, got: {} })
const bob = await shellOf(t, join(directory, 'bob'), await organisation.issue('bob'))
await writeFile(join(bob.directory, 'served', 'file'), file)
const server = await bob.listen(['serve', 'served', '--listen', '127.0.0.1:0', '--chunk-size', '16K'])
const target = { host: '127.0.0.1', port: Number(server.address.split(':').at(-1)) }
const engine = new Engine({ identity: await organisation.issue('alice'), threads: 0, chunkSize: CHUNK })
t.teardown(() => engine.close())

let wire: Wire = {}
const { port, counts } = await proxy(t, target, () => wire)

/** Gets the file over `next`; says how it ended, and that nothing wrong was left. */
async function attempt(t: Test, name: string, next: Wire): Promise<'whole' | 'refused'> {
  wire = next
  const place = join(directory, 'got', name)
  await mkdir(place)
  let outcome: 'whole' | 'refused' = 'whole'
  try {
    await engine.get(`bob@127.0.0.1:${port}`, 'file', join(place, 'file'), { signal: AbortSignal.timeout(20_000) })
  } catch (error) {
    if (!SftError.is(error)) throw error
    outcome = 'refused'
  }
  const left = await readdir(place)
  if (outcome === 'refused') t.same(left, [], `${name}: nothing is left`)
  else t.equal(sha256(await readFile(join(place, 'file'))), sha256(file), `${name}: the right file`)
  return outcome
}

t.test('one byte a write', async t => {
  t.equal(await attempt(t, 'one-byte', { up: oneByte, down: oneByte }), 'whole')
})

t.test('a bit flipped on its way, in each direction', async t => {
  const { up, down } = await plain(t)
  const random = seeded()
  t.comment(`seed ${random.seed}`)
  let refused = 0
  for (let i = 0; i < 40; i++) {
    const side = i % 2 === 0 ? 'down' : 'up'
    const offset = random.int(side === 'down' ? down : up)
    const next = { [side]: flip(offset, random.int(8)) }
    if ((await attempt(t, `flip-${side}-${offset}-${i}`, next)) === 'refused') refused++
  }
  // the last record of each side says goodbye, or thanks: the file may be whole without it
  t.ok(refused >= 30, `${refused} of 40 refused`)
})

t.test('a cut on its way, in each direction', async t => {
  const { up, down } = await plain(t)
  const random = seeded()
  t.comment(`seed ${random.seed}`)
  for (let i = 0; i < 20; i++) {
    const offset = random.int(down - 100)
    t.equal(await attempt(t, `cut-down-${offset}-${i}`, { down: cutAt(offset) }), 'refused')
  }
  for (let i = 0; i < 10; i++) await attempt(t, `cut-up-${i}`, { up: cutAt(random.int(up)) })
})

/** What passes each way when nobody interferes. */
async function plain(t: Test): Promise<{ up: number; down: number }> {
  const before = { ...counts }
  t.equal(await attempt(t, `plain-${before.down}`, {}), 'whole')
  return { up: counts.up - before.up, down: counts.down - before.down }
}
