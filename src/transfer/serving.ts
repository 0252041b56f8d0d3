import type { PeerIdentity } from '../auth/certificates/path.ts'
import { type ExportRoot, outgoingFile } from './export-root.ts'
import { type Guard, gateOf, openGuarded } from './guarded.ts'
import type { Listener } from './listen.ts'
import type { Outgoing } from './outgoing.ts'
import { outgoingTree, type TreeOptions } from './tree/tree-source.ts'

/** A file or a directory below a root, for a peer, and where it lies there. */
export async function openServed(
  root: ExportRoot,
  path: string,
  peer: PeerIdentity,
  { tree, guard }: { tree: TreeOptions | undefined; guard: Guard }
): Promise<{ found: Outgoing & AsyncDisposable; place: string }> {
  if (tree === undefined) {
    const opened = await openGuarded(root, path, peer, guard)
    return { found: outgoingFile(opened), place: opened.path }
  }
  const opened = await root.openDirectory(path)
  const { fd: directory, name, pace } = opened
  const lazy = guard.policy !== undefined
  const source = outgoingTree({ ...tree, directory, name, pace, lazy, gate: gateOf(opened, peer, guard) })
  return { found: { ...source, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() }, place: opened.path }
}

/** The same listener; what it served from is closed after it. */
export function closingAlso(listener: Listener, other: AsyncDisposable): Listener {
  const close: Listener['close'] = async options => {
    await listener.close(options)
    await other[Symbol.asyncDispose]()
  }
  return { host: listener.host, port: listener.port, close, [Symbol.asyncDispose]: () => close() }
}
