import { glob, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Metafile, type Plugin } from 'esbuild'

/**
 * The last step of `npm run build`: puts the command, which tsc has written into dist/bin, into the one file dist/bin/main.cjs, together with the parts of dist/ and the
 * packages that it needs to start. Finding, reading and linking a hundred small modules costs a command more than all its work on a small file.
 * CommonJS, since `require` takes a module of Node as it is, and the namespace of `import` evaluates all that the module would load on demand. The library in dist/ stays as it is.
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const DIST = join(ROOT, 'dist')
const BIN = join(DIST, 'bin')
/** Loaded on demand, from the package's own node_modules. */
const EXTERNAL = ['fastify', 'kysely', 'pg', 'piscina', 'node-forge', '@clack/prompts']

/** A module that names a file beside itself, such as the entry of a thread, means the file beside its twin in dist/. */
const twins: Plugin = {
  name: 'twins',
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, async ({ path }) => {
      if (!path.startsWith(DIST)) return undefined
      const url = `new URL(${JSON.stringify(relative(BIN, path))}, bundleUrl).href`
      return { contents: (await readFile(path, 'utf8')).replaceAll('import.meta.url', url) }
    })
  }
}

/** commander can start commands that are programs of their own. Ours are not, and child_process is loaded by a third of a start's other modules of Node. */
const noPrograms: Plugin = {
  name: 'no programs',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes('/commander/') ? { path: 'child_process', namespace: 'on-demand' } : undefined
    )
    onLoad({ filter: /.*/, namespace: 'on-demand' }, () => ({
      contents: "export default { spawn: (...args) => require('node:child_process').spawn(...args) }"
    }))
  }
}

/** A judge of captures takes half a minute, and no other command should read his code: it stays the library's. */
const proofApart: Plugin = {
  name: 'proof apart',
  setup({ onResolve }) {
    onResolve({ filter: /^[./]+\/proof\.js$/ }, () => ({ path: '../proof.js', external: true }))
  }
}

const { metafile } = await build({
  absWorkingDir: ROOT,
  entryPoints: [join(BIN, 'main.js')],
  outfile: join(BIN, 'main.cjs'),
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'cjs',
  external: EXTERNAL,
  banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href" },
  legalComments: 'none',
  // comments are read, decoded and hashed at every start; names stay, for the traces
  minifyWhitespace: true,
  lineLimit: 120,
  plugins: [twins, noPrograms, proofApart],
  metafile: true,
  logLevel: 'warning'
})
await writeFile(join(BIN, 'LICENSES'), await licenses(metafile))
// what is in the bundle, and nobody else's
for await (const name of glob('**/*.{js,d.ts}', { cwd: BIN })) await rm(join(BIN, name))
await rm(join(BIN, 'commands'), { recursive: true })

/** The terms of every package of which a part is in the bundle: its licence file or, where there is none, what its package.json says. */
async function licenses({ inputs }: Metafile): Promise<string> {
  const packages = Object.keys(inputs).flatMap(path => /^.*\bnode_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? [])
  const texts = [...new Set(packages)].sort().map(async path => {
    const { name, version, license, repository } = JSON.parse(await readFile(join(ROOT, path, 'package.json'), 'utf8'))
    const file = (await readdir(join(ROOT, path))).find(each => /^licen[cs]e(\.|$)/i.test(each))
    const terms = file === undefined ? '' : `\n${await readFile(join(ROOT, path, file), 'utf8')}`
    return `${name} ${version}, ${license}, ${repository?.url ?? repository}\n${terms}\n`
  })
  return (await Promise.all(texts)).join(`${'-'.repeat(72)}\n`)
}
