import { access, constants } from 'node:fs/promises'
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

/** A file that is to be written once there is something to write: what can not be written is known before anything is done for it. */
export type Keeper = (content: Iterable<Uint8Array>) => Promise<void>

/** @throws SftError ERR_SFT_EXISTS, ERR_SFT_FILE, ERR_SFT_USAGE. */
export async function keeperOf(path: string | undefined, force = false): Promise<Keeper | undefined> {
  if (path === undefined) return undefined
  const { openOutput, SftError } = await import('../../../index.ts')
  const destination = await openOutput(path, { force })
  if (destination.kind === 'durable')
    await access(dirname(path), constants.W_OK).catch(cause => {
      throw new SftError('ERR_SFT_FILE', `${path} can not be written`, { cause })
    })
  return async content => {
    await destination.sink({ created: Date.now() })(content)
  }
}

/** How much evidence the table has: that of what does not hold, or of everything. */
type Detail = 'faults' | 'all'

/** @throws SftError ERR_SFT_PROOF unless it holds. */
export async function tellVerdict(verdict: Verdict, told: Told): Promise<void> {
  const { SftError } = await import('../../../index.ts')
  const { conclusionOf } = await import('../../../proof.ts')
  const { json, detail = 'faults' } = told
  try {
    await writeReport(verdict, told)
  } finally {
    // half a minute's work is not lost for want of a place for the report
    await print(json ? `${JSON.stringify(verdict)}\n` : `${inWords(verdict, detail)}\n\n${conclusionOf(verdict)}\n`)
  }
  if (verdict.holds) return
  const hint = 'the table says what was found, and in which packets'
  throw new SftError('ERR_SFT_PROOF', whyNot(verdict), { hint })
}

interface Told extends VerdictFlags {
  readonly keepReport: Keeper | undefined
  readonly detail?: Detail
}

async function writeReport(verdict: Verdict, { report, keepReport }: Told): Promise<void> {
  if (!keepReport) return
  const { reportOf } = await import('../../../proof.ts')
  await keepReport([Buffer.from(reportOf(verdict))])
  say(`report in ${report}`)
}

const WORDS = { holds: 'holds', fails: 'FAILS', unknown: 'unknown' } as const
const INDENT = ' '.repeat(9)
/** Of the evidence that something holds. */
const MAX_LINES = 6

function inWords({ capture, claims, controls, steps }: Verdict, detail: Detail): string {
  const width = Math.max(...claims.map(({ id }) => id.length), ...controls.map(({ claim }) => claim.length))
  const row = (verdict: string, id: string, text: string): string =>
    `${verdict.padEnd(7)}  ${id.padEnd(width)}  ${text}`
  const strange = steps.filter(isStrange)
  const lines = [
    `${capture.name}: ${capture.packets} packets, ${capture.bytes} bytes, SHA-256 ${capture.sha256}`,
    '',
    'Claims',
    ...claims.flatMap(claim => [row(WORDS[claim.verdict], claim.id, claim.sentence), ...detailsOf(claim, detail)]),
    '',
    'Controls: captures of bad systems, which the judge must refuse',
    ...controls.map(({ name, claim, caught }) => row(caught ? 'refused' : 'MISSED', claim, name)),
    ...(strange.length > 0 ? ['', 'Commands that ended otherwise than expected'] : []),
    ...strange.map(({ command, exit, expected }) => `FAILS    ${command}: exit ${exit}, not ${expected}`)
  ]
  return lines.map(printable).join('\n')
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

function lineOf({ text, packets, more }: Evidence): string {
  if (packets.length === 0) return text
  const left = more === undefined ? '' : ` and ${more} more`
  return `${text} (${packets.length === 1 ? 'packet' : 'packets'} ${packets.join(', ')}${left})`
}

function isStrange({ exit, expected }: Verdict['steps'][number]): boolean {
  return exit !== expected
}

/** Of a run that could not be judged as a whole, what was not; of a capture that is no reason. */
function whyNot({ claims, controls, steps }: Verdict): string {
  const idsOf = (word: Claim['verdict']) => claims.filter(({ verdict }) => verdict === word).map(({ id }) => id)
  const parts = [
    ['does not hold', idsOf('fails')],
    ['not judged', steps.length > 0 ? idsOf('unknown') : []],
    ['not refused', controls.filter(({ caught }) => !caught).map(({ name }) => name)],
    ['ended otherwise', steps.filter(isStrange).map(({ command }) => command)]
  ] as const
  return parts.flatMap(([what, which]) => (which.length > 0 ? [`${what}: ${which.join(', ')}`] : [])).join('; ')
}
