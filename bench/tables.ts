import { baselineOf, type Case, figure, median, type Row, ratio, type Sample, type Unit } from './measure.ts'
import { formatNumber, formatTable } from './report.ts'
import type { WorldOptions } from './world.ts'

/** The tables of a case: one a group of its contenders, medians with the range, everything divided by the baseline of the same rounds. */
export function caseTables(bench: Case, rows: readonly Row[], options: WorldOptions): string {
  const groups = Map.groupBy(rows, ({ contender }) => contender.group ?? '')
  const tables = [...groups].map(([group, members]) => {
    const heading = group === '' ? '' : `**${group}**\n\n`
    return `${heading}${groupTable(members[0]?.contender.unit ?? bench.unit, members)}`
  })
  const notes = rows.flatMap(({ contender, reason }) => (reason === undefined ? [] : [`${contender.name}: ${reason}`]))
  const verdict = bench.verdict?.(rows, options)
  if (verdict !== undefined) notes.push(verdict)
  return [...tables, ...notes].join('\n\n')
}

function groupTable(unit: Unit, rows: readonly Row[]): string {
  const baseline = baselineOf(rows)
  const samples = rows.flatMap(row => row.samples)
  const more = [...new Set(samples.flatMap(({ more }) => Object.keys(more ?? {})))]
  const head = ['', unit, 'min–max', '÷ baseline', cpuHead(unit), 'peak MiB', ...more]
  return formatTable(
    head,
    rows.map(row => [...rowCells(unit, row, baseline), ...more.map(column => moreCell(row.samples, column))])
  )
}

function rowCells(unit: Unit, row: Row, baseline: Row | undefined): string[] {
  const { contender, samples, missing } = row
  const name = contender.name.replaceAll('|', '\\|')
  if (samples.length === 0) return [name, missing ?? '–', '', '', '', '']
  const figures = samples.map(sample => figure(sample, unit))
  const range = `${formatNumber(Math.min(...figures))}–${formatNumber(Math.max(...figures))}`
  return [
    row === baseline ? `${name} (baseline)` : name,
    formatNumber(median(figures)),
    range,
    baseline ? ratio(row, baseline, unit).toFixed(2) : '–',
    formatNumber(median(samples.map(sample => cpuFigure(sample, unit)))),
    memoryText(samples)
  ]
}

const CPU_HEADS: Partial<Record<Unit, string>> = {
  '/s': 'CPU ms each',
  ms: 'CPU ms each',
  µs: 'CPU µs each',
  s: 'CPU s'
}

function cpuHead(unit: Unit): string {
  return CPU_HEADS[unit] ?? 'CPU s/GiB'
}

export function cpuFigure({ cpu = Number.NaN, amount }: Sample, unit: Unit): number {
  if (unit === '/s' || unit === 'ms') return (cpu * 1e3) / amount
  if (unit === 'µs') return (cpu * 1e6) / amount
  return unit === 's' ? cpu : (cpu * 2 ** 30) / amount
}

/** Peak of each side, the sender first; medians of the rounds. */
function memoryText(samples: readonly Sample[]): string {
  const sides = samples[0]?.memory ?? []
  return sides
    .map((_, side) => median(samples.map(({ memory }) => memory[side] ?? Number.NaN)))
    .map(peak => (Number.isNaN(peak) ? '–' : String(Math.round(peak))))
    .join(' / ')
}

function moreCell(samples: readonly Sample[], column: string): string {
  const values = samples.map(({ more }) => more?.[column]).filter(value => value !== undefined)
  if (values.length === 0) return samples.length === 0 ? '' : '–'
  const figures = values.filter(value => typeof value === 'number')
  if (figures.length > 0) return formatFigure(median(figures))
  const sides = values.map(value => String(value).split(' / '))
  return (sides[0] ?? []).map((_, side) => mostFrequent(sides.map(each => each[side] ?? '–'))).join(' / ')
}

/** A count is no measurement. */
function formatFigure(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString('en-US') : formatNumber(value)
}

function mostFrequent(words: readonly string[]): string {
  const counted = [...Map.groupBy(words, word => word)].map(([word, all]) => ({ word, count: all.length }))
  return counted.toSorted((a, b) => b.count - a.count)[0]?.word ?? '–'
}
