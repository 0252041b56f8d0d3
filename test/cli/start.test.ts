import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { pattern } from '../fixtures/bytes.ts'
import { type RunOptions, type Shell, shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

/** What a command loads before it moves a small file: every module that it can do without is time and memory of every start. */

const LAUNCHER = fileURLToPath(new URL('../../src/bin/sft.js', import.meta.url))
const PRELOAD = fileURLToPath(new URL('../fixtures/loaded.ts', import.meta.url))

/** Modules of Node. commander brings child_process, and the namespace of node:util worker_threads; the package's bundle has neither (package.test.ts). */
const NODE = /^(_?http|https|_?tls|internal\/tls\/|http2|sqlite|readline|repl|inspector|zlib|test|sea|wasi|vm)(_|\/|$)/
/** Packages and files for which a transfer has no use. */
const PACKAGES = /\/node_modules\/(?!commander\/|it-|uint8|race-signal|p-defer)/
const FILES = /\/src\/auth\/(authority\/(?!password)[a-z-]+|certificates\/(issuance|certificate))\.ts$/

const organisation = await makeOrganisation()
const directory = t.testdir({ alice: {}, file: pattern(1024) })
const file = join(directory, 'file')
const alice = await shellOf(t, join(directory, 'alice'), await organisation.issue('alice'))

/** The command line that also says what was loaded, into a file of its own. */
function watched(name: string, args: readonly string[]): [string[], RunOptions, () => Promise<string[]>] {
  const env = { SFT_LOADED: join(directory, `${name}.json`) }
  const options = { program: process.execPath, env }
  const loaded = async (): Promise<string[]> => JSON.parse(await readFile(env.SFT_LOADED, 'utf8'))
  return [['--import', PRELOAD, LAUNCHER, ...args], options, loaded]
}

async function run(shell: Shell, name: string, args: readonly string[], input?: Uint8Array) {
  const [line, options, loaded] = watched(name, args)
  const result = await shell.run(line, { ...options, ...(input && { input }) })
  t.equal(result.code, 0, result.stderr)
  return { ...result, loaded: await loaded() }
}

function isLean(loaded: readonly string[], command: string): void {
  const found = (pattern: RegExp) => loaded.filter(name => pattern.test(name))
  t.ok(loaded.includes('crypto'), 'modules of Node are seen')
  t.same(found(NODE), [], `${command}: modules of Node`)
  t.same(found(PACKAGES), [], `${command}: packages`)
  t.same(found(FILES), [], `${command}: files of ours`)
  t.match(found(/\/commands\//), [new RegExp(`/commands/${command}\\.ts$`)])
  t.equal(found(/\/commands\//).length, 1)
}

t.test('a pipe', async t => {
  const sent = await run(alice, 'send', ['send', file])
  isLean(sent.loaded, 'send')
  const received = await run(alice, 'recv', ['recv'], sent.stdout)
  t.ok(received.stdout.equals(pattern(1024)))
  isLean(received.loaded, 'recv')
})

t.test('a file from a peer that serves', async t => {
  const [line, options, loaded] = watched('serve', ['serve', directory, '--listen', '127.0.0.1:0'])
  const served = await alice.listen(line, options)
  const got = await run(alice, 'get', ['get', `alice@${served.address}`, 'file', '-o', '-'])
  t.ok(got.stdout.equals(pattern(1024)))
  isLean(got.loaded, 'get')
  served.kill('SIGTERM')
  t.equal((await served.ended).code, 143)
  isLean(await loaded(), 'serve')
})

t.test('a file to a peer that listens', async t => {
  const [line, options, loaded] = watched('listen', ['recv', '--listen', '127.0.0.1:0', '-o', '-'])
  const listening = await alice.listen(line, options)
  isLean((await run(alice, 'dial', ['send', file, `alice@${listening.address}`])).loaded, 'send')
  t.ok((await listening.ended).stdout.equals(pattern(1024)))
  isLean(await loaded(), 'recv')
})

t.test('what the command says about itself needs nothing of the library', async t => {
  for (const args of [['--version'], ['--help'], ['send', '--help']]) {
    const { loaded } = await run(alice, 'help', args)
    t.same(
      loaded.filter(name => /\/src\/(?!bin\/)/.test(name)),
      [],
      args.join(' ')
    )
  }
})

t.test('compiled code is kept where nobody else writes', async t => {
  const cache = join(directory, 'cache')
  const places = { XDG_CACHE_HOME: cache, NODE_COMPILE_CACHE: '' }
  const entries = async () => readdir(join(cache, 'sft'))
  t.equal((await alice.run(['--version'], { env: places })).code, 0)
  t.equal((await stat(join(cache, 'sft'))).mode & 0o777, 0o700)
  t.equal((await entries()).length, 1, 'it is kept')

  await rm(join(cache, 'sft'), { recursive: true })
  await mkdir(join(cache, 'sft'))
  await chmod(join(cache, 'sft'), 0o770)
  t.equal((await alice.run(['--version'], { env: places })).code, 0)
  t.same(await entries(), [], 'not where the group may write')

  await rm(join(cache, 'sft'), { recursive: true })
  await mkdir(join(cache, 'elsewhere'))
  await symlink('elsewhere', join(cache, 'sft'))
  t.equal((await alice.run(['--version'], { env: places })).code, 0)
  t.same(await entries(), [], 'not behind a link')

  await rm(join(cache, 'sft'))
  await writeFile(join(cache, 'sft'), '')
  t.equal((await alice.run(['--version'], { env: places })).code, 0, 'without one it works as well')

  const own = join(directory, 'own')
  t.equal((await alice.run(['--version'], { env: { ...places, NODE_COMPILE_CACHE: own } })).code, 0)
  t.equal((await readdir(own)).length, 1, 'NODE_COMPILE_CACHE goes first')
})
