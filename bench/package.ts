import { copyFile, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { World } from './world.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const LAUNCHER = 'src/bin/sft.js'
const BUILD_MS = 120_000

/**
 * The command as the published package brings it, since that is what a user starts: built, with its launcher beside `dist/` and no sources, which the
 * launcher of a checkout prefers.
 *
 * @returns the launcher
 */
export function packagedCommand(world: World): Promise<string> {
  return world.once('package', async () => {
    await world.children.run({ argv: ['npm', '--prefix', ROOT, 'run', 'build'] }, { deadline: BUILD_MS })
    const place = await world.place('package')
    const launcher = join(place, LAUNCHER)
    await mkdir(join(launcher, '..'), { recursive: true })
    await copyFile(join(ROOT, LAUNCHER), launcher)
    for (const name of ['dist', 'node_modules', 'package.json']) await symlink(join(ROOT, name), join(place, name))
    return launcher
  })
}
