#!/usr/bin/env node
// Plain JavaScript without static imports, so that an older Node gets as far as the sentence below.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major > 24 || (major === 24 && minor >= 7)) {
  start()
} else {
  process.stderr.write(
    `sft: needs Node.js 24.7 or newer, this is ${process.versions.node}; hint: get it from nodejs.org, or in a checkout run src/bin/sft\n`
  )
  process.exitCode = 2
}

async function start() {
  // not by import, whose namespace would evaluate what the modules load on demand
  const { existsSync } = process.getBuiltinModule('node:fs')
  const { createRequire, enableCompileCache } = process.getBuiltinModule('node:module')
  const directory = cacheDirectory()
  if (directory !== undefined) enableCompileCache(directory)
  // a checkout runs its sources, so that an old build never shadows them; the package brings dist/ only
  const source = new URL('./main.ts', import.meta.url)
  const { main } = existsSync(source)
    ? await import(source.href)
    : createRequire(import.meta.url)('../../dist/bin/main.cjs')
  // stands if the event loop runs empty with work undone: that must not look like success
  process.exitCode = 1
  process.exit(await main(process.argv.slice(2)))
}

/**
 * Where compiled code is kept between two runs (NODE_COMPILE_CACHE, if set, goes before it). What stands there is run as this user: it must be a directory
 * that nobody else writes to, which Node's own default, a known name below /tmp, is not. Without one nothing is kept.
 */
function cacheDirectory() {
  const { lstatSync, mkdirSync } = process.getBuiltinModule('node:fs')
  const { isAbsolute, join } = process.getBuiltinModule('node:path')
  const { XDG_CACHE_HOME = '', HOME = '' } = process.env
  const base = isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(HOME, '.cache')
  if (!isAbsolute(base)) return undefined
  try {
    const directory = join(base, 'sft')
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const stat = lstatSync(directory)
    const own = typeof process.getuid !== 'function' || (stat.uid === process.getuid() && (stat.mode & 0o022) === 0)
    return stat.isDirectory() && own ? directory : undefined
  } catch {
    // a read-only home, say: slower, nothing worse
    return undefined
  }
}
