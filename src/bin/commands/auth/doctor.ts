import type { Command } from 'commander'
import type { AuthorityInspection } from '../../../index.ts'
import { print, printable } from '../../terminal.ts'
import { type StoreFlags, withAuthority } from './store.ts'

const DAY_MS = 86_400_000
/** How long before the end of a CA its keepers hear of it. */
const WARNING_MS = 30 * DAY_MS
/** An end that is this near is a failure: members can not all be reached in less. */
const ALARM_MS = 14 * DAY_MS

/** `sft auth doctor`: what an authority consists of, and what is about to go wrong. */
export function registerAuthDoctor(auth: Command): void {
  withAuthority(auth.command('doctor'))
    .description('check the authority: its certificates, keys, store and revocation list')
    .option('--json', 'as one JSON object')
    .action(doctor)
}

async function doctor(options: StoreFlags & { json?: boolean }): Promise<void> {
  const { inspectAuthority } = await import('../../../index.ts')
  const found = await inspectAuthority(options.dir)
  await print(options.json ? inJson(found) : inWords(found))
  await raise(found)
}

async function raise({ root, issuing, exposed, listUntil }: AuthorityInspection): Promise<void> {
  const { SftError } = await import('../../../index.ts')
  const [path] = exposed
  if (path !== undefined)
    throw new SftError('ERR_SFT_FILE', `${path} is open to group or others`, { hint: `chmod 600 ${path}` })
  for (const [name, { validToDate }, hint] of [
    ['issuing CA', issuing, 'sft auth ca rotate'],
    ['root', root, 'a new authority: sft auth init']
  ] as const)
    if (validToDate.getTime() - Date.now() < ALARM_MS)
      throw new SftError('ERR_SFT_CERT_EXPIRED', `the ${name} ends within 14 days`, { hint })
  if (listUntil !== undefined && listUntil.getTime() < Date.now())
    throw new SftError('ERR_SFT_CRL', 'the revocation list is over, and peers refuse each other', {
      hint: 'is the auth server running?'
    })
}

function inJson({ root, issuing, listUntil, ...rest }: AuthorityInspection): string {
  const ends = { root: root.validToDate.toISOString(), issuing: issuing.validToDate.toISOString() }
  return `${JSON.stringify({ ...rest, ends, listUntil: listUntil?.toISOString() ?? null })}\n`
}

function inWords({ org, root, issuing, hasRootKey, store, users, listUntil, exposed }: AuthorityInspection): string {
  const lines = [
    `authority: ${org}`,
    `certificate of root: ${ending(root.validToDate)}`,
    `certificate of issuing CA: ${ending(issuing.validToDate)}`,
    `key of root: ${hasRootKey ? 'here; sft auth ca offline-root moves it away' : 'elsewhere'}`,
    `store: ${store}, ${users} user${users === 1 ? '' : 's'}`,
    `revocation list: ${listUntil === undefined ? 'none yet' : `until ${listUntil.toISOString()}`}`,
    ...exposed.map(path => `permissions: ${path} is open to group or others`)
  ]
  return lines.map(line => `${printable(line)}\n`).join('')
}

function ending(date: Date): string {
  const soon = date.getTime() - Date.now() < WARNING_MS ? ', ends soon' : ''
  return `until ${date.toISOString()}${soon}`
}
