import { createHash } from 'node:crypto'
import { type BigIntStats, constants, existsSync } from 'node:fs'
import { lstat, open } from 'node:fs/promises'
import { readSmallFile } from '../auth/identity/private-file.ts'
import { type NamedThing, partPath, removePart } from '../streams/write-file.ts'
import type { Mark } from './done-mark.ts'
import { hasItsName } from './named-thing.ts'
import type { PartialOwner } from './partial.ts'

/**
 * What is left beside a file that came without a job, until its sender has the answer (SPEC §8.8, M84): so a call that is made again since only the answer was lost finds that it is done, as
 * long as the file is what came.
 */

const MAX_BYTES = 1024
/** ms after which it is nobody's answer any more. */
const LIFE_MS = 7 * 86_400_000

export interface CommitRecordOptions extends PartialOwner {
  readonly directory: string
  /** The name it is to get. */
  readonly name: string
  /** Which state of which file it is, in the words of its sender. */
  readonly fileId: Uint8Array
  /** Records of one directory whose sender is still there to have its answer. */
  readonly awaited: Set<string>
}

export class CommitRecord implements Mark {
  readonly path: string
  readonly #directory: string
  readonly #name: string
  readonly #file: string
  readonly #awaited: Set<string>

  constructor({ directory, name, peer, direction, fileId, awaited }: CommitRecordOptions) {
    this.#directory = directory
    this.#name = name
    this.#awaited = awaited
    this.#file = createHash('sha256').update(`file ${direction} ${peer}\0`).update(fileId).digest('hex')
    this.path = `${partPath(directory, name, this.#file.slice(0, 12))}.done`
  }

  async done(): Promise<number | undefined> {
    // nobody's answer is lost yet: who asks wants another
    if (this.#awaited.has(this.path) || !existsSync(this.path)) return undefined
    const { mtimeMs } = await lstat(this.path)
    if (Date.now() - mtimeMs > LIFE_MS) return undefined
    const text = await readSmallFile(this.path, MAX_BYTES)
    let bytes: number | undefined
    const isIt = ({ ino, birthtimeNs, mtimeNs, size }: BigIntStats): boolean => {
      bytes = Number(size)
      return this.#text({ ino, birthtimeNs, mtimeNs, bytes }) === text
    }
    return (await hasItsName(this.#directory, this.#name, isIt)) ? bytes : undefined
  }

  /** Not flushed: what a power cut takes of it only means that the name is taken. */
  async naming(thing: NamedThing): Promise<void> {
    this.#awaited.add(this.path)
    const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants
    const file = await open(this.path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600)
    try {
      await file.writeFile(this.#text(thing))
    } finally {
      await file.close()
    }
  }

  async named(): Promise<void> {}

  async remove(): Promise<void> {
    this.lost()
    await removePart(this.path)
  }

  lost(): void {
    this.#awaited.delete(this.path)
  }

  /** All that tells it from any other, and from what was made of it. */
  #text({ ino, birthtimeNs, mtimeNs, bytes }: NamedThing): string {
    return `${[this.#file, ino, birthtimeNs, mtimeNs, bytes].join(' ')}\n`
  }
}
