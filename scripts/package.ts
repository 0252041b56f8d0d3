import { copyFile, mkdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The command as the published package brings it, since that is what users start: what `npm run build` has made, with its launcher and without sources, which the launcher of a checkout prefers. */

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const LAUNCHER = 'src/bin/sft.js'

/** Makes such a directory in the place of what is there; the path of its launcher. */
export async function assemblePackage(place: string): Promise<string> {
  const launcher = join(place, LAUNCHER)
  await rm(place, { recursive: true, force: true })
  await mkdir(join(launcher, '..'), { recursive: true })
  await copyFile(join(ROOT, LAUNCHER), launcher)
  for (const name of ['dist', 'node_modules', 'package.json']) await symlink(join(ROOT, name), join(place, name))
  return launcher
}

if (import.meta.main) await assemblePackage(join(ROOT, process.argv[2] ?? '.tap/package'))
