import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type PeerIdentity, verifyPath } from '../../src/auth/certificates/path.ts'
import { type InboxOptions, openInbox } from '../../src/transfer/inbox.ts'
import { pattern } from '../fixtures/bytes.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

const organisation = await makeOrganisation()
const { chain, root, org } = await organisation.issue('alice')
const alice: PeerIdentity = verifyPath(chain, { root, org })

function inbox(t: Test, options: Partial<InboxOptions> = {}) {
  const directory = t.testdir({})
  return { directory, accept: openInbox(directory, { from: ['alice'], ...options }) }
}

const store = async (accept: ReturnType<typeof openInbox>, name: string, bytes: number, announced?: number) =>
  (await accept({ name, size: announced }, alice)).sink({ created: 0 })([pattern(bytes)])

const HOSTILE = [
  '',
  '.',
  '..',
  '/',
  '/etc/passwd',
  '../up',
  'a/b',
  'a/../b',
  './a',
  'a/',
  'a\0b',
  '.bashrc',
  '.ssh',
  '...',
  'a\nb',
  'a\rb',
  'a\tb',
  'a\u001b[31mb',
  'a\u0007',
  'a\u007f',
  'a\u0085b',
  'a\u009bb',
  '\u202egpj.exe',
  'a\u200bb',
  'a\u2066b',
  '\ufeffa',
  'a\u2028b',
  'a\u2029b',
  'x'.repeat(256),
  'é'.repeat(128)
]

t.test('M34: a name that is not one harmless path component is refused, and nothing is made', async t => {
  const { directory, accept } = inbox(t)
  for (const [i, name] of HOSTILE.entries()) {
    await t.rejects(accept({ name }, alice), { code: 'ERR_SFT_PUSH_REFUSED' }, `name ${i}`)
  }
  t.same(readdirSync(directory), [])
})

t.test('plain names are taken, in any script', async t => {
  const { directory, accept } = inbox(t)
  const names = ['report.pdf', 'Übersicht 2026.txt', '報告', '-rf', 'a b', "it's", '$HOME', 'x'.repeat(255)]
  for (const name of names) await store(accept, name, 10)
  t.same(readdirSync(directory).sort(), [...names].sort())
})

t.test('only the named senders', async t => {
  const { accept } = inbox(t, { from: ['carol'] })
  await t.rejects(accept({ name: 'x' }, alice), { code: 'ERR_SFT_SENDER' })
})

t.test('an existing file stays, unless force', async t => {
  const { directory, accept } = inbox(t)
  writeFileSync(join(directory, 'x'), 'old')
  await t.rejects(accept({ name: 'x' }, alice), { code: 'ERR_SFT_EXISTS' })
  t.match(await store(openInbox(directory, { from: ['alice'], force: true }), 'x', 10), { bytes: 10 })
  const renaming = openInbox(directory, { from: ['alice'], existing: 'rename' })
  t.match(await store(renaming, 'x', 11), { bytes: 11, renamed: 'x (1)' })
  t.match(await store(renaming, 'y', 11), { renamed: undefined })
  t.same(readdirSync(directory).sort(), ['x', 'x (1)', 'y'])
  t.throws(() => openInbox(directory, { from: ['alice'], existing: 'rename', force: true }), { code: 'ERR_SFT_USAGE' })
})

t.test('a file larger than allowed is refused by its announcement, and stopped without one', async t => {
  const { directory, accept } = inbox(t, { maxSize: 100 })
  await t.rejects(accept({ name: 'x', size: 101 }, alice), { code: 'ERR_SFT_LIMIT' })
  await t.rejects(store(accept, 'x', 101), { code: 'ERR_SFT_LIMIT' })
  await t.rejects(store(accept, 'x', 101, 5), { code: 'ERR_SFT_LIMIT' }, 'a lie about the size')
  t.same(readdirSync(directory), [])
  await store(accept, 'x', 100)
})

t.test('the total counts over all transfers, and a failed one gives back what it took', async t => {
  const { accept } = inbox(t, { maxTotal: 250, maxSize: 200 })
  await store(accept, 'a', 100)
  await t.rejects(store(accept, 'b', 201), { code: 'ERR_SFT_LIMIT' })
  await store(accept, 'c', 150)
  await t.rejects(accept({ name: 'd', size: 1 }, alice), { code: 'ERR_SFT_LIMIT' })
  await store(accept, 'e', 0)
})
