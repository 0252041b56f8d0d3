import type { Claim, ClaimId, Evidence } from '../model.ts'

/** What a judge writes down. */

/** The sentence of each claim, as a reader of the report sees it. */
export const SENTENCES: Readonly<Record<ClaimId, string>> = {
  connections: 'Every connection begins with a TCP handshake, and the capture has all of its bytes.',
  certificates: 'No certificate of a user can be seen.',
  names: 'No user name, file name or password can be seen.',
  plaintext: 'No 16 bytes in a row of a file can be seen: raw, in base64, in hex, or compressed.',
  randomness: 'What is sealed can not be told from random bytes.',
  sizes:
    'Every byte is part of a frame of a known length, and the frames of a file have the sizes that the protocol gives them.',
  'fresh-keys':
    'No two sealed parts have 16 bytes in common, and no wrapped key, key share or random number comes twice: no key is seen to be fixed, and no stream comes twice.',
  nonces: 'No two places of the files were sealed with the same keystream.',
  login: 'A login that was recorded can be neither read nor used again.',
  'forward-secrecy': 'Whoever steals every long-term key later opens nothing of a recorded session with them.',
  replay: 'A byte that was changed on its way, and a recording that is sent again, are refused.'
}

/** Packets that one piece of evidence names at most (`Evidence`). */
const MAX_PACKETS = 16
/** Pieces of evidence that a claim shows at most; the rest is counted. */
const MAX_EVIDENCE = 40

export function evidence(text: string, packets: Iterable<number> = []): Evidence {
  const all = [...new Set(packets)].sort((a, b) => a - b)
  const more = all.length - MAX_PACKETS
  return { text, packets: all.slice(0, MAX_PACKETS), ...(more > 0 && { more }) }
}

/** What was found is said before what was looked at. */
export class Findings {
  readonly #faults: Evidence[] = []
  readonly #doubts: Evidence[] = []
  readonly #notes: Evidence[] = []

  /** What breaks the claim. */
  fault(text: string, packets: Iterable<number> = []): void {
    this.#faults.push(evidence(text, packets))
  }

  /** Why it can not be judged, wholly or in part. */
  doubt(text: string, packets: Iterable<number> = []): void {
    this.#doubts.push(evidence(text, packets))
  }

  /** What was looked at, and what else there is to say. */
  note(text: string, packets: Iterable<number> = []): void {
    this.#notes.push(evidence(text, packets))
  }

  claim(id: ClaimId): Claim {
    const verdict = this.#faults.length > 0 ? 'fails' : this.#doubts.length > 0 ? 'unknown' : 'holds'
    const all = [...few(this.#faults), ...few(this.#doubts), ...few(this.#notes)]
    return { id, sentence: SENTENCES[id], verdict, evidence: all }
  }
}

/** A claim of which more was found out elsewhere. */
export function withMore(claim: Claim, more: Findings): Claim {
  const other = more.claim(claim.id)
  const both = [claim, other].sort((a, b) => WEIGHTS.indexOf(a.verdict) - WEIGHTS.indexOf(b.verdict))
  const [{ verdict }] = both as [Claim, Claim]
  return { ...claim, verdict, evidence: both.flatMap(({ evidence }) => evidence) }
}

/** The weightiest first, whose evidence is said before the other's. */
const WEIGHTS: readonly Claim['verdict'][] = ['fails', 'unknown', 'holds']

function few(all: readonly Evidence[]): Evidence[] {
  const left = all.length - MAX_EVIDENCE
  return left > 0 ? [...all.slice(0, MAX_EVIDENCE), evidence(`and ${left} more of this kind`)] : [...all]
}

/** `1 byte`, `1,234 frames` */
export function count(number: number, thing: string): string {
  return `${number.toLocaleString('en-US')} ${thing}${number === 1 ? '' : 's'}`
}
