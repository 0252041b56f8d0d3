import { X509Certificate } from 'node:crypto'
import { availableParallelism } from 'node:os'
import type { Command } from 'commander'
import { print, printable } from '../terminal.ts'

const DAY_MS = 86_400_000
/** How long before the end of an authority's certificate its members hear of it: a new one takes people, not a command. */
const CA_WARNING_MS = 30 * DAY_MS

interface Member {
  readonly name: string
  readonly org: string
  readonly certificates: readonly Ending[]
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
  const ended = member?.certificates.find(({ state }) => state === 'ended')
  if (ended)
    throw new SftError('ERR_SFT_CERT_EXPIRED', `the certificate of ${ended.of} has expired`, { hint: remedy(ended) })
}

type Machine = Awaited<ReturnType<typeof examine>>

async function examine() {
  const { aeadBackend } = await import('../../index.ts')
  const { node, openssl } = process.versions
  return { node, openssl, aead: aeadBackend(), processors: availableParallelism() }
}

/** `null` when there is none. */
async function ownIdentity(): Promise<Member | null> {
  const { dataDirectory, readOrigin, readPublicIdentity } = await import('../../index.ts')
  const directory = dataDirectory(process.env)
  const origin = await readOrigin(directory)
  if (origin === undefined) return null
  const { name, org, chain, root } = await readPublicIdentity(directory)
  const [leaf, ...authorities] = chain.map(der => new X509Certificate(der))
  // a certificate of an organisation of one is renewed whenever it is used
  const own = leaf && !origin.embedded ? [ending('you', leaf, 0)] : []
  const issuing = authorities.map(each => ending('issuing authority', each, CA_WARNING_MS))
  return { name, org, certificates: [...own, ...issuing, ending('root', root, CA_WARNING_MS)] }
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
    ...(member?.certificates ?? []).map(each => `certificate of ${each.of}: until ${each.notAfter}${warningFor(each)}`)
  ]
  return lines.map(line => `${printable(line)}\n`).join('')
}

function warningFor(ending: Ending): string {
  return ending.state === 'good' ? '' : `, ${ending.state}: ${remedy(ending)}`
}

function remedy({ of }: Ending): string {
  return of === 'you' ? 'sft login gets a new one' : 'the authority has to make a new one'
}
