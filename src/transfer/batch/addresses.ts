import { SftError } from '../../streams/errors.ts'
import { isPeerAddress } from '../address.ts'
import { type Job, peerOf } from './job.ts'

/** Says where a peer is that was named without an address, as `NAME@HOST:PORT`; `kind` is what he is to do there. */
export type Locate = (name: string, kind: 'receive' | 'serve') => Promise<string>

/** Where the peers of jobs are; each is asked for once, until he was not there. */
export class Addresses {
  readonly #locate: Locate | undefined
  readonly #known = new Map<string, Promise<string>>()

  constructor(locate: Locate | undefined) {
    this.#locate = locate
  }

  /** @throws SftError ERR_SFT_USAGE for a job whose peer nobody can find */
  requireFindable(job: Job): void {
    const { peer } = peerOf(job)
    if (this.#locate || isPeerAddress(peer)) return
    throw new SftError('ERR_SFT_USAGE', `where ${peer} is, nobody says here`, { hint: 'write NAME@HOST:PORT' })
  }

  async of(job: Job): Promise<string> {
    const { peer, kind } = peerOf(job)
    if (isPeerAddress(peer) || !this.#locate) return peer
    const id = `${kind} ${peer}`
    const found = this.#known.get(id) ?? this.#locate(peer.replace(/:$/, ''), kind)
    this.#known.set(id, found)
    return await found
  }

  /** He may be elsewhere by now. */
  forget(job: Job): void {
    const { peer, kind } = peerOf(job)
    this.#known.delete(`${kind} ${peer}`)
  }
}
