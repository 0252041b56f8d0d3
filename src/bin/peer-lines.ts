import type { PeerEntry, ServingPeer } from '../index.ts'
import { printable } from './terminal.ts'

/** Who is known, and who is listening: a line for each name. */

interface Neighbour {
  readonly name: string
  readonly entry: PeerEntry | undefined
  readonly places: readonly ServingPeer[]
}

export function peersAsJson(book: readonly PeerEntry[], serving: readonly ServingPeer[]): string {
  const lines = neighboursOf(book, serving).map(({ name, entry, places }) => {
    const listening = places.map(({ kind, host, port }) => ({ kind, host, port }))
    return JSON.stringify({ name, ...stateOf(entry), ...(listening.length > 0 && { listening }) })
  })
  return lines.map(line => `${line}\n`).join('')
}

export async function peersInWords(book: readonly PeerEntry[], serving: readonly ServingPeer[]): Promise<string> {
  const { formatHostPort } = await import('../index.ts')
  const lines = neighboursOf(book, serving).map(({ name, entry, places }) => {
    const { notAfter, problem } = stateOf(entry)
    const known = notAfter === undefined ? problem && printable(problem) : `until ${notAfter}`
    const where = places.map(
      ({ kind, host, port }) => `${kind === 'serve' ? 'serves' : 'receives'} at ${formatHostPort(host, port)}`
    )
    return `${name}  ${[...(known ? [known] : []), ...where].join(', ')}\n`
  })
  return lines.join('')
}

function neighboursOf(book: readonly PeerEntry[], serving: readonly ServingPeer[]): Neighbour[] {
  const names = new Set([...book, ...serving].map(({ name }) => name))
  return [...names].sort().map(name => ({
    name,
    entry: book.find(each => each.name === name),
    places: serving.filter(each => each.name === name)
  }))
}

function stateOf(entry: PeerEntry | undefined): { notAfter?: string; problem?: string } {
  if (entry === undefined) return {}
  return 'peer' in entry ? { notAfter: entry.peer.notAfter.toISOString() } : { problem: entry.problem.message }
}
