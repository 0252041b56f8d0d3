import { randomBytes } from 'node:crypto'
import { parseCapture } from '../capture/read.ts'
import { type Recorded, writeCapture } from '../capture/write.ts'
import { dissect } from '../dissect/dissect.ts'
import type { Claim, ClaimId, Control, Dissected, Known } from '../model.ts'
import { badStream, type StreamOptions } from './bad-streams.ts'

/** Captures of bad systems that the judge must refuse, each by its own claim, in every run (M177): a judge that can not say no proves nothing. */

/** What judges a capture: the very function that judged the one that is asked about. */
export type Judge = (all: readonly Dissected[], known: Known) => Promise<readonly Claim[]>

interface Fault {
  readonly name: string
  readonly claim: ClaimId
  /** What its streams do wrong, and what of the files they carry: the first for both of them, unless it says otherwise. */
  readonly streams: (key: Uint8Array) => readonly (Omit<StreamOptions, 'name'> & { readonly second?: boolean })[]
}

const FAULTS: readonly Fault[] = [
  { name: 'a transfer in the clear', claim: 'plaintext', streams: () => [{ clear: true }] },
  { name: 'a transfer whose name can be seen', claim: 'names', streams: () => [{ named: true }] },
  { name: 'two transfers of one file under one key', claim: 'fresh-keys', streams: key => [{ key }, { key }] },
  {
    name: 'a nonce that comes twice, with two files',
    claim: 'nonces',
    streams: key => [{ key }, { key, second: true }]
  }
]

const BYTES = 50_000

export async function controlsOf(judge: Judge): Promise<Control[]> {
  const controls: Control[] = []
  for (const fault of FAULTS) controls.push(await judged(judge, fault))
  return controls
}

async function judged(judge: Judge, { name, claim: id, streams }: Fault): Promise<Control> {
  const { capture, known } = badCapture(streams(randomBytes(32)))
  const claims = await judge(dissect(parseCapture(capture)), known)
  const claim = claims.find(each => each.id === id)
  return { name, claim: id, caught: claim?.verdict === 'fails', evidence: claim?.evidence.slice(0, 4) ?? [] }
}

/** A capture of such streams, and what the judge is told of it. */
export function badCapture(streams: ReturnType<Fault['streams']>): { capture: Buffer; known: Known } {
  const files = ['first', 'second'].map(fileOf)
  const recorded = streams.map(({ second, ...options }): Recorded => {
    const file = files[second ? 1 : 0] as (typeof files)[number]
    return badStream(file.bytes, { ...options, name: file.name })
  })
  const plain = files.filter((_, at) => streams.some(({ second = false }) => second === (at === 1)))
  return { capture: writeCapture(recorded), known: { plain } }
}

/** Text of about 50 KiB in which nothing comes twice, so that what is found is the fault and not the file. */
function fileOf(which: string): { name: string; bytes: Uint8Array } {
  const lines = randomBytes(BYTES / 2)
    .toString('hex')
    .replace(/.{64}/g, '$&\n')
  return { name: `${which}-${randomBytes(6).toString('hex')}.txt`, bytes: Buffer.from(lines) }
}
