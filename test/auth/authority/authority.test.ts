import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { initAuthority, openAuthority } from '../../../src/auth/authority/authority.ts'
import { isEncrypted } from '../../../src/auth/certificates/keys.ts'
import { verifyPath } from '../../../src/auth/certificates/path.ts'
import { openssl } from '../../fixtures/openssl.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

const FILES = ['authority.json', 'issuing.crt', 'issuing.key', 'root.crl', 'root.crt', 'root.key']
const org = 'example.org'
const passphrase = Buffer.from('correct horse')
const key = await testKey()

t.test('an authority certifies members', async t => {
  const directory = join(t.testdir(), 'ca')
  await initAuthority(directory, { org, bits: 2048 })
  t.strictSame(readdirSync(directory).sort(), FILES)
  t.equal(statSync(directory).mode & 0o777, 0o700)
  for (const name of ['root.key', 'issuing.key']) t.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name)
  rmSync(join(directory, 'root.key'))
  const authority = await openAuthority(directory)
  t.equal(authority.org, org)
  const chain = authority.issueLeaf(key.publicKey, 'alice')
  t.equal(verifyPath(chain, { root: authority.root, org, name: 'alice' }).name, 'alice', 'without the root key')
  const { text } = openssl(['verify', '-CAfile', join(directory, 'root.crt'), join(directory, 'issuing.crt')])
  t.match(text, /OK/)
})

t.test('a certificate lives as long as it is told', async t => {
  const directory = t.testdir()
  await initAuthority(directory, { org, bits: 2048 })
  const { issueLeaf, root, issuing } = await openAuthority(directory)
  const lifeOf = (ttl?: number): number =>
    verifyPath(issueLeaf(key.publicKey, 'a', ttl), { root, org }).notAfter.getTime()
  const now = Date.now()
  const day = 24 * 3600_000
  t.ok(Math.abs(lifeOf() - now - 10 * day) < day, 'ten days by default')
  t.ok(Math.abs(lifeOf(day) - now - day) < day / 2)
  t.equal(lifeOf(100 * 365 * day), issuing.validToDate.getTime(), 'never longer than the issuing CA')
})

t.test('its keys are under the passphrase', async t => {
  const directory = t.testdir()
  await initAuthority(directory, { org, bits: 2048, passphrase })
  for (const name of ['root.key', 'issuing.key']) t.ok(isEncrypted(readFileSync(join(directory, name), 'utf8')), name)
  t.ok(await openAuthority(directory, { passphrase: async () => passphrase }))
  await t.rejects(openAuthority(directory, { passphrase: async () => Buffer.from('x') }), {
    code: 'ERR_SFT_PASSPHRASE'
  })
  await t.rejects(openAuthority(directory), { code: 'ERR_SFT_SECRET_UNAVAILABLE' })
})

t.test('is never made over another, nor over a part of one', async t => {
  for (const name of FILES) {
    const directory = t.testdir({ [name]: 'x' })
    await t.rejects(initAuthority(directory, { org, bits: 2048 }), { code: 'ERR_SFT_EXISTS' }, name)
    t.strictSame(readdirSync(directory), [name])
  }
})

t.test('leaves nothing when it cannot be made', async t => {
  const directory = join(t.testdir(), 'ca')
  await t.rejects(initAuthority(directory, { org: 'Not An Organisation' }), { code: 'ERR_SFT_USAGE' })
  await t.rejects(initAuthority(directory, { org, bits: 1024 }), { code: 'ERR_SFT_USAGE' })
  await t.rejects(initAuthority(directory, { org, bits: 2048, passphrase: Buffer.alloc(0) }), { code: 'ERR_SFT_USAGE' })
  t.notOk(existsSync(join(directory, 'root.key')))
  await t.rejects(openAuthority(directory), { code: 'ERR_SFT_NOT_FOUND', hint: /sft auth init/ })
})

t.test('files that do not belong together are refused', async t => {
  const [one, two] = [join(t.testdir(), 'one'), join(t.testdir(), 'two')]
  await Promise.all([one, two].map(directory => initAuthority(directory, { org, bits: 2048 })))
  writeFileSync(join(one, 'issuing.key'), readFileSync(join(two, 'issuing.key')))
  await t.rejects(openAuthority(one), { code: 'ERR_SFT_FILE' }, 'a foreign key')
  writeFileSync(join(one, 'issuing.crt'), readFileSync(join(two, 'issuing.crt')))
  const authority = await openAuthority(one)
  t.throws(
    () => authority.issueLeaf(key.publicKey, 'alice'),
    { code: 'ERR_SFT_CERT_UNTRUSTED' },
    'a foreign issuing CA'
  )
  chmodSync(join(two, 'issuing.key'), 0o640)
  await t.rejects(openAuthority(two), { code: 'ERR_SFT_FILE' }, 'a key that the group can read')
  rmSync(join(two, 'issuing.key'))
  await t.rejects(openAuthority(two), { code: 'ERR_SFT_FILE' }, 'no key')
  for (const text of ['', '{}', '{"version":2,"org":"a"}', '{"version":1,"org":"A"}', 'null']) {
    writeFileSync(join(one, 'authority.json'), text)
    await t.rejects(openAuthority(one), { code: 'ERR_SFT_FILE' }, text)
  }
})
