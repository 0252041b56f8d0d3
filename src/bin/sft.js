#!/usr/bin/env node
// Plain JavaScript without static imports, so that an older Node gets as far as the sentence below.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major > 24 || (major === 24 && minor >= 7)) {
  start()
} else {
  process.stderr.write(
    `sft: needs Node.js 24.7 or newer, this is ${process.versions.node}; hint: get it from nodejs.org, or in this repository run: npx sft\n`
  )
  process.exitCode = 2
}

async function start() {
  const { existsSync } = await import('node:fs')
  const { enableCompileCache } = await import('node:module')
  const { setFlagsFromString } = await import('node:v8')
  enableCompileCache()
  // a transfer leaves only small short-lived objects: a young generation that grows would be memory for nothing
  setFlagsFromString('--semi-space-growth-factor=1')
  // a checkout runs its sources, so that an old build never shadows them; the package brings dist/ only
  const source = new URL('./main.ts', import.meta.url)
  const { main } = await import(
    existsSync(source) ? source.href : new URL('../../dist/bin/main.js', import.meta.url).href
  )
  // stands if the event loop runs empty with work undone: that must not look like success
  process.exitCode = 1
  process.exit(await main(process.argv.slice(2)))
}
