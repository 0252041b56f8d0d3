/** Ready Markdown, and the sizes and figures in it. */

const UNITS = ' KMGT'

/** Bytes of `256M`, `64K`, `1G`, `1000`; K, M, G and T are 1024-based. */
export function parseSize(text: string): number {
  const match = /^(\d+)([KMGT]?)$/i.exec(text)
  const size = Number(match?.[1]) * 1024 ** UNITS.indexOf((match?.[2] || ' ').toUpperCase())
  if (!match || !Number.isSafeInteger(size) || size === 0) throw new Error(`no size: ${text} (write 64K, 256M or 2G)`)
  return size
}

/** `256 MiB`, `1.5 GiB`. */
export function formatSize(bytes: number): string {
  const power = Math.min(Math.max(0, Math.floor(Math.log2(bytes) / 10)), UNITS.length - 1)
  const value = bytes / 1024 ** power
  const digits = Number.isInteger(value) ? 0 : 1
  return power === 0 ? `${bytes} B` : `${value.toFixed(digits)} ${UNITS[power]}iB`
}

/** Three figures that count: `1,234`, `56.7`, `0.123`; a dash for what is not known. */
export function formatNumber(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '–'
  if (value >= 100) return Math.round(value).toLocaleString('en-US')
  return value.toPrecision(3)
}

/** A Markdown table, aligned so that it reads as well in a terminal; the first column is text, the others are figures. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map(row => (row[column] ?? '').length), 3))
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => pad(cells[column] ?? '', width, column)).join(' | ')} |`
  const rule = `|${widths.map((width, column) => (column === 0 ? `${'-'.repeat(width + 2)}` : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [line(head), rule, ...rows.map(line)].join('\n')
}

function pad(text: string, width: number, column: number): string {
  return column === 0 ? text.padEnd(width) : text.padStart(width)
}
