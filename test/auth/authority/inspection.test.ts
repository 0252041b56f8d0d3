import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { initAuthority, openAuthority } from '../../../src/auth/authority/authority.ts'
import { inspectAuthority } from '../../../src/auth/authority/inspection.ts'
import { moveRootKey, rotateIssuing } from '../../../src/auth/authority/rotation.ts'
import { openStore } from '../../../src/auth/authority/store/open-store.ts'
import { publishList } from '../../../src/auth/server/lists.ts'

t.test('says what an authority consists of, without its keys', async t => {
  const place = t.testdir({})
  const directory = join(place, 'ca')
  await initAuthority(directory, { org: 'example.org', bits: 2048, passphrase: Buffer.from('secret') })
  const first = await inspectAuthority(directory)
  t.match(first, { org: 'example.org', hasRootKey: true, exposed: [], store: 'SQLite', users: 0, listUntil: undefined })
  await rotateIssuing(directory, { passphrase: async () => Buffer.from('secret') })
  await moveRootKey(directory, join(place, 'root.key'))
  const { signers } = await openAuthority(directory, { passphrase: async () => Buffer.from('secret') })
  {
    await using store = await openStore(join(directory, 'users.db'))
    await store.users.add('alice', 'hash')
    await publishList(signers[0], store)
  }
  chmodSync(join(directory, 'issuing.key'), 0o644)
  const later = await inspectAuthority(directory)
  t.match(later, { hasRootKey: false, users: 1, exposed: [join(directory, 'issuing.key')] })
  t.not(later.issuing.fingerprint256, first.issuing.fingerprint256, 'the one that issues now')
  t.ok((later.listUntil?.getTime() ?? 0) > Date.now() + 23 * 3_600_000)
})

t.test('nothing there, and a store that can not be reached, are errors', async t => {
  const place = t.testdir({})
  await t.rejects(inspectAuthority(place), { code: 'ERR_SFT_NOT_FOUND' })
  const directory = join(place, 'ca')
  await initAuthority(directory, { org: 'example.org', bits: 2048, store: 'postgres://nobody@127.0.0.1:9/x' })
  await t.rejects(inspectAuthority(directory), { code: 'ERR_SFT_STORE' })
})
