import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { pattern } from '../fixtures/bytes.ts'
import { type Running, shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

/** M37, through processes: a file that changes while it is read is an error on both sides, and nothing takes its name; the same command again moves what it is then. */

const MIB = 1024 * 1024
const SIZE = 4 * MIB
const ANY = '127.0.0.1:0'
const timeout = 170_000
/** Slow enough that a change comes in the middle. */
const SLOWLY = ['--bwlimit', '4M', '--json']
const organisation = await makeOrganisation()
const directory = t.testdir({ alice: {}, bob: { inbox: {} } })
const alice = await shellOf(t, join(directory, 'alice'), await organisation.issue('alice'))
const bob = await shellOf(t, join(directory, 'bob'), await organisation.issue('bob'))
const [inbox, served] = [join(bob.directory, 'inbox'), join(bob.directory, 'served')]
mkdirSync(served)
const receiver = await bob.listen(['recv', '--listen', ANY, '-o', 'inbox', '--from', 'alice'], { timeout })
const server = await bob.listen(['serve', 'served', '--listen', ANY, '--bwlimit', '4M'], { timeout })

/** What happens to a file behind its reader's back. */
const CHANGES: Readonly<Record<string, (path: string) => unknown>> = {
  grown: path => appendFileSync(path, 'one line more'),
  cut: path => truncateSync(path, 3 * MIB + 1),
  emptied: path => truncateSync(path, 0),
  rewritten: path => rewrite(path, SIZE - 10)
}

/** Ten bytes in its place, of a part that may have been read or not. */
async function rewrite(path: string, at: number): Promise<void> {
  const handle = await open(path, 'r+')
  await handle.write(Buffer.alloc(10, 'x'), 0, 10, at)
  await handle.close()
}

const moving = (running: Running) => running.until(({ stdout }) => /"type":"progress".*"bytes":[1-9]/.test(`${stdout}`))
const whole = (t: Test, path: string, source: string) => t.ok(readFileSync(path).equals(readFileSync(source)), path)
const taken = (place: string, name: string) => readdirSync(place).includes(name)

for (const [how, change] of Object.entries(CHANGES)) {
  t.test(`${how} while it is sent`, async t => {
    const [path, args] = [join(alice.directory, how), ['send', how, `bob@${receiver.address}`]]
    writeFileSync(path, pattern(SIZE))
    const running = alice.begin([...args, ...SLOWLY])
    await moving(running)
    await change(path)
    const { code, stdout } = await running.ended
    t.equal(code, 24)
    t.match(`${stdout}`, /"code":"ERR_SFT_SOURCE_CHANGED"/)
    t.notOk(taken(inbox, how))
    t.match(await alice.run(args), { code: 0, stderr: /durable/ })
    whole(t, join(inbox, how), path)
  })

  t.test(`${how} while somebody gets it`, async t => {
    const [path, args] = [join(served, how), ['get', `bob@${server.address}`, how, '-o', how.toUpperCase()]]
    writeFileSync(path, pattern(SIZE))
    const running = alice.begin([...args, '--json'])
    await moving(running)
    await change(path)
    t.equal((await running.ended).code, 24)
    t.notOk(taken(alice.directory, how.toUpperCase()))
    t.match(await alice.run(args), { code: 0, stderr: /durable/ })
    whole(t, join(alice.directory, how.toUpperCase()), path)
  })

  t.test(`${how} while it goes into a pipe`, async t => {
    const path = join(alice.directory, `${how}-piped`)
    writeFileSync(path, pattern(SIZE))
    const running = alice.begin(['send', `${how}-piped`, '-o', `${how}.sft`, ...SLOWLY])
    const line = 'sft send piped --bwlimit 4M > stream; echo $? > code; sft recv stream -o opened'
    writeFileSync(join(alice.directory, 'piped'), pattern(SIZE))
    await moving(running)
    await change(path)
    t.equal((await running.ended).code, 24)
    t.notOk(taken(alice.directory, `${how}.sft`))

    const pipe = alice.bash(line)
    const stream = join(alice.directory, 'stream')
    await until(() => taken(alice.directory, 'stream') && readFileSync(stream).byteLength > MIB)
    await change(join(alice.directory, 'piped'))
    t.match(await pipe, { code: 40, stderr: /ERR_SFT_TRUNCATED/ })
    t.equal(readFileSync(join(alice.directory, 'code'), 'utf8'), '24\n')
    t.notOk(taken(alice.directory, 'opened'))
    writeFileSync(stream, '')
  })
}

async function until(found: () => boolean): Promise<void> {
  while (!found()) await new Promise(resolve => setTimeout(resolve, 20))
}

t.test('replaced: what was there goes whole', async t => {
  const path = join(alice.directory, 'replaced')
  const before = pattern(SIZE)
  writeFileSync(path, before)
  writeFileSync(join(alice.directory, 'other'), pattern(100))
  const running = alice.begin(['send', 'replaced', `bob@${receiver.address}`, ...SLOWLY])
  await moving(running)
  renameSync(join(alice.directory, 'other'), path)
  t.equal((await running.ended).code, 0)
  t.ok(readFileSync(join(inbox, 'replaced')).equals(before))
})

t.test('with --retry the next attempt moves what it is by then', async t => {
  const path = join(alice.directory, 'again')
  writeFileSync(path, pattern(SIZE))
  const running = alice.begin(['send', 'again', `bob@${receiver.address}`, '--retry', '3', ...SLOWLY])
  await moving(running)
  appendFileSync(path, 'one line more')
  const { code, stdout } = await running.ended
  t.equal(code, 0)
  t.match(`${stdout}`, /"type":"retry"/)
  whole(t, join(inbox, 'again'), path)
})
