import type { PeerIdentity } from '../auth/certificates/path.ts'
import { SftError } from '../streams/errors.ts'
import { type ExportRoot, type OpenedDirectory, outgoingFile } from './export-root.ts'
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
  if (lazy && opened.path !== '')
    await requireSomething(opened, peer, guard).catch(async error => {
      await opened[Symbol.asyncDispose]()
      throw error
    })
  const source = outgoingTree({ ...tree, directory, name, pace, lazy, gate: gateOf(opened, peer, guard) })
  return { found: { ...source, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() }, place: opened.path }
}

/** Under a policy, a directory in which a peer may get nothing is not there (M59). @throws SftError ERR_SFT_NOT_FOUND */
async function requireSomething(opened: OpenedDirectory, peer: PeerIdentity, guard: Guard): Promise<void> {
  const { fd: directory, name, path, pace } = opened
  let entries = 0
  const count = (): void => void entries++
  const gate = gateOf(opened, peer, { ...guard, onDenied: () => {} })
  // what can not be sent is there all the same
  const looked = outgoingTree({ directory, name, pace, lazy: true, gate, onOmitted: count })
  for await (const { type } of looked.tree?.list() ?? []) {
    if (type !== 'directory') count()
    if (entries > 0) return
  }
  if (entries > 0) return
  guard.onDenied({ type: 'denied', identity: peer, peer: peer.name, action: 'get', path })
  throw new SftError('ERR_SFT_NOT_FOUND', 'the policy does not allow it')
}

/** The same listener; what it served from is closed after it. */
export function closingAlso(listener: Listener, other: AsyncDisposable): Listener {
  const close: Listener['close'] = async options => {
    await listener.close(options)
    await other[Symbol.asyncDispose]()
  }
  return { host: listener.host, port: listener.port, close, [Symbol.asyncDispose]: () => close() }
}
