import { createHash } from 'node:crypto'
import { type BigIntStats, existsSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { readSmallFile, replacePrivate } from '../auth/identity/private-file.ts'
import { SftError } from '../streams/errors.ts'
import { type NamedThing, partPath, refuse, removePart, type Witness } from '../streams/write-file.ts'
import type { Destination } from './destination.ts'
import { hasItsName } from './named-thing.ts'
import type { PartialOwner } from './partial.ts'

/**
 * What is left beside a file or directory that came with the key of a job, until whoever wants it done has noted that it is (SPEC §8.8, M81): so one that is asked for again,
 * after a crash of either side at any moment, is not done twice.
 */

/** Bytes of a mark. */
const MAX_MARK = 1024
const DONE = '\ndone\n'

/** Whose job it is, and which. */
export interface MarkOwner extends PartialOwner {
  /** 32 bytes. */
  readonly job: Uint8Array
}

export interface DoneMarkOptions extends MarkOwner {
  readonly directory: string
  /** The name it is to get. */
  readonly name: string
}

interface Written {
  readonly job: string
  readonly inode: string
  /** Of the inode, for its number is given to another file one day. */
  readonly born: string
  readonly bytes: number
}

/** A witness whose word is there for whoever asks again. */
export interface Mark extends Witness {
  /** Two marks of one path are of one thing. */
  readonly path: string
  /** Bytes of what has come, if it is done. Of a directory 0. */
  done(): Promise<number | undefined>
  /** Whoever wanted it done knows that it is. */
  remove(): Promise<void>
  /** The session in which it was done ended without that. */
  lost?(): void
}

export class DoneMark implements Mark {
  readonly #directory: string
  readonly #name: string
  readonly path: string
  readonly #job: string

  constructor({ directory, name, peer, direction, job }: DoneMarkOptions) {
    this.#directory = directory
    this.#name = name
    this.#job = createHash('sha256').update(`job ${direction} ${peer}\0`).update(job).digest('hex')
    this.path = `${partPath(directory, name, this.#job.slice(0, 12))}.done`
  }

  async done(): Promise<number | undefined> {
    if (!existsSync(this.path)) return undefined
    const text = (await readSmallFile(this.path, MAX_MARK)) ?? ''
    const mark = parse(text)
    if (mark?.job !== this.#job) return undefined
    const isIt = ({ ino, birthtimeNs }: BigIntStats): boolean =>
      String(ino) === mark.inode && String(birthtimeNs) === mark.born
    return text.endsWith(DONE) || (await hasItsName(this.#directory, this.#name, isIt)) ? mark.bytes : undefined
  }

  async naming({ ino, birthtimeNs, bytes }: NamedThing): Promise<void> {
    const mark: Written = { job: this.#job, inode: String(ino), born: String(birthtimeNs), bytes }
    await replacePrivate(this.path, JSON.stringify(mark))
  }

  async named(): Promise<void> {
    await appendFile(this.path, DONE)
  }

  async remove(): Promise<void> {
    await removePart(this.path)
  }
}

/** Two marks of one thing: it is done when one of them says so, and both go. */
export function bothOf(mark: Mark, other: Mark): Mark {
  return {
    path: mark.path,
    done: async () => (await mark.done()) ?? (await other.done()),
    naming: async thing => {
      await mark.naming(thing)
      await other.naming(thing)
    },
    named: async () => {
      await mark.named()
      await other.named()
    },
    remove: async () => {
      await mark.remove()
      await other.remove()
    },
    lost: () => {
      mark.lost?.()
      other.lost?.()
    }
  }
}

/** A destination at which what gets its name leaves `mark`. */
export function marked<M extends Mark>(
  mark: M | undefined,
  open: (witness: M | undefined) => Destination
): Destination {
  const destination = open(mark)
  if (!mark) return destination
  const lost = async (): Promise<void> => {
    mark.lost?.()
    await destination.lost?.()
  }
  return { ...destination, noted: () => mark.remove(), lost }
}

/** In the place of a destination: it is done already. */
export function doneBefore(bytes: number, mark: Mark): Destination {
  const again = new SftError('ERR_SFT_EXISTS', 'this is done already')
  return { kind: 'durable', done: bytes, noted: () => mark.remove(), sink: () => source => refuse(source, again) }
}

function parse(text: string): Written | undefined {
  try {
    const { job, inode, born, bytes } = JSON.parse(text.split('\n', 1)[0] ?? '') as Record<string, unknown>
    const whole = typeof job === 'string' && typeof inode === 'string' && typeof born === 'string'
    return whole && typeof bytes === 'number' ? { job, inode, born, bytes } : undefined
  } catch {
    // a crash cut it: nothing had its name by then
    return undefined
  }
}
