import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { initAuthority, openAuthority } from '../../../src/auth/authority/authority.ts'
import { backupAuthority, restoreAuthority } from '../../../src/auth/authority/backup.ts'
import { moveRootKey, rotateIssuing } from '../../../src/auth/authority/rotation.ts'
import { issueOnBooks, serialOf } from '../../../src/auth/authority/store/entry.ts'
import { openStore } from '../../../src/auth/authority/store/open-store.ts'
import { readCrl } from '../../../src/auth/certificates/crl.ts'
import { publishList } from '../../../src/auth/server/lists.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

const { publicKey } = await testKey()

t.test(
  'M61: what is restored has keys, users, certificates and the audit, and its lists go on beyond those that peers have',
  async t => {
    const place = t.testdir({})
    const [one, two, file] = ['one', 'two', 'backup'].map(name => join(place, name)) as [string, string, string]
    await initAuthority(one, { org: 'example.org', bits: 2048 })
    await rotateIssuing(one)
    const authority = await openAuthority(one)
    const [signer] = authority.signers
    const store = await openStore(join(one, 'users.db'))
    t.teardown(() => store.close())
    await store.users.add('alice', 'hash')
    const chain = await issueOnBooks({ authority, store }, publicKey, 'alice')
    const serial = serialOf(chain[0] as Uint8Array)
    const before = await publishList(signer, store)
    t.strictSame(await backupAuthority(one, file), { hasStore: true, hasRootKey: true }, 'while it is in use')
    t.equal(statSync(file).mode & 0o777, 0o600)
    t.strictSame(readdirSync(place).sort(), ['backup', 'one'])
    await store.certificates.revoke(serial, 'keyCompromise')
    const missed = await publishList(signer, store, { now: new Date(Date.now() + 1000) })
    t.strictSame(await restoreAuthority(file, two, 'admin test'), { hasStore: true, hasRootKey: true })
    const restored = await openAuthority(two)
    t.equal(restored.issuing.fingerprint256, authority.issuing.fingerprint256)
    await using again = await openStore(join(two, 'users.db'))
    t.match(await again.users.get('alice'), { name: 'alice' })
    t.match(await again.certificates.get(serial), { name: 'alice', revoked: undefined })
    t.match(await again.audit.verify(), { intact: true })
    t.match((await again.audit.read(0)).at(-1)?.line, /"type":"restore"/)
    await again.certificates.revoke(serial, 'keyCompromise')
    const list = await publishList(signer, again, { now: new Date(Date.now() + 2000) })
    t.ok(list.number > missed.number && missed.number > before.number, `${list.number}`)
    t.match(readCrl(list.der, restored.issuing).entries, [{ serial }])
    for (const name of readdirSync(one).filter(each => !each.startsWith('users.db')))
      t.equal(readFileSync(join(two, name), 'utf8'), readFileSync(join(one, name), 'utf8'), name)
    for (const name of readdirSync(two).filter(each => /key|db/.test(each)))
      t.equal(statSync(join(two, name)).mode & 0o777, 0o600, name)
  }
)

t.test('a root key that is elsewhere, and a store that is, are not in it', async t => {
  const place = t.testdir({})
  const directory = join(place, 'ca')
  await initAuthority(directory, { org: 'example.org', bits: 2048, store: 'postgres://nobody@127.0.0.1:9/x' })
  await moveRootKey(directory, join(place, 'root.key'))
  const nothing = { hasStore: false, hasRootKey: false }
  t.strictSame(await backupAuthority(directory, join(place, 'backup')), nothing)
  t.strictSame(await restoreAuthority(join(place, 'backup'), join(place, 'two'), 'admin test'), nothing)
  t.ok((await openAuthority(join(place, 'two'))).issueLeaf(publicKey, 'alice'))
})

t.test('nothing is overwritten, and what is no backup is refused', async t => {
  const place = t.testdir({ file: 'text', half: {}, two: { 'root.crt': '' } })
  const directory = join(place, 'ca')
  await initAuthority(directory, { org: 'example.org', bits: 2048 })
  await t.rejects(backupAuthority(directory, join(place, 'file')), { code: 'ERR_SFT_EXISTS' })
  await t.rejects(backupAuthority(place, join(place, 'x')), { code: 'ERR_SFT_NOT_FOUND' })
  await t.rejects(backupAuthority(directory, join(place, 'no/x')), { code: 'ERR_SFT_FILE' })
  const backup = join(place, 'backup')
  await backupAuthority(directory, backup)
  await t.rejects(restoreAuthority(backup, directory, 'a'), { code: 'ERR_SFT_EXISTS' })
  await t.rejects(restoreAuthority(backup, join(place, 'two'), 'a'), { code: 'ERR_SFT_EXISTS' })
  const damaged = Buffer.from(readFileSync(backup))
  damaged.fill(0xff, 4096, 8192)
  writeFileSync(join(place, 'damaged'), damaged)
  writeFileSync(join(place, 'short'), damaged.subarray(0, 100))
  for (const name of ['file', 'damaged', 'short', 'ca/root.crt'])
    await t.rejects(restoreAuthority(join(place, name), join(place, 'new'), 'a'), { code: 'ERR_SFT_FILE' }, name)
  await t.rejects(restoreAuthority(join(place, 'none'), join(place, 'new'), 'a'), { code: 'ERR_SFT_NOT_FOUND' })
  t.notOk(existsSync(join(place, 'new/authority.json')))
})
