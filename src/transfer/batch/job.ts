import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { SftError } from '../../streams/errors.ts'
import { isPeerAddress } from '../address.ts'
import { receivedName } from '../output.ts'

/** What a batch is given to do (SPEC §8.10): one send or one get, as a line of JSON says it. */

interface AnyJob {
  /** Names the job in its queue, 1 to 128 printable characters of ASCII. Default: a hash of what the job is. */
  readonly key?: string | undefined
  /** A directory, with all that is in it, or what `exclude` and `include` leave of it. Default false. */
  readonly recursive?: boolean | undefined
  readonly exclude?: readonly string[] | undefined
  readonly include?: readonly string[] | undefined
  /** Connections, 1 (default) to 16. */
  readonly streams?: number | undefined
}

export interface SendJob extends AnyJob {
  /** Path of what is sent. */
  readonly send: string
  /** `NAME@HOST:PORT`; or `NAME` or `NAME:`, where somebody says where that is. */
  readonly to: string
  /** What the receiver is told; default: the last component of the path. */
  readonly name?: string | undefined
}

export interface GetJob extends AnyJob {
  /** Path below what the peer serves. */
  readonly get: string
  /** As `to`. */
  readonly from: string
  /** Where it goes; default: `received_` and the last component of the path, in the current directory. */
  readonly output?: string | undefined
  /** Replaces what has this name. Default false. */
  readonly force?: boolean | undefined
  /** Takes another name when it is taken. Default false. */
  readonly rename?: boolean | undefined
}

export type Job = SendJob | GetJob

/** A job as it is kept: with its key, absolute paths, and its fields in one order. */
export type KeyedJob = Job & { readonly key: string }

/** Bytes of a job as JSON. */
export const MAX_JOB = 64 * 1024
const MAX_PATH_BYTES = 4096
const MAX_STREAMS = 16
const PEER = /^[a-z0-9][a-z0-9._-]{0,31}:?$/
const KEY = /^[\x21-\x7e]{1,128}$/

type Keyless = Omit<SendJob, 'key'> | Omit<GetJob, 'key'>
type Fields = Readonly<Record<string, unknown>>
type Check = (value: unknown) => boolean
const text: Check = value => typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= MAX_PATH_BYTES
const flag: Check = value => typeof value === 'boolean'
const peer: Check = value => typeof value === 'string' && (PEER.test(value) || isPeerAddress(value))
const patterns: Check = value => Array.isArray(value) && value.every(text)
const streams: Check = value => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_STREAMS
const key: Check = value => typeof value === 'string' && KEY.test(value)

const ANY = { key, recursive: flag, exclude: patterns, include: patterns, streams }
const SEND = new Map<string, Check>(Object.entries({ send: text, to: peer, name: text, ...ANY }))
const GET = new Map<string, Check>(
  Object.entries({ get: text, from: peer, output: text, force: flag, rename: flag, ...ANY })
)

/** @throws SftError ERR_SFT_USAGE for what is no job: a field that is missing, unknown or of another kind. */
export function keyedJob(value: unknown): KeyedJob {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refused('a job is an object')
  const fields = value as Fields
  requireFields(fields)
  requireSense(fields)
  const job = withKey(fields as unknown as Job)
  if (Buffer.byteLength(JSON.stringify(job)) > MAX_JOB) throw refused(`a job has at most ${MAX_JOB} bytes`)
  return job
}

/** Whom it is with, and whether he receives or serves. */
export function peerOf(job: Job): { peer: string; kind: 'receive' | 'serve' } {
  return 'send' in job ? { peer: job.to, kind: 'receive' } : { peer: job.from, kind: 'serve' }
}

function requireFields(fields: Fields): void {
  const sends = 'send' in fields
  if (sends === 'get' in fields) throw refused('a job has either send or get')
  for (const name of sends ? ['send', 'to'] : ['get', 'from'])
    if (fields[name] === undefined) throw refused(`${name} is missing`)
  for (const [name, given] of Object.entries(fields)) {
    const check = (sends ? SEND : GET).get(name)
    if (!check) throw refused(`${JSON.stringify(name.slice(0, 40))} is no field of such a job`)
    if (given !== undefined && !check(given)) throw refused(`${name} can not be that`)
  }
}

function requireSense({ recursive, exclude, include, force, rename }: Fields): void {
  if (!recursive && (exclude !== undefined || include !== undefined))
    throw refused('exclude and include belong to recursive')
  if (force && rename) throw refused('force and rename exclude each other')
}

/** The same job has the same key wherever its list is read. */
function withKey({ key, ...given }: Job): KeyedJob {
  const whole = 'send' in given ? withSource(given) : withOutput(given)
  const fields = Object.entries(whole).filter(([, value]) => value !== undefined && value !== false)
  const job = Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1))) as unknown as Keyless
  const derived = createHash('sha256').update(JSON.stringify(job)).digest('hex').slice(0, 32)
  return { key: key ?? derived, ...job }
}

function withSource(job: Omit<SendJob, 'key'>): Keyless {
  return { ...job, send: resolve(job.send) }
}

function withOutput(job: Omit<GetJob, 'key'>): Keyless {
  return { ...job, output: resolve(job.output ?? receivedName(job.get)) }
}

function refused(message: string): SftError {
  return new SftError('ERR_SFT_USAGE', message)
}
