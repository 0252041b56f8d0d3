import { access, constants, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Command } from 'commander'
import type { Claim, Evidence, Verdict } from '../../../proof.ts'
import { print, printable, say } from '../../terminal.ts'

/** How a verdict is told: a table on standard output, or JSON; a report; and the exit code. */

export interface VerdictFlags {
  report?: string
  json?: boolean
  force?: boolean
}

export function withVerdict(command: Command): Command {
  return command
    .option('--report <file>', 'write a report that a browser shows, FILE.html')
    .option('--json', 'print the whole verdict as one JSON object')
    .option('-f, --force', 'replace files that are there')
}

/** Looks at where files are to go, before anything is done for them. @throws SftError ERR_SFT_EXISTS, ERR_SFT_FILE. */
export async function requireWritable(paths: readonly (string | undefined)[], force = false): Promise<void> {
  const { SftError } = await import('../../../index.ts')
  for (const path of paths) {
    if (path === undefined) continue
    if (!(await may(dirname(path), constants.W_OK))) throw new SftError('ERR_SFT_FILE', `${path} can not be written`)
    if (!force && (await may(path, constants.F_OK)))
      throw new SftError('ERR_SFT_EXISTS', `${path} is there already`, { hint: '--force replaces it' })
  }
}

async function may(path: string, mode: number): Promise<boolean> {
  try {
    await access(path, mode)
    return true
  } catch {
    return false
  }
}

/** How much evidence the table has: that of what does not hold, or of everything. */
type Detail = 'faults' | 'all'

/** @throws SftError ERR_SFT_PROOF unless it holds. */
export async function tellVerdict(verdict: Verdict, flags: VerdictFlags, detail: Detail = 'faults'): Promise<void> {
  const { report, json, force = false } = flags
  const { SftError } = await import('../../../index.ts')
  if (report !== undefined) await writeReport(verdict, report, force)
  await print(json ? `${JSON.stringify(verdict)}\n` : inWords(verdict, detail))
  if (verdict.holds) return
  const hint = 'the table says what was found, and in which packets'
  throw new SftError('ERR_SFT_PROOF', whyNot(verdict), { hint })
}

async function writeReport(verdict: Verdict, path: string, force: boolean): Promise<void> {
  const { SftError } = await import('../../../index.ts')
  const { reportOf } = await import('../../../proof.ts')
  try {
    await writeFile(path, reportOf(verdict), { flag: force ? 'w' : 'wx' })
  } catch (cause) {
    throw new SftError('ERR_SFT_FILE', 'the report can not be written', { cause })
  }
  say(`report in ${path}`)
}

const WORDS = { holds: 'holds', fails: 'FAILS', unknown: 'unknown' } as const
const INDENT = ' '.repeat(9)
/** Of the evidence that something holds. */
const MAX_LINES = 6

function inWords({ capture, claims, controls, steps }: Verdict, detail: Detail): string {
  const width = Math.max(...claims.map(({ id }) => id.length), ...controls.map(({ claim }) => claim.length))
  const row = (verdict: string, id: string, text: string): string =>
    `${verdict.padEnd(7)}  ${id.padEnd(width)}  ${text}`
  const lines = [
    `${capture.name}: ${capture.packets} packets, ${capture.bytes} bytes, SHA-256 ${capture.sha256}`,
    '',
    ...claims.flatMap(claim => [row(WORDS[claim.verdict], claim.id, claim.sentence), ...detailsOf(claim, detail)]),
    '',
    ...controls.map(({ name, claim, caught }) => row(caught ? 'caught' : 'MISSED', claim, name)),
    ...steps
      .filter(isStrange)
      .map(({ command, exit, expected }) => `FAILS    ${command}: exit ${exit}, not ${expected}`)
  ]
  return `${lines.map(printable).join('\n')}\n`
}

/** What holds is explained in the report, or here in a few lines. */
function detailsOf({ verdict, evidence }: Claim, detail: Detail): string[] {
  if (verdict === 'holds' && detail === 'faults') return []
  const shown = verdict === 'holds' ? evidence.slice(0, MAX_LINES) : evidence
  const left = evidence.length - shown.length
  return [...shown.map(lineOf), ...(left > 0 ? [`and ${left} more, which --json and --report show`] : [])].map(
    line => `${INDENT}${line}`
  )
}

function lineOf({ text, packets }: Evidence): string {
  if (packets.length === 0) return text
  return `${text} (${packets.length === 1 ? 'packet' : 'packets'} ${packets.join(', ')})`
}

function isStrange({ exit, expected }: Verdict['steps'][number]): boolean {
  return exit !== expected
}

function whyNot({ claims, controls, steps }: Verdict): string {
  const parts = [
    ['does not hold', claims.filter(({ verdict }) => verdict === 'fails').map(({ id }) => id)],
    ['not caught', controls.filter(({ caught }) => !caught).map(({ name }) => name)],
    ['ended otherwise', steps.filter(isStrange).map(({ command }) => command)]
  ] as const
  return parts.flatMap(([what, which]) => (which.length > 0 ? [`${what}: ${which.join(', ')}`] : [])).join('; ')
}
