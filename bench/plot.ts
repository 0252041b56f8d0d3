import { readFile, writeFile } from 'node:fs/promises'
import { groupsOf, type Point, rowsOf } from './plot-data.ts'
import { formatNumber, formatSize, parseSize } from './report.ts'

/**
 * Draws bench/throughput.svg from the tables of the last run: bars of MB/s and CPU time to /dev/null, and lines of MB/s by size. `node plot.ts`
 * draws it again. Text is text, and the colours follow the reader's light or dark.
 */

const README = new URL('./README.md', import.meta.url)
const PLOT = new URL('./throughput.svg', import.meta.url)

const WIDTH = 900
const LABEL = 322
const BAR = 20
const GAP = 22
const MARGIN = 16
const LINES = { left: 64, right: 250, height: 260 }
const STYLE = `svg { font: 13px system-ui, sans-serif; --ink: #1f2328; --faint: #d1d9e0; --mute: #59636e; --own: #0969da; --other: #8c959f; --paper: #ffffff; --a: #bc4c00; --b: #1a7f37; --c: #8250df }
@media (prefers-color-scheme: dark) { svg { --ink: #f0f6fc; --faint: #3d444d; --mute: #9198a1; --own: #4493f8; --other: #656c76; --paper: #0d1117; --a: #f0883e; --b: #3fb950; --c: #ab7df8 } }
.paper { fill: var(--paper) } text { fill: var(--ink) } .mute { fill: var(--mute); font-size: 11px } .head { font-weight: 600; font-size: 15px }
.own { fill: var(--own) } .other { fill: var(--other) } .grid { stroke: var(--faint) } .end { text-anchor: end } .middle { text-anchor: middle }
polyline { fill: none; stroke-width: 2 } .l0 { stroke: var(--own) } .l1 { stroke: var(--own); stroke-dasharray: 6 3 } .l2 { stroke: var(--a) } .l3 { stroke: var(--b) } .l4 { stroke: var(--c) }`

interface Drawing {
  readonly body: string
  readonly height: number
}

function isOwn({ name }: Point): boolean {
  return name.startsWith('sft ')
}

function text(x: number, y: number, words: string, kind = ''): string {
  const safe = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}"${kind && ` class="${kind}"`}>${safe}</text>`
}

/** Two columns of bars, the fastest first: MB/s, and CPU seconds a GiB. */
function bars(points: readonly Point[], title: string): Drawing {
  const known = points.filter(({ name, figures }) => Number.isFinite(figures['MB/s']) && !name.includes('--threads'))
  const sorted = known.toSorted((a, b) => (b.figures['MB/s'] ?? 0) - (a.figures['MB/s'] ?? 0))
  const room = (WIDTH - LABEL - 2 * MARGIN) / 2
  const columns = ['MB/s', 'CPU s/GiB'].map((column, index) => {
    const x = LABEL + MARGIN + index * room
    const most = Math.max(...known.map(({ figures }) => figures[column] || 0))
    const drawn = sorted.map((point, row) => {
      const figure = point.figures[column] ?? Number.NaN
      const length = Number.isFinite(figure) ? (figure / most) * (room - 70) : 0
      const y = 56 + row * GAP
      const bar = `<rect class="${isOwn(point) ? 'own' : 'other'}" x="${x}" y="${y}" width="${length.toFixed(1)}" height="${BAR - 4}"/>`
      return bar + text(x + length + 6, y + 13, formatNumber(figure))
    })
    return (
      text(x, 44, `${column}${index === 0 ? ', more is better' : ', both sides, less is better'}`, 'mute') +
      drawn.join('\n')
    )
  })
  const names = sorted.map(({ name }, row) => text(LABEL, 56 + row * GAP + 13, name, 'end'))
  const body = [text(MARGIN, 20, title, 'head'), ...names, ...columns].join('\n')
  return { body, height: 64 + sorted.length * GAP }
}

interface Line {
  readonly name: string
  /** Bytes and MB/s. */
  readonly points: readonly (readonly [number, number])[]
}

function linesOf(tables: string): readonly Line[] {
  const all = groupsOf(tables, 'sizes').flatMap(group =>
    rowsOf(tables, 'sizes', group).map(({ name, figures }) => ({
      name,
      figure: figures['MB/s'],
      bytes: bytesOf(group)
    }))
  )
  return [...Map.groupBy(all, ({ name }) => name)].map(([name, each]) => ({
    name,
    points: each.flatMap(({ bytes, figure = Number.NaN }) =>
      Number.isFinite(figure) ? [[bytes, figure] as const] : []
    )
  }))
}

