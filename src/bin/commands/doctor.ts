import { X509Certificate } from 'node:crypto'
import { availableParallelism } from 'node:os'
import type { Command } from 'commander'
import type { KnownList } from '../../index.ts'
import { directoryOf } from '../directory.ts'
import { freshenLists } from '../keep-current.ts'
import { print, printable } from '../terminal.ts'

const DAY_MS = 86_400_000
/** How long before the end of an authority's certificate its members hear of it: a new one takes people, not a command. */
const CA_WARNING_MS = 30 * DAY_MS
/** Seconds by which clocks may differ (SPEC §4.3). */
const MAX_CLOCK_S = 300

interface Member {
  readonly name: string
  readonly org: string
  readonly certificates: readonly Ending[]
  /** Of who has an auth server. */
  readonly revocationList?: { readonly until: string | null; readonly state: 'good' | 'over' | 'none' }
  readonly authServer?: AuthServer
  /** Paths of secrets that others can read. */
  readonly exposed: readonly string[]
}

interface AuthServer {
  readonly url: string
  /** Seconds by which its clock is ahead of ours; null when it can not be asked. */
  readonly clockAhead: number | null
  readonly problem?: string
}

interface Ending {
  readonly of: 'you' | 'issuing authority' | 'root'
  /** ISO 8601. */
  readonly notAfter: string
  readonly state: 'good' | 'ends soon' | 'ended'
}

/** `sft doctor`: what this machine brings along, who one is on it, and what is about to end. */
export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('check this machine and your identity')
    .option('--json', 'as one JSON object')
    .action(doctor)
}

async function doctor(options: { json?: boolean }): Promise<void> {
  const { SftError } = await import('../../index.ts')
  const machine = await examine()
  const identity = await ownIdentity().catch((fault: unknown) => {
    if (SftError.is(fault)) return fault
    throw fault
  })
  const broken = SftError.is(identity) ? identity : undefined
  const member = SftError.is(identity) ? null : identity
  await print(options.json ? `${JSON.stringify({ ...machine, identity: member })}\n` : inWords(machine, member))
  if (broken) throw broken
  if (member) await raise(member)
}

/** What has to be done first; what ends soon is said, and no failure. */
async function raise({ certificates, revocationList, authServer, exposed }: Member): Promise<void> {
  const { SftError } = await import('../../index.ts')
  const off = authServer?.clockAhead ?? 0
  if (Math.abs(off) > MAX_CLOCK_S)
    throw new SftError('ERR_SFT_CERT_EXPIRED', `the clock of this machine is ${inSeconds(off)} the auth server's`, {
      hint: 'set the clock'
    })
  const ended = certificates.find(({ state }) => state === 'ended')
  if (ended)
    throw new SftError('ERR_SFT_CERT_EXPIRED', `the certificate of ${ended.of} has expired`, { hint: remedy(ended) })
  const [path] = exposed
  if (path !== undefined)
    throw new SftError('ERR_SFT_FILE', 'the private key is open to group or others', { hint: `chmod 600 ${path}` })
  if (revocationList && revocationList.state !== 'good')
    throw new SftError('ERR_SFT_CRL', 'no revocation list is known that is still good', {
      hint: 'is the auth server reachable?'
    })
}

type Machine = Awaited<ReturnType<typeof examine>>

async function examine() {
  const { aeadBackend } = await import('../../index.ts')
  const { node, openssl } = process.versions
  return { node, openssl, aead: aeadBackend(), processors: availableParallelism() }
}

/** `null` when there is none. */
async function ownIdentity(): Promise<Member | null> {
  const { dataDirectory, exposedFiles, ownList, readOrigin, readPublicIdentity } = await import('../../index.ts')
  const directory = dataDirectory(process.env)
  const origin = await readOrigin(directory)
  if (origin === undefined) return null
  const identity = await readPublicIdentity(directory)
  const { name, org, chain, root } = identity
  const [leaf, ...authorities] = chain.map(der => new X509Certificate(der))
  // a certificate of an organisation of one is renewed whenever it is used
  const own = leaf && !origin.embedded ? [ending('you', leaf, 0)] : []
  const issuing = authorities.map(each => ending('issuing authority', each, CA_WARNING_MS))
  const certificates = [...own, ...issuing, ending('root', root, CA_WARNING_MS)]
  const exposed = await exposedFiles(directory)
  if (origin.authUrl === undefined) return { name, org, certificates, exposed }
  const authServer = await askServer(root, origin.authUrl)
  await freshenLists(identity)
  return { name, org, certificates, revocationList: listOf(ownList(identity)), authServer, exposed }
}

function listOf(known: KnownList | undefined): NonNullable<Member['revocationList']> {
  if (known === undefined) return { until: null, state: 'none' }
  const { nextUpdate } = known.list
  return { until: nextUpdate.toISOString(), state: nextUpdate.getTime() > Date.now() ? 'good' : 'over' }
}

async function askServer(root: X509Certificate, url: string): Promise<AuthServer> {
  const { clockOffset } = await import('../../index.ts')
  try {
    return { url, clockAhead: Math.round((await clockOffset(root, directoryOf(url))) / 1000) }
  } catch (error) {
    return { url, clockAhead: null, problem: (error as Error).message }
  }
}

function ending(of: Ending['of'], { validToDate }: X509Certificate, warning: number): Ending {
  const left = validToDate.getTime() - Date.now()
  const state = left < 0 ? 'ended' : left < warning ? 'ends soon' : 'good'
  return { of, notAfter: validToDate.toISOString(), state }
}

function inWords({ node, openssl, aead, processors }: Machine, member: Member | null): string {
  const lines = [
    `Node.js ${node}, OpenSSL ${openssl}`,
    `cipher: ${aead.reason === undefined ? aead.name : `${aead.name} (native: ${aead.reason})`}`,
    `processors: ${processors}`,
    `identity: ${member ? `${member.name} in ${member.org}` : 'none'}`,
    ...(member?.certificates ?? []).map(each => `certificate of ${each.of}: until ${each.notAfter}${warningFor(each)}`),
    ...(member ? standingOf(member) : [])
  ]
  return lines.map(line => `${printable(line)}\n`).join('')
}

function standingOf({ revocationList: list, authServer, exposed }: Member): string[] {
  const lines = exposed.map(path => `permissions: ${path} is open to group or others`)
  if (list)
    lines.push(
      `revocation list: ${list.until === null ? 'none' : `until ${list.until}`}${list.state === 'over' ? ', over' : ''}`
    )
  if (authServer === undefined) return lines
  const { url, clockAhead, problem } = authServer
  if (clockAhead === null) return [...lines, `auth server: ${url}: ${problem}`]
  return [
    ...lines,
    `auth server: ${url}`,
    `clock: ${clockAhead === 0 ? 'as' : inSeconds(clockAhead)} the auth server's`
  ]
}

/** Of a clock beside which the server's is ahead. */
function inSeconds(ahead: number): string {
  return `${Math.abs(ahead)} s ${ahead > 0 ? 'behind' : 'ahead of'}`
}

function warningFor(ending: Ending): string {
  return ending.state === 'good' ? '' : `, ${ending.state}: ${remedy(ending)}`
}

function remedy({ of }: Ending): string {
  return of === 'you' ? 'sft login gets a new one' : 'the authority has to make a new one'
}
