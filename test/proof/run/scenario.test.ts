import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { alterLive } from '../../../src/proof/run/altered-live.ts'
import { Commands } from '../../../src/proof/run/commands.ts'
import { knownFile } from '../../../src/proof/run/known-file.ts'
import { chance, inventPeople, keyFiles, serveAuthority, textsOf } from '../../../src/proof/run/organisation.ts'
import { freePorts } from '../../../src/proof/run/ports.ts'
import { Programs } from '../../../src/proof/run/programs.ts'
import { play, prepare, type Scenario } from '../../../src/proof/run/scenario.ts'

async function scenarioIn(directory: string, programs: Programs, size: number): Promise<Scenario> {
  const people = inventPeople()
  const file = knownFile(`ledger-${chance()}.txt`, size, [people.sender.name, people.receiver.name])
  const [auth = 0, serve = 0, recv = 0, pipe = 0] = await freePorts(4)
  return { commands: new Commands(programs, directory, size), people, file, ports: { auth, serve, recv, pipe } }
}

t.test('every command ends as it must, and whoever alters one on its way gets nothing through', async t => {
  const directory = t.testdir({})
  await using programs = new Programs()
  const scenario = await scenarioIn(directory, programs, 300_000)
  const { commands, people, ports } = scenario
  await prepare(scenario)
  const server = await serveAuthority(commands, ports.auth)
  await play(scenario)
  const attempts = await alterLive(scenario)
  await server.stop()
  t.same(
    commands.steps.filter(({ exit, expected }) => exit !== expected),
    []
  )
  const names = commands.steps.map(({ command }) => command.split(' ').slice(0, 2).join(' '))
  for (const name of ['sft auth', 'sft login', 'sft serve', 'sft get', 'sft recv', 'sft send'])
    t.ok(names.includes(name), name)
  const text = JSON.stringify([commands.steps, attempts])
  for (const { password } of [people.sender, people.receiver]) t.notMatch(text, password, 'no password is told')
  t.notMatch(text, directory, 'nor where it was')
  t.equal(attempts.length, 8)
  t.same(
    attempts.filter(({ held }) => !held),
    []
  )
  for (const { path } of keyFiles(people)) {
    t.match(await readFile(join(directory, path), 'utf8'), /PRIVATE KEY/)
    t.equal((await stat(join(directory, path))).mode & 0o077, 0)
  }
})

t.test('a command that fails ends it, and says which', async t => {
  await using programs = new Programs()
  const scenario = await scenarioIn(t.testdir({}), programs, 1000)
  const { commands, people } = scenario
  await prepare(scenario)
  await t.rejects(commands.run(people.sender.name, ['send', 'no-such-file', '--to', 'nobody']), {
    message: /^sft send no-such-file --to nobody: exit \d+, not 0: .*ERR_SFT/
  })
  t.equal(commands.steps.at(-1)?.exit === 0, false)
})

t.test('what is known is all over the file, and no two runs share it', t => {
  const [one, other] = [inventPeople(), inventPeople()]
  const file = knownFile('ledger.txt', 100_001, [one.sender.name, one.receiver.name])
  t.equal(file.bytes.byteLength, 100_001)
  for (const { name } of [one.sender, one.receiver]) t.ok(file.bytes.toString().split(name).length > 300)
  const texts = textsOf(one).map(({ text }) => text)
  t.equal(texts.length, 5)
  t.same(
    texts.filter(text => text.length < 12 || textsOf(other).some(each => each.text === text)),
    []
  )
  t.end()
})
