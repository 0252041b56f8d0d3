import { baselineOf, type Case, figure, median, type Row, ratio, type Sample, type Unit } from './measure.ts'
import { formatNumber, formatTable } from './report.ts'

/** The tables of a case: one a group of its contenders, medians with the range, everything divided by the baseline of the same rounds. */
export function caseTables(bench: Case, rows: readonly Row[]): string {
  const groups = Map.groupBy(rows, ({ contender }) => contender.group ?? '')
  const tables = [...groups].map(([group, members]) => {
    const heading = group === '' ? '' : `**${group}**\n\n`
    return `${heading}${groupTable(bench.unit, members)}`
  })
  const notes = rows.flatMap(({ contender, reason }) => (reason === undefined ? [] : [`${contender.name}: ${reason}`]))
  const verdict = bench.verdict?.(rows)
  if (verdict !== undefined) notes.push(verdict)
  return [...tables, ...notes].join('\n\n')
}

function groupTable(unit: Unit, rows: readonly Row[]): string {
  const baseline = baselineOf(rows)
  const head = ['', unit, 'min–max', '÷ baseline', cpuHead(unit), 'peak MiB']
  return formatTable(
    head,
    rows.map(row => rowCells(unit, row, baseline))
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

function cpuHead(unit: Unit): string {
  if (unit === '/s') return 'CPU ms each'
  return unit === 's' ? 'CPU s' : 'CPU s/GiB'
}

function cpuFigure({ cpu = Number.NaN, amount }: Sample, unit: Unit): number {
  if (unit === '/s') return (cpu * 1000) / amount
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
