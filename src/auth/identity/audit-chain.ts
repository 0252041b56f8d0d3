import { createHash } from 'node:crypto'

/** Lines of JSON, each with the hash of the one before it (SPEC §4.7): what was changed, cut out, moved or added is found. */

/** What happened: a type such as `login` or `transfer`, and what is to be known of it; never a secret. */
export interface AuditEvent {
  readonly type: string
  readonly [field: string]: string | number | boolean | undefined
}

/** Where a chain ends. */
export interface ChainEnd {
  readonly seq: number
  /** SHA-256 of the last line in hex. */
  readonly hash: string
}

export const CHAIN_START: ChainEnd = { seq: 0, hash: '0'.repeat(64) }

/** Writes the next line, without its end of line, and says where the chain ends then. */
export function chainLine(
  last: ChainEnd,
  by: string,
  { type, ...fields }: AuditEvent
): { line: string; end: ChainEnd } {
  const seq = last.seq + 1
  const line = JSON.stringify({ seq, time: new Date().toISOString(), type, by, ...fields, prev: last.hash })
  return { line, end: { seq, hash: hashOf(line) } }
}

/** Takes the next line of a chain; says what is wrong with it otherwise. */
export function followChain(last: ChainEnd, line: string, seq = seqOf(line)): ChainEnd | string {
  if (seq !== last.seq + 1) return 'a line is missing'
  const fields = parse(line)
  if (fields?.seq !== seq) return 'a line was changed or moved'
  return fields.prev === last.hash ? { seq, hash: hashOf(line) } : 'this line, or the one before it, was changed'
}

/** The number and the predecessor that a line names; undefined for what is no such line. */
export function parseLink(line: string): { seq: number; prev: string } | undefined {
  const { seq, prev } = parse(line) ?? {}
  return typeof seq === 'number' && typeof prev === 'string' ? { seq, prev } : undefined
}

function seqOf(line: string): number | undefined {
  return parseLink(line)?.seq
}

function parse(line: string): { seq?: unknown; prev?: unknown } | undefined {
  try {
    return JSON.parse(line) as object
  } catch {
    // a line that is no JSON is a line that was changed
    return undefined
  }
}

export function hashOf(line: string): string {
  return createHash('sha256').update(line).digest('hex')
}
