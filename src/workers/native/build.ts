import { randomBytes } from 'node:crypto'
import { access, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ADDON, loadFrom, SOURCES } from './addon.ts'

/** Compiles the addon for this Node on this machine: one call of the C compiler, with the headers that Node brings. Nothing is downloaded. */

/** Where the addon is now, or what stands in its way: something missing, or a folder that can not be written. */
export type NativeBuild =
  | { readonly file: string }
  | { readonly problem: string; readonly hint: string; readonly disk: boolean }

class BuildFault extends Error {
  readonly hint: string

  constructor(problem: string, hint: string) {
    super(problem)
    this.hint = hint
  }
}

const STRICT = ['-std=c11', '-Wall', '-Wextra', '-Wpedantic', '-Werror', '-Wconversion', '-Wshadow']
const HARDENED = ['-O2', '-D_FORTIFY_SOURCE=2', '-fstack-protector-strong']
const SHARED = ['-fPIC', '-fvisibility=hidden']
/** Functions of Node are found when the addon is loaded; on Linux all of them at once, so that a Node without them refuses to load it. */
const LINK: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  linux: ['-shared', '-Wl,-z,relro,-z,now'],
  freebsd: ['-shared', '-Wl,-z,relro,-z,now'],
  darwin: ['-bundle', '-undefined', 'dynamic_lookup']
}

/** Builds the addon, tests it, and puts it in its place in one step. Never throws. */
export async function buildNative(): Promise<NativeBuild> {
  const file = fileURLToPath(ADDON)
  const staged = `${file}.${randomBytes(6).toString('hex')}`
  try {
    await mkdir(dirname(file), { recursive: true })
    await compile(staged)
    const tested = loadFrom(staged)
    if ('reason' in tested) throw new BuildFault(`the addon ${tested.reason}`, 'sft works without it')
    await rename(staged, file)
    return { file }
  } catch (error) {
    await rm(staged, { force: true }).catch(() => {})
    if (error instanceof BuildFault) return { problem: error.message, hint: error.hint, disk: false }
    const { code = 'unknown fault', path = file } = error as NodeJS.ErrnoException
    return { problem: `can not write ${path}: ${code}`, hint: 'run it as the owner of that folder', disk: true }
  }
}

/**
 * Compiles the sources into `file`.
 *
 * @param flags in the place of optimisation and hardening, such as sanitizers
 * @throws BuildFault, whose message and hint say what is missing.
 */
export async function compile(file: string, flags: readonly string[] = HARDENED): Promise<void> {
  const link = LINK[process.platform]
  if (!link) throw new BuildFault(`not made for ${process.platform}`, 'sft works without it')
  const headers = await findHeaders()
  const [compiler = 'cc', ...own] = (process.env.CC || 'cc').trim().split(/\s+/)
  const inputs = SOURCES.map(source => fileURLToPath(source))
  await run(compiler, [...own, ...STRICT, ...flags, ...SHARED, ...link, '-isystem', headers, ...inputs, '-o', file])
}

async function run(compiler: string, args: readonly string[]): Promise<void> {
  const { execFile } = await import('node:child_process')
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  execFile(compiler, args, { timeout: 60_000 }, (error, _stdout, stderr) => {
    if (!error) return resolve()
    if (error.code === 'ENOENT')
      return reject(new BuildFault(`there is no C compiler: ${compiler}`, 'install one, or name it in CC'))
    const line = stderr.split('\n').find(each => /error|cannot/i.test(each)) ?? `exit code ${error.code}`
    reject(new BuildFault(`${compiler} failed: ${line}`, 'sft works without it'))
  })
  return promise
}

/** The folder of headers that fits the running Node. */
async function findHeaders(): Promise<string> {
  for (const folder of headerFolders()) if (await fits(folder)) return folder
  throw new BuildFault(
    `there are no headers of Node.js ${process.versions.node}`,
    'a Node.js from nodejs.org brings them, a distribution has them in a package of its own'
  )
}

function headerFolders(): string[] {
  const prefix = join(dirname(process.execPath), '..')
  const name = process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node'
  const archive = `${name}-${process.platform}-${process.arch}`
  const caches = process.platform === 'darwin' ? 'Library/Caches' : '.cache'
  return [
    join(prefix, 'include/node'),
    // the package `node` of npm keeps what belongs to its program one folder further
    join(prefix, 'node_modules', archive, 'include/node'),
    join(prefix, '..', archive, 'include/node'),
    join(homedir(), caches, 'node-gyp', process.versions.node, 'include/node')
  ]
}

async function fits(folder: string): Promise<boolean> {
  try {
    await access(join(folder, 'openssl/evp.h'))
    await access(join(folder, 'node_api.h'))
    const text = await readFile(join(folder, 'node_version.h'), 'utf8')
    return /^#define NODE_MAJOR_VERSION (\d+)$/m.exec(text)?.[1] === process.versions.node.split('.')[0]
  } catch {
    return false
  }
}