/** Bytes of a group's heading, such as `16 MiB`. */
function bytesOf(group: string): number {
  return parseSize(group.replace(/ (.).*/, '$1'))
}

/** A step of the scale that is easily read: 1, 2 or 5 and zeros. */
function stepFor(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most / 4))
  return [1, 2, 5, 10].map(factor => factor * power).find(step => most / step <= 5) ?? most
}

/** MB/s by size, over a logarithmic axis of sizes; names stand at the ends of their lines. */
function lines(tables: string, title: string): Drawing {
  const all = linesOf(tables).filter(({ points }) => points.length > 1)
  if (all.length === 0) return { body: '', height: 0 }
  const sizes = [...new Set(all.flatMap(({ points }) => points.map(([bytes]) => bytes)))]
  const step = stepFor(Math.max(...all.flatMap(({ points }) => points.map(([, figure]) => figure))))
  const top = step * Math.ceil(Math.max(...all.flatMap(({ points }) => points.map(([, figure]) => figure))) / step)
  const [low, high] = [Math.log2(Math.min(...sizes)), Math.log2(Math.max(...sizes))]
  const x = (bytes: number): number =>
    LINES.left + ((Math.log2(bytes) - low) / (high - low)) * (WIDTH - LINES.left - LINES.right)
  const y = (figure: number): number => 40 + LINES.height * (1 - figure / top)
  const rules = Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step).map(
    at =>
      `<line class="grid" x1="${LINES.left}" x2="${WIDTH - LINES.right}" y1="${y(at)}" y2="${y(at)}"/>` +
      text(LINES.left - 8, y(at) + 4, at.toLocaleString('en-US'), 'mute end')
  )
  const ticks = sizes.map(bytes => text(x(bytes), y(0) + 18, formatSize(bytes), 'mute middle'))
  const ends = spread(all.map(({ points }) => y(points.at(-1)?.[1] ?? 0)))
  const drawn = all.map(({ name, points }, index) => {
    const path = points.map(([bytes, figure]) => `${x(bytes).toFixed(1)},${y(figure).toFixed(1)}`).join(' ')
    const key = WIDTH - LINES.right + 8
    const end = ends[index] ?? 0
    return `<polyline class="l${index % 5}" points="${path}"/><polyline class="l${index % 5}" points="${key},${end} ${key + 24},${end}"/>${text(key + 30, end + 4, name.split(',')[0] ?? name)}`
  })
  const body = [text(MARGIN, 20, title, 'head'), ...rules, ...ticks, ...drawn].join('\n')
  return { body, height: LINES.height + 76 }
}

/** Moves labels apart that would stand on each other. */
function spread(heights: readonly number[]): number[] {
  const placed: number[] = [...heights]
  const order = heights.map((_, index) => index).toSorted((a, b) => (heights[a] ?? 0) - (heights[b] ?? 0))
  for (const [rank, index] of order.entries()) {
    const above = placed[order[rank - 1] ?? -1]
    if (above !== undefined) placed[index] = Math.max(placed[index] ?? 0, above + 18)
  }
  return placed
}

/** The drawing of all that the tables hold. */
export function plotOf(tables: string): string {
  const socket = rowsOf(tables, 'loopback', 'to /dev/null')
  const pipe = rowsOf(tables, 'pipe', 'to /dev/null')
  const drawings = [
    bars(socket, 'A file over a socket, to /dev/null'),
    bars(pipe, 'A file through a pipe, to /dev/null'),
    lines(tables, 'MB/s by size, over a socket to /dev/null')
  ]
  let offset = MARGIN
  const parts = drawings.map(({ body, height }) => {
    const part = `<g transform="translate(0 ${offset})">\n${body}\n</g>`
    offset += height === 0 ? 0 : height + MARGIN
    return part
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${offset}" width="${WIDTH}" height="${offset}" role="img" aria-label="Throughput of sft and of others">
<style>${STYLE}</style>
<rect class="paper" width="${WIDTH}" height="${offset}"/>
${parts.join('\n')}
</svg>
`
}

export async function writePlot(): Promise<void> {
  await writeFile(PLOT, plotOf(await readFile(README, 'utf8')))
}

if (import.meta.main) await writePlot()
