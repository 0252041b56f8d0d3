import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { nativeOrComment } from '../fixtures/native.ts'

const repository = fileURLToPath(new URL('../..', import.meta.url))

/** tap loads its hooks into every Node child through NODE_OPTIONS; these runs are to be a user's. */
const PLAIN = ['-u', 'NODE_OPTIONS']

/** Packs a copy of the repository, so that the build leaves no trace in it. */
function pack(directory: string): string {
  const names = [
    'src',
    'schema',
    'scripts',
    'docs',
    'examples',
    'wireshark',
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'README.md',
    'SPEC.md',
    'CHANGELOG.md',
    'LICENSE'
  ]
  for (const name of names) cpSync(join(repository, name), join(directory, name), { recursive: true })
  symlinkSync(join(repository, 'node_modules'), join(directory, 'node_modules'))
  const listing = execFileSync('env', [...PLAIN, 'npm', 'pack', '--json', '--foreground-scripts=false'], {
    cwd: directory,
    encoding: 'utf8',
    stdio: 'pipe'
  })
  const packed = JSON.parse(listing.slice(listing.indexOf('[\n')))
  return join(directory, (Array.isArray(packed) ? packed[0] : Object.values(packed)[0]).filename)
}

/** The command is one file, which brings the terms of what is in it; the library stands beside it as it was written. */
function checkBundle(t: Test, root: string): void {
  t.same(readdirSync(join(root, 'dist', 'bin')).sort(), ['LICENSES', 'main.cjs'])
  const bundle = readFileSync(join(root, 'dist', 'bin', 'main.cjs'), 'utf8')
  t.notMatch(bundle, /import\.meta|[^\x00-\x7f]/, 'every path is resolved, and a character is a byte')
  for (const [, path = ''] of bundle.matchAll(/new URL\("([^"]+)", bundleUrl\)/g))
    t.ok(path === 'version.js' || existsSync(join(root, 'dist', 'bin', path)), `${path} has its twin`)
  for (const name of ['commander', 'it-pipe', 'it-length-prefixed', 'uint8arraylist'])
    t.match(readFileSync(join(root, 'dist', 'bin', 'LICENSES'), 'utf8'), new RegExp(`^${name} \\d`, 'm'))
}

/** Of what a command has loaded: modules of Node that the bundle does without, and files besides launcher, bundle and preload. */
function unneeded(loaded: readonly string[]): string[] {
  const builtin =
    /^(_?http|https|_?tls|sqlite|readline|child_process|dgram|worker_threads|internal\/(util\/diff|crypto\/webcrypto))(_|\/|$)/
  const file = /^(?!.*\/(src\/bin\/sft\.js|dist\/bin\/main\.cjs|test\/fixtures\/loaded\.ts)$)file:/
  return loaded.filter(name => builtin.test(name) || file.test(name))
}

t.test(
  'the packed package installs and runs outside the repository, its threads and types included',
  { timeout: 170_000 },
  async t => {
    const home = t.testdir({ source: {}, consumer: { 'package.json': '{ "type": "module", "private": true }' } })
    const tarball = pack(join(home, 'source'))
    const consumer = join(home, 'consumer')
    const run = (command: string, args: string[], input?: Buffer): Buffer =>
      execFileSync('env', [...PLAIN, command, ...args], {
        cwd: consumer,
        input,
        env: { ...process.env, XDG_DATA_HOME: join(home, 'data') },
        stdio: ['pipe', 'pipe', 'pipe'],
        maxBuffer: 2 ** 26
      })
    run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball])
    const sft = join(consumer, 'node_modules', '.bin', 'sft')
    const installed = join(consumer, 'node_modules', 'sft')
    t.same(
      (readdirSync(installed, { recursive: true }) as string[]).filter(name => name.endsWith('.node')),
      [],
      'a package brings no program of the machine that packed it'
    )
    const doctor = (): object => JSON.parse(run(process.execPath, [sft, 'doctor', '--json']).toString())
    t.match(doctor(), { aead: { name: 'node:crypto', reason: /^(not built|SFT_NATIVE=0$)/ }, identity: null })
    const native = nativeOrComment(t)
    if (native) {
      const built = run(process.execPath, [sft, 'build-native']).toString()
      t.ok(built.startsWith(join(realpathSync(installed), 'src', 'workers', 'native')), built)
    }
    t.match(doctor(), { aead: { name: native ? 'native' : 'node:crypto' } })
    run(process.execPath, [sft, 'init', '--no-passphrase'])
    const plain = Buffer.alloc(3 * 2 ** 20, 'packed')
    const sealed = run(process.execPath, [sft, 'send', '--threads', '1'], plain)
    t.ok(
      run(process.execPath, [sft, 'recv', '--threads', '1'], sealed).equals(plain),
      'a stream through worker threads'
    )

    checkBundle(t, join(consumer, 'node_modules', 'sft'))
    const loaded = join(home, 'loaded.json')
    const preload = join(repository, 'test', 'fixtures', 'loaded.ts')
    const line = [`SFT_LOADED=${loaded}`, process.execPath, '--import', preload, sft, 'recv']
    const small = run(process.execPath, [sft, 'send'], plain.subarray(0, 1024))
    t.ok(run('env', line, small).equals(plain.subarray(0, 1024)))
    t.same(
      unneeded(JSON.parse(readFileSync(loaded, 'utf8'))),
      [],
      'a small transfer is one file and few modules of Node'
    )

    writeFileSync(
      join(consumer, 'use.ts'),
      "import { type Chunk, chunk, ERRORS, Engine, SftError } from 'sft'\nexport const stage = chunk()\nexport type C = Chunk\nexport { ERRORS, Engine, SftError }\n"
    )
    cpSync(join(installed, 'examples'), join(consumer, 'examples'), { recursive: true })
    const examples = readdirSync(join(consumer, 'examples')).map(name => join('examples', name))
    t.ok(examples.length > 0)
    const tsc = join(repository, 'node_modules', 'typescript', 'bin', 'tsc')
    const types = join(repository, 'node_modules', '@types')
    run(process.execPath, [
      tsc,
      '--ignoreConfig',
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--lib',
      'esnext',
      '--types',
      'node',
      '--typeRoots',
      types,
      'use.ts',
      ...examples
    ])
    t.equal(
      run(process.execPath, ['-e', "import('sft').then(s => console.log(typeof s.Engine))"]).toString(),
      'function\n'
    )
    t.equal(
      run(process.execPath, ['-e', "import('sft/classic').then(s => console.log(typeof s.getClassic))"]).toString(),
      'function\n'
    )
    t.equal(
      run(process.execPath, ['-e', "import('sft/proof').then(s => console.log(typeof s.judgeCapture))"]).toString(),
      'function\n'
    )
    t.equal(JSON.parse(readFileSync(join(consumer, 'node_modules', 'sft', 'package.json'), 'utf8')).name, 'sft')
    const schema =
      "import('sft/schema/events.schema.json', { with: { type: 'json' } }).then(s => console.log(s.default.title))"
    t.equal(run(process.execPath, ['-e', schema]).toString(), 'sft.events/1\n')
    t.equal(
      run(process.execPath, ['-e', schema.replace('events', 'proof')]).toString(),
      'sft.proof/1\n',
      'the schema of verdicts'
    )
  }
)
