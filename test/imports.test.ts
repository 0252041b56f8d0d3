import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

/** The house: which file may import what (architecture: bin → index → transfer → auth → streams → workers, never back). */

const SRC = fileURLToPath(new URL('../src/', import.meta.url))
const LAYERS = ['workers', 'streams', 'auth', 'transfer', 'index', 'classic', 'proof', 'bin']
/** The rooms of `auth`, each of which knows those before it; a session does not know an authority, its server or who asks that. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  certificates: [],
  identity: ['certificates'],
  session: ['certificates', 'identity'],
  authority: ['certificates', 'identity'],
  server: ['certificates', 'identity', 'authority'],
  client: ['certificates', 'identity', 'authority', 'server'],
  // behind its fence: of the server it has the hash of passwords and the limit of attempts
  classic: ['certificates', 'identity', 'server']
}

/** Packages, and the files that may import them. */
const HOMES: Readonly<Record<string, RegExp>> = {
  'node-forge': /^auth\/certificates\/certificate\.ts$/,
  fastify: /^auth\/server\/(app|list-route)\.ts$/,
  kysely: /^auth\/authority\/store\//,
  jose: /^auth\/server\/tokens\.ts$/,
  'prom-client': /^auth\/server\/metrics\.ts$/,
  pg: /^auth\/authority\/store\/postgres\.ts$/,
  piscina: /^workers\/(pool|classic-pool|[a-z-]+\.worker)\.ts$/,
  'it-length-prefixed': /^streams\/(frame|unframe)\.ts$/,
  uint8arraylist: /^streams\/(frame|unframe|varint)\.ts$/,
  'it-pipe': /^(streams\/(outbound|inbound)|transfer\/(classic\/)?[a-z-]+|index)\.ts$/,
  commander: /^bin\//,
  '@clack/prompts': /^bin\//
}

/** Modules of Node that only the ends of a pipe need. */
const NODE_HOMES: Readonly<Record<string, RegExp>> = {
  'node:fs':
    /^(streams\/(holes|paced-files|read-file|write-file|write-back|stdio)|workers\/native\/(addon|build)\.ts$|auth|transfer|index|proof|bin)/,
  'node:net': /^(streams\/(accepted|bind|socket|stdio)|auth|transfer|index|proof|bin)/,
  'node:tls': /^auth\//,
  // the C compiler, `sync`, and what a proof runs
  'node:child_process': /^(workers\/native\/build|transfer\/tree\/flush|proof\/run\/(guard|programs))\.ts$/
}

interface Import {
  readonly file: string
  readonly target: string
  readonly typeOnly: boolean
}

const files = (readdirSync(SRC, { recursive: true }) as string[]).filter(name => /\.[jt]s$/.test(name)).sort()

