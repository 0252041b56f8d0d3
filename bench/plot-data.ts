/** Reads the figures of the plot back out of the tables of the last run: they are the one place where figures are kept. */

export interface Point {
  readonly name: string
  readonly figures: Readonly<Record<string, number>>
}

/** The rows of a group's table in the section of a case; none when it never ran. */
export function rowsOf(text: string, bench: string, group: string): readonly Point[] {
  const section = text.split(/^(?=### )/m).find(each => each.split('\n', 1)[0]?.endsWith(`(\`${bench}\`)`))
  const table = section?.split(`**${group}**\n\n`)[1]?.split('\n\n')[0]
  const [head = [], , ...rows] = (table ?? '').split('\n').map(cellsOf)
  return rows.map(([name = '', ...cells]) => ({
    name: name.replace(' (baseline)', '').replaceAll('\\|', '|'),
    figures: Object.fromEntries(cells.map((cell, column) => [head[column + 1] ?? '', figureOf(cell)]))
  }))
}

/** Groups of the tables of a case, in their order. */
export function groupsOf(text: string, bench: string): readonly string[] {
  const section = text.split(/^(?=### )/m).find(each => each.split('\n', 1)[0]?.endsWith(`(\`${bench}\`)`)) ?? ''
  return [...section.matchAll(/^\*\*(.+)\*\*$/gm)].map(([, group = '']) => group)
}

function cellsOf(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map(cell => cell.trim())
}

function figureOf(cell: string): number {
  return cell === '' ? Number.NaN : Number(cell.replaceAll(',', ''))
}
