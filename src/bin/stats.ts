import type { Engine, MeteredStage, StageName, StageStats } from '../index.ts'
import { type EngineFlags, formatBytes } from './options.ts'
import { reader } from './reader.ts'
import { say } from './terminal.ts'

/** What `--stats` says at the end. */

type Wire = 'socket' | 'pipe'

/** Runs transfers, and says at their end, in whatever it comes, what bound them; nothing unless it was asked for. */
export async function withStats<T>(engine: Engine, flags: EngineFlags, wire: Wire, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } finally {
    sayStats(engine, flags, wire)
  }
}

/** With what each stage did with its time. */
function sayStats(engine: Engine, { stats: wanted }: EngineFlags, wire: Wire): void {
  const stats = engine.stats()
  if (!stats || !wanted) return
  const program = reader()
  program?.stats(stats)
  if (program?.note) return
  const named = (stage: MeteredStage): string => (stage === 'wire' ? wire : stage)
  const moved = stats.stages.some(({ bytes }) => bytes > 0)
  const shares = Object.entries(stats.shares) as [MeteredStage, number][]
  const spent = shares.map(([stage, share]) => `${named(stage)} ${Math.round(share * 100)} %`).join(', ')
  const { threads } = stats
  const where = threads === 0 ? 'inline' : `${threads} thread${threads === 1 ? '' : 's'}`
  const how = `${formatBytes(stats.chunkSize)} chunks, window ${stats.window}, aead ${stats.aead.name}`
  say(`stats: ${moved ? `bound by ${named(stats.boundBy)}; ${spent}` : 'nothing moved'}; ${where}, ${how}`)
  if (!moved) return
  for (const line of tableOf(stats.stages, wire)) say(`stats: ${line}`)
}

const COLUMNS = ['', 'waiting for input', 'working', 'waiting for output', 'bytes']

/** The stages, from the source to the destination, a line each below the names of the columns. */
export function tableOf(stages: readonly StageStats[], wire: Wire): string[] {
  if (stages.length === 0) return []
  const rows = stages.map(({ stage, waitingForInput, working, waitingForOutput, bytes }) => [
    nameOf(stage, wire),
    seconds(waitingForInput),
    seconds(working),
    seconds(waitingForOutput),
    formatBytes(bytes)
  ])
  const lines = [COLUMNS, ...rows]
  const widths = COLUMNS.map((_, column) => Math.max(...lines.map(line => (line[column] as string).length)))
  return lines.map(line =>
    line
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] as number) : cell.padStart(widths[column] as number)
      )
      .join('  ')
  )
}

function nameOf(stage: StageName, wire: Wire): string {
  return stage === 'send' || stage === 'receive' ? wire : stage
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? '-' : `${(ms / 1000).toFixed(3)} s`
}