/** Static, dynamic and re-exporting imports. */
function importsOf(file: string): Import[] {
  const text = readFileSync(join(SRC, file), 'utf8')
  const statements = text.matchAll(/^(?:import|export)\s(type\s)?(?:[^'"]*?\sfrom\s)?['"]([^'"]+)['"]/gm)
  const dynamic = text.matchAll(/\bimport\(\s*(['"]?)([^'")]*)/g)
  return [
    ...[...statements].map(([, type, target = '']) => ({ file, target, typeOnly: type !== undefined })),
    ...[...dynamic].map(([, quote, target = '']) => ({ file, target: quote ? target : 'computed', typeOnly: false }))
  ]
}

const imports = files.flatMap(importsOf)
const isRelative = ({ target }: Import): boolean => target.startsWith('.')
const packageOf = (target: string): string =>
  target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/')
const resolved = ({ file, target }: Import): string => normalize(join(dirname(file), target))
const layerOf = (file: string): number =>
  LAYERS.indexOf(file.includes('/') ? (file.split('/')[0] ?? '') : file.replace('.ts', ''))
const written = (found: readonly Import[]): string[] => found.map(({ file, target }) => `${file} imports ${target}`)

t.test('every source file stands in a layer, and every import was found', t => {
  t.same(
    files.filter(file => layerOf(file) < 0),
    []
  )
  t.ok(imports.length > 200, `${imports.length} imports`)
  for (const file of files) {
    const mentions = readFileSync(join(SRC, file), 'utf8').match(/^(import\s|export .* from )/gm)?.length ?? 0
    t.ok(importsOf(file).length >= mentions, file)
  }
  t.end()
})

t.test('imports point downwards', t => {
  const up = imports.filter(each => isRelative(each) && layerOf(resolved(each)) > layerOf(each.file))
  t.same(written(up), [])
  t.end()
})

t.test('the command imports index.ts, its own files, Node and its libraries, nothing deeper', t => {
  const deeper = imports.filter(each => {
    if (!each.file.startsWith('bin/') || !isRelative(each)) return false
    const target = resolved(each)
    return target !== 'index.ts' && target !== 'classic.ts' && target !== 'proof.ts' && !target.startsWith('bin/')
  })
  t.same(written(deeper), [])
  t.end()
})

t.test('the rooms of auth know those before them only', t => {
  const room = (file: string): string => /^auth\/([a-z]+)\//.exec(file)?.[1] ?? ''
  const back = imports.filter(each => {
    const [from, to] = [room(each.file), isRelative(each) ? room(resolved(each)) : '']
    return from !== '' && to !== '' && from !== to && !ROOMS[from]?.includes(to)
  })
  t.same(written(back), [])
  t.same(readdirSync(join(SRC, 'auth')).sort(), [...Object.keys(ROOMS), 'on-demand.ts'].sort())
  t.end()
})

t.test('M140: nothing but what is called classic loads what is', t => {
  const isClassic = (file: string): boolean => /(^|\/)classic(\/|[.-])/.test(file)
  const strangers = imports.filter(each => isRelative(each) && isClassic(resolved(each)) && !isClassic(each.file))
  t.same(
    written(strangers),
    ['bin/main.ts imports ./commands/classic/classic.ts', 'proof/dissect/dissect.ts imports ./classic-messages.ts'],
    'when that command is asked for, and to tell its messages in a capture'
  )
  const session = imports.filter(
    each => isRelative(each) && isClassic(each.file) && /^auth\/(session|client|authority)\//.test(resolved(each))
  )
  t.same(written(session), [], 'and what is classic speaks no native protocol')
  t.end()
})

t.test('imports name files that exist, with their extension', t => {
  const missing = imports.filter(each => isRelative(each) && !files.includes(resolved(each)))
  t.same(written(missing), [])
  t.end()
})

t.test('a package has one home', t => {
  const packages = imports.filter(
    each => !isRelative(each) && !each.target.startsWith('node:') && each.target !== 'computed'
  )
  const strangers = packages.filter(({ file, target }) => !HOMES[packageOf(target)]?.test(file))
  t.same(written(strangers), [])
  const used = new Set(packages.map(({ target }) => packageOf(target)))
  const { dependencies } = JSON.parse(readFileSync(join(SRC, '../package.json'), 'utf8')) as { dependencies: object }
  t.same([...used].sort(), Object.keys(dependencies).sort(), 'every dependency is used, and nothing else')
  t.same(
    Object.keys(HOMES).filter(name => !used.has(name)),
    []
  )
  t.end()
})

t.test('files and sockets stand at the ends; only the worker code is pure computation', t => {
  const strangers = imports.filter(({ file, target }) => {
    const home = NODE_HOMES[target.replace('/promises', '')]
    return home !== undefined && !home.test(file)
  })
  t.same(written(strangers), [])
  t.same(
    imports.filter(({ file }) => file === 'workers/construction.ts'),
    [],
    'the arithmetic imports nothing'
  )
  t.end()
})

t.test('only the launcher computes what it loads', t => {
  const computed = imports.filter(({ target }) => target === 'computed')
  t.same([...new Set(computed.map(({ file }) => file))], ['bin/sft.js'])
  t.end()
})

t.test('no circle', t => {
  const below = Map.groupBy(
    imports.filter(each => isRelative(each) && !each.typeOnly),
    ({ file }) => file
  )
  const circles: string[] = []
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) return void circles.push([...path.slice(path.indexOf(file)), file].join(' → '))
    if (done.has(file)) return
    for (const next of below.get(file) ?? []) walk(resolved(next), [...path, file])
    done.add(file)
  }
  const done = new Set<string>()
  for (const file of files) walk(file, [])
  t.same(circles, [])
  t.end()
})
