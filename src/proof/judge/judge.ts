import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { captureBytes, parseCapture } from '../capture/read.ts'
import { tallyOf } from '../conclusion.ts'
import { dissect } from '../dissect/dissect.ts'
import { CLAIMS, type Claim, type ClaimId, type Dissected, type Known, type Stray, type Verdict } from '../model.ts'
import { checkSize, PLAIN_LIMIT } from '../whole.ts'
import { Findings, withMore } from './claim.ts'
import { judgeConnections } from './connections.ts'
import { judgeContents } from './contents.ts'
import { controlsOf } from './controls.ts'
import { judgeFreshKeys } from './fresh-keys.ts'
import { judgeLogin } from './login.ts'
import { judgeNonces } from './nonces.ts'
import { sidesOf, sum } from './parts.ts'
import { picturesOf } from './pictures.ts'
import { judgeRandomness } from './randomness.ts'
import { judgeSizes } from './sizes.ts'

/** A capture judged (SPEC §15): read, dissected, every claim, the controls, and the pictures for the report. */

export interface JudgeOptions extends Known {
  /** What the verdict calls it; of a file, its name. */
  readonly name?: string
  /** Who judges, for the report. */
  readonly by?: string
}

/** A verdict, and what it was made of. */
export interface Judgement {
  readonly verdict: Verdict
  readonly connections: readonly Dissected[]
}

/**
 * Judges the capture in a file, of a source, or in memory (borrowed).
 *
 * @throws SftError ERR_SFT_LIMIT beyond 512 MiB, or 64 MiB of known files (M170); ERR_SFT_ENCODING for what is no capture, ERR_SFT_NOT_FOUND, ERR_SFT_FILE. A claim that
 * fails is no error: the verdict says it.
 */
export async function judge(
  source: string | AsyncIterable<Uint8Array> | Uint8Array,
  options: JudgeOptions = {}
): Promise<Judgement> {
  const known = { plain: options.plain ?? [], texts: options.texts ?? [] }
  checkSize(sum(known.plain.map(({ bytes }) => bytes.byteLength)), PLAIN_LIMIT)
  const bytes = source instanceof Uint8Array ? source : await captureBytes(source)
  const capture = parseCapture(bytes)
  const connections = dissect(capture)
  const claims = await judgeClaims(connections, known, capture.strays)
  const verdict = concluded({
    capture: {
      name: options.name ?? (typeof source === 'string' ? basename(source) : 'capture'),
      sha256: createHash('sha256').update(bytes).digest('hex'),
      packets: capture.packets,
      bytes: bytes.byteLength,
      ...(capture.began && { began: capture.began.toISOString() }),
      ...(capture.ended && { ended: capture.ended.toISOString() })
    },
    made: { at: new Date().toISOString(), by: options.by ?? 'sft' },
    claims,
    connections: picturesOf(connections),
    controls: await controlsOf(judgeClaims),
    steps: []
  })
  return { verdict, connections }
}

/** A verdict with what only a run can tell in the place of what the judge could not say. */
export function withRun(verdict: Verdict, claims: readonly Claim[], steps: Verdict['steps']): Verdict {
  const own = new Map(claims.map(claim => [claim.id, claim]))
  return concluded({ ...verdict, claims: verdict.claims.map(claim => own.get(claim.id) ?? claim), steps })
}

/** Whether it holds: no claim fails, every control was caught, and every command ended as it must (M179). */
function concluded(rest: Omit<Verdict, 'holds' | 'unjudged'>): Verdict {
  const { failed, unjudged, refused, strayed } = tallyOf(rest)
  return { ...rest, holds: failed === 0 && refused === rest.controls.length && strayed === 0, unjudged }
}

/** @param strays what is in no flow of the capture */
export async function judgeClaims(
  all: readonly Dissected[],
  known: Known,
  strays: readonly Stray[] = []
): Promise<Claim[]> {
  const { certificates, names, plaintext } = await judgeContents(all, known, strays)
  const claims: Record<ClaimId, Claim> = {
    connections: judgeConnections(all, strays),
    certificates,
    names,
    plaintext,
    randomness: judgeRandomness(all),
    sizes: judgeSizes(all, known),
    'fresh-keys': judgeFreshKeys(all),
    nonces: judgeNonces(all, known),
    login: judgeLogin(all, strays),
    'forward-secrecy': onlyOfRun(
      'forward-secrecy',
      'It takes the long-term keys: `sft proof run` has those of its own organisation.'
    ),
    replay: onlyOfRun('replay', 'It takes a receiver to send to: `sft proof run` has one.')
  }
  const nothing = sidesOf(all).length === 0 ? nothingToLookAt() : new Findings()
  return CLAIMS.map(id => withMore(claims[id], nothing))
}

/** What holds of nothing is no proof of anything (M173). */
function nothingToLookAt(): Findings {
  const findings = new Findings()
  findings.doubt('There is nothing to look at: no connection in the capture carried a byte.')
  return findings
}

function onlyOfRun(id: ClaimId, reason: string): Claim {
  const findings = new Findings()
  findings.doubt(reason)
  return findings.claim(id)
}
