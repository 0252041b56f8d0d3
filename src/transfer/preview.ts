import { SftError } from '../streams/errors.ts'
import type { Metadata } from '../streams/header.ts'
import type { FileSession } from './file-session.ts'
import { type Input, openInput } from './input.ts'
import type { Wanted } from './requests.ts'
import { type Entry, TREE } from './tree/entry.ts'
import { readable } from './tree/filter.ts'
import type { TreeOptions } from './tree/tree-source.ts'

/** What a transfer would move, said without moving it. */

export interface Preview {
  readonly name?: string | undefined
  /** Bytes of a file, or of the files in a directory; absent where only reading tells. */
  readonly bytes?: number | undefined
  readonly content?: 'directory' | undefined
  /** Of a directory that is here. */
  readonly entries?: number
  /** What of it would have to be left out. */
  readonly omitted?: number
}

/** One thing of a directory. */
export interface PreviewEntry {
  /** From the directory down, for reading. */
  readonly path: string
  readonly type: Entry['type']
  readonly bytes: number
}

export interface PreviewOptions {
  name?: string | undefined
  tree?: TreeOptions | undefined
  /** Told of each entry of a directory. */
  onEntry?: ((entry: PreviewEntry) => void) | undefined
}

/** What of an input would be sent; its files are opened, none is read. @throws as `openInput`. */
export async function previewInput(input: Input, { name, tree, onEntry }: PreviewOptions = {}): Promise<Preview> {
  let omitted = 0
  const counting = tree && {
    ...tree,
    onOmitted: (...what: Parameters<NonNullable<TreeOptions['onOmitted']>>) => {
      omitted++
      tree.onOmitted?.(...what)
    }
  }
  await using opened = await openInput(input, name, counting)
  if (!opened.tree) return previewOf(opened.metadata)
  const sum = { entries: 0, bytes: 0 }
  for await (const { path, type, size } of opened.tree.list()) {
    sum.entries++
    sum.bytes += size
    onEntry?.({ path: readable(path), type, bytes: size })
  }
  return { ...previewOf(opened.metadata), ...sum, omitted }
}

/**
 * What a peer would send: it is asked for, and broken off once the peer has said what it is, as a transfer that is cancelled; the session is over then.
 *
 * @throws SftError ERR_SFT_NOT_FOUND, and the other codes of `FileSession.get`.
 */
export async function previewRemote(session: FileSession, path: string, wanted: Wanted = {}): Promise<Preview> {
  let told: Metadata | undefined
  const sink = (metadata: Metadata) => async () => {
    told = metadata
    throw new SftError('ERR_SFT_CANCELLED', 'nobody wanted more than to know')
  }
  try {
    await session.get(path, { kind: 'delivered', sink }, wanted)
  } catch (error) {
    if (told === undefined) throw error
  }
  return previewOf(told ?? {})
}

function previewOf({ name, size, kind }: Partial<Metadata>): Preview {
  return { name, bytes: size, content: kind === TREE ? 'directory' : undefined }
}
