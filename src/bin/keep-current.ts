import type { Engine, PublicIdentity } from '../index.ts'
import { authUrl } from './directory.ts'
import { messageOf, say } from './terminal.ts'

/** What keeps a command able to trust and to be trusted: revocation lists that are not old, and a certificate that does not end under way (SPEC §4.6, §4.8). */

/** ms until a command begins to follow lists and its own certificate: a short transfer ends before that, and reads and parses nothing for it. */
const START_MS = 1000
/** ms after which a list is asked for before anything is begun; and how long the auth server may take then. */
const OLD_LIST_MS = 3_600_000
const CONNECT_MS = 2000
const ANSWER_MS = 5000

/** Asks the auth server for the lists if they are older than an hour. When it can not be asked, those that are known stand for as long as they are good. */
export async function freshenLists(identity: PublicIdentity): Promise<void> {
  const { ownList } = await import('../index.ts')
  const url = await authUrl()
  const known = ownList(identity)
  if (url === undefined || (known && Date.now() - known.list.thisUpdate.getTime() < OLD_LIST_MS)) return
  await fetchNow(identity, url)
}

/** Asks for the lists, and says so when there is none that is good. */
export async function fetchNow(identity: PublicIdentity, url: string): Promise<void> {
  const { fetchLists, ownList } = await import('../index.ts')
  try {
    await fetchLists(identity, { url, connectTimeout: CONNECT_MS, timeout: ANSWER_MS })
  } catch (error) {
    const known = ownList(identity)
    if (known === undefined || known.list.nextUpdate.getTime() < Date.now()) sayNoLists(error)
  }
}

/** From a second on, for as long as the process runs; keeps none alive. */
export function keepCurrent(engine: Engine): void {
  setTimeout(() => {
    void renewWhileRunning(engine).catch(sayNotRenewed)
    void followWhileRunning(engine).catch(sayNoLists)
  }, START_MS).unref()
}

/** Whoever serves, listens, or moves something for long never ends with the certificate. */
async function renewWhileRunning(engine: Engine): Promise<void> {
  const { dataDirectory, expiryOf, keepRenewed, renew, replaceChain } = await import('../index.ts')
  const directory = dataDirectory(process.env)
  const url = await authUrl()
  if (url === undefined) return
  keepRenewed({
    identity: engine.identity,
    async renew(identity) {
      const renewed = await renew(identity, { url })
      await replaceChain(directory, renewed)
      return renewed
    },
    onRenewed(identity) {
      engine.identity = identity
      say(`renewed the certificate, until ${expiryOf(identity).toISOString()}`)
    },
    onFault: sayNotRenewed
  })
}

async function followWhileRunning({ identity, signal }: Engine): Promise<void> {
  const { dataDirectory, followLists, rereadRevocations } = await import('../index.ts')
  const directory = dataDirectory(process.env)
  const url = await authUrl()
  const { revocations } = identity
  if (url === undefined || revocations === undefined) return
  await followLists(identity, {
    url,
    signal,
    onTurn: () => rereadRevocations(directory, revocations),
    onFault: sayNoLists
  })
}

/** A list that can not be kept on the disk counts until the process ends. */
export function sayNotKept(error: unknown): void {
  say(`the revocation list is not kept: ${messageOf(error)}`)
}

function sayNotRenewed(error: unknown): void {
  say(`the certificate is not renewed: ${messageOf(error)}`)
}

function sayNoLists(error: unknown): void {
  say(`the revocation lists are not refreshed: ${messageOf(error)}`)
}
