import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { cpus, loadavg, totalmem } from 'node:os'
import { formatSize } from './report.ts'

/** The tables of the last run in bench/README.md: one section a case, each with the conditions it was taken under. */

const README = new URL('./README.md', import.meta.url)
const MARKERS = ['<!-- last run -->', '<!-- end of last run -->'] as const

/** Where, when and with what the figures are taken. */
export function conditions(size: number, rounds: number): string {
  const model = cpus()[0]?.model ?? 'unknown processor'
  const commit = commandOutput('git', 'rev-parse', '--short', 'HEAD')
  const changed = commandOutput('git', 'status', '--porcelain', '--', '../src') === '' ? '' : ' with changes'
  return [
    new Date().toISOString().slice(0, 10),
    `commit ${commit}${changed}`,
    `Node ${process.versions.node} (OpenSSL ${process.versions.openssl})`,
    `${cpus().length} × ${model}, ${formatSize(totalmem())}`,
    `load ${(loadavg()[0] ?? 0).toFixed(1)} before it`,
    `--size ${formatSize(size)}`,
    `${rounds} interleaved round${rounds === 1 ? '' : 's'}`
  ].join(', ')
}

function commandOutput(command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, { cwd: new URL('.', import.meta.url), encoding: 'utf8', stdio: 'pipe' }).trim()
  } catch {
    return 'unknown'
  }
}

/** Puts sections in the place of the old ones of the same cases; those of other cases stay. `names` is the order of all. */
export async function writeLastRun(sections: ReadonlyMap<string, string>, names: readonly string[]): Promise<void> {
  const readme = await readFile(README, 'utf8')
  const [start, end] = MARKERS.map(marker => readme.indexOf(marker)) as [number, number]
  if (start < 0 || end < start) throw new Error('bench/README.md has lost its markers')
  const old = sectionsOf(readme.slice(start + MARKERS[0].length, end))
  const texts = names.map(name => sections.get(name) ?? old.get(name)).filter(text => text !== undefined)
  await writeFile(README, `${readme.slice(0, start)}${[MARKERS[0], ...texts].join('\n\n')}\n\n${readme.slice(end)}`)
}

/** Sections by the case that their heading names. */
function sectionsOf(text: string): Map<string, string> {
  const sections = text.split(/^(?=### )/m).map(section => section.trim())
  return new Map(
    sections.flatMap(section => (/^### .*\(`(\w+)`\)$/m.exec(section)?.slice(1) ?? []).map(name => [name, section]))
  )
}
