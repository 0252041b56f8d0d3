import { readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { ServingPeer } from '../../index.ts'
import { printable } from '../terminal.ts'
import type { Completion } from './console.ts'
import type { Neighbours } from './neighbours.ts'
import { quoteWord, splitWords } from './words.ts'

/**
 * What Tab offers: commands, peers, files here, and of a peer's files those that were asked for before. The protocol has no question for the names of a
 * peer's files.
 */

const COMMANDS = ['f', 'get', 'help', 'msg', 'peers', 'quit', 'send', 't'] as const
/** Names that are offered at once. */
const MAX_OFFERED = 500
const FLAGS = /^-[rf]+$/

export interface Known {
  readonly neighbours: Neighbours
  /** Lines of the history, the latest first. */
  readonly lines: readonly string[]
}

type Complete = (line: string) => Completion

export function completePeer({ neighbours }: Known): Complete {
  return line => ({ candidates: offered(neighbours.names('serve'), line), typed: line })
}

export function completePath({ lines }: Known, peer: string): Complete {
  return line => ({ candidates: offered(pathsOf(lines, peer), line), typed: line })
}

export function completeDirectory(line: string): Completion {
  return { candidates: offered(filesHere(line, true), line), typed: line }
}

export function completeCommand(known: Known): Complete {
  return line => {
    const { words, start } = splitWords(line)
    const typed = line.slice(start)
    const before = typed === '' ? words : words.slice(0, -1)
    const word = typed === '' ? '' : (words.at(-1) as string)
    const [found, end] = foundFor(
      before.filter(each => !FLAGS.test(each)),
      word,
      known
    )
    return { candidates: offered(found, word).map(each => quoteWord(each) + end), typed }
  }
}

/** Whole words for the place behind `before`, and what has to follow them. */
function foundFor(
  [command, ...names]: readonly string[],
  word: string,
  known: Known
): readonly [readonly string[], string] {
  if (command === undefined) return [COMMANDS, ' ']
  const peers = (kind: ServingPeer['kind']): readonly string[] => known.neighbours.names(kind)
  if (command === 'msg' && names.length === 0) return [peers('receive'), ' ']
  if (command === 'send' && names.length === 0) return [filesHere(word), '']
  if (command === 'send' && names.length === 1) return [peers('receive'), ':']
  if (command !== 'get' || names.length > 0) return [[], '']
  const [, peer] = /^([^:@]+):/.exec(word) ?? []
  return peer === undefined ? [peers('serve'), ':'] : [pathsOf(known.lines, peer).map(path => `${peer}:${path}`), '']
}

/** Paths that were asked of a peer, as the history has them. */
export function pathsOf(lines: readonly string[], peer: string): readonly string[] {
  const asked = lines.flatMap(line => {
    const { words } = splitWords(line)
    if (words[0] !== 'get') return []
    const [place = '', after] = words.slice(1).filter(each => !FLAGS.test(each))
    if (place === peer && after !== undefined) return [after]
    return place.startsWith(`${peer}:`) ? [place.slice(peer.length + 1)] : []
  })
  return [...new Set(asked)].filter(path => path !== '')
}

/** Whom files were asked of. */
export function peersOf(lines: readonly string[]): readonly string[] {
  const asked = lines.flatMap(line => {
    const { words } = splitWords(line)
    const [place = ''] = words.slice(1).filter(each => !FLAGS.test(each))
    const peer = place.includes('@') ? place : place.split(':')[0]
    return words[0] === 'get' && peer ? [peer] : []
  })
  return [...new Set(asked)]
}

function filesHere(word: string, directoriesOnly = false): readonly string[] {
  const [place, begun] = word === '' || word.endsWith('/') ? [word, ''] : [dirname(word), basename(word)]
  const prefix = place === '.' && !word.startsWith('./') ? '' : place
  return entriesOf(place === '' ? '.' : place)
    .filter(({ name }) => name.startsWith(begun) && (begun !== '' || !name.startsWith('.')))
    .filter(entry => !directoriesOnly || entry.isDirectory())
    .map(entry => `${dotted(prefix, entry.name)}${entry.isDirectory() ? '/' : ''}`)
    .sort()
}

/** `join` would leave out the `./` that was typed. */
function dotted(prefix: string, name: string): string {
  return prefix === '.' || prefix === './' ? `./${name}` : prefix === '' ? name : join(prefix, name)
}

function entriesOf(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true })
  } catch {
    // there is nothing to offer
    return []
  }
}

/** Nothing that would drive the terminal. */
function offered(found: readonly string[], begun: string): readonly string[] {
  return found.filter(each => each.startsWith(begun) && printable(each) === each).slice(0, MAX_OFFERED)
}
