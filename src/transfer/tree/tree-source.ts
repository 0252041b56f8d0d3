import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { SftError } from '../../streams/errors.ts'
import type { Pace } from '../../streams/pace.ts'
import type { Outgoing } from '../outgoing.ts'
import { type Entry, TREE } from './entry.ts'
import { type FilterOptions, makeFilter, readable } from './filter.ts'
import { chainBefore, pack } from './pack.ts'
import { Places } from './places.ts'
import { type Gate, type Omission, walk } from './walk.ts'

/** A directory as something to send. */

export interface TreeOptions extends FilterOptions {
  /** Told of each thing that is left out though it was wanted; `path` is below the directory. */
  readonly onOmitted?: ((path: string, why: Omission) => void) | undefined
}

/** What is told of a tree beside its bytes. */
export interface TreeCounts {
  /** Entries, of which a directory is one, too. */
  entries: number
  /** What was to be sent and could not be. */
  omitted: number
}

/** How an open directory is sent. */
export interface TreeSource extends TreeOptions {
  /** Descriptor of the directory. */
  readonly directory: number
  /** What the receiver is told. */
  readonly name: string
  readonly gate?: Gate | undefined
  readonly lazy?: boolean | undefined
  readonly pace?: Pace | undefined
}

/** Opens a directory to send; disposing of it closes it. @throws SftError ERR_SFT_NOT_FOUND, ERR_SFT_USAGE for a filter that is none. */
export async function openTree(
  path: string,
  name: string | undefined,
  options: TreeOptions
): Promise<Outgoing & AsyncDisposable> {
  makeFilter(options)
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY).catch(cause => {
    throw new SftError('ERR_SFT_NOT_FOUND', `can not read ${path}: ${cause.message}`, { cause })
  })
  const source = outgoingTree({ ...options, directory: handle.fd, name: name ?? basename(resolve(path)) })
  return { ...source, [Symbol.asyncDispose]: () => handle.close() }
}

/** The archive of a directory that is open, and stays open until it has gone. */
export function outgoingTree(tree: TreeSource): Outgoing {
  const { name, directory } = tree
  const counts: TreeCounts = { entries: 0, omitted: 0 }
  const places = new Places(tree.pace)
  const top = Buffer.from(name, 'utf8').toString('latin1')
  const entries = (onOmitted: (path: string, why: Omission) => void) => {
    const filter = makeFilter(tree)
    const walked = walk(directory, { top, filter, gate: tree.gate, lazy: tree.lazy, places, onOmitted })
    return { filter, walked }
  }
  const list = async function* (): AsyncGenerator<Entry> {
    const omit = (path: string, why: Omission): void => tree.onOmitted?.(readable(path), why)
    const { filter, walked } = entries(omit)
    for await (const { entry } of walked) yield entry
    for (const path of filter.missing(tree.lazy)) omit(path, 'is not there')
  }
  return {
    metadata: { name, kind: TREE },
    file: true,
    owned: true,
    source: (signal: AbortSignal, start = 0) => {
      Object.assign(counts, { entries: 0, omitted: 0 })
      const omit = (path: string, why: Omission): void => {
        counts.omitted++
        tree.onOmitted?.(readable(path), why)
      }
      const { filter, walked } = entries(omit)
      return pack(walked, {
        places,
        start,
        signal,
        onEntry: () => counts.entries++,
        onChanged: path => {
          counts.entries--
          omit(path.slice(top.length + 1), 'changes while it is read')
        },
        omitted: () => {
          for (const path of filter.missing(tree.lazy)) omit(path, 'is not there')
          return counts.omitted
        }
      })
    },
    tree: { counts, list, idAt: bytes => chainBefore(entries(() => {}).walked, bytes) }
  }
}
