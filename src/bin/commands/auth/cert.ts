import { X509Certificate } from 'node:crypto'
import { type Command, Option } from 'commander'
import type { RevocationReason, StoredCertificate } from '../../../index.ts'
import { print } from '../../terminal.ts'
import { type DoneFlags, sayDone, withAuthority, withJson, withStore } from './store.ts'

/** All but the hold, which is the state of a user who is disabled. */
const REASONS = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'privilegeWithdrawn'
] as const satisfies readonly RevocationReason[]

interface ListFlags extends DoneFlags {
  user?: string
  all?: boolean
}

interface RevokeFlags extends DoneFlags {
  reason: RevocationReason
}

/** `sft auth cert …`: the certificates that were issued to users. */
export function registerCertificates(auth: Command): void {
  const cert = auth.command('cert').description('the certificates of users')
  withAuthority(cert.command('list'))
    .description('list those that are not over, the latest first')
    .option('--user <name>', 'of this user only')
    .option('--all', 'also those that are over')
    .option('--json', 'as JSON lines')
    .action(list)
  withAuthority(cert.command('show').argument('<serial>'))
    .description('print one: what is known of it, and the PEM')
    .option('--json', 'as one JSON object')
    .action(show)
  withJson(withAuthority(cert.command('revoke').argument('<serial>')))
    .description('revoke one for good')
    .addOption(new Option('--reason <reason>', 'as RFC 5280 calls it').choices(REASONS).default('unspecified'))
    .action(revoke)
}

async function list(options: ListFlags): Promise<void> {
  const filter = { name: options.user, activeAt: options.all ? undefined : new Date() }
  const certificates = await withStore(options, store => store.certificates.list(filter))
  const lines = certificates.map(each => (options.json ? JSON.stringify(fieldsOf(each)) : inWords(each)))
  await print(lines.map(line => `${line}\n`).join(''))
}

async function show(serial: string, options: ListFlags): Promise<void> {
  const { SftError } = await import('../../../index.ts')
  const found = await withStore(options, store => store.certificates.get(serial.toLowerCase()))
  if (!found) throw new SftError('ERR_SFT_NOT_FOUND', 'there is no certificate of this serial number')
  const pem = new X509Certificate(found.der).toString()
  await print(options.json ? `${JSON.stringify({ ...fieldsOf(found), pem })}\n` : `${inWords(found)}\n${pem}`)
}

async function revoke(serial: string, options: RevokeFlags): Promise<void> {
  const { reason } = options
  const lower = serial.toLowerCase()
  await withStore(options, store => store.certificates.revoke(lower, reason))
  const sentence = `revoked ${lower}; a server that runs signs the list within seconds`
  await sayDone(options, sentence, { done: 'cert.revoke', serial: lower, reason })
}

function fieldsOf({ serial, name, issuer, notBefore, notAfter, revoked }: StoredCertificate) {
  const state = revoked && { at: revoked.at.toISOString(), reason: revoked.reason }
  return {
    serial,
    name,
    issuer,
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    revoked: state ?? null
  }
}

function inWords({ serial, name, notAfter, revoked }: StoredCertificate): string {
  const state = revoked ? `, revoked ${revoked.at.toISOString()}: ${revoked.reason}` : ''
  return `${serial}  ${name}  until ${notAfter.toISOString()}${state}`
}
