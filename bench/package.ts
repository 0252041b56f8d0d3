import { fileURLToPath } from 'node:url'
import { assemblePackage } from '../scripts/package.ts'
import type { World } from './world.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const BUILD_MS = 120_000

/**
 * The command as the published package brings it, built now.
 *
 * @returns the launcher
 */
export function packagedCommand(world: World): Promise<string> {
  return world.once('package', async () => {
    await world.children.run({ argv: ['npm', '--prefix', ROOT, 'run', 'build'] }, { deadline: BUILD_MS })
    return assemblePackage(await world.place('package'))
  })
}
