import { readFileSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { hasClassicAuthority, initClassicAuthority, openClassicAuthority } from '../../../src/auth/classic/authority.ts'
import { makeClassicSystem } from '../../fixtures/classic.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

const passphrase = Buffer.from('of the root')

t.test('makes a root, once, its key private and encrypted', async t => {
  const directory = join(t.testdir(), 'ca')
  t.notOk(await hasClassicAuthority(directory))
  const { root, path } = await initClassicAuthority(directory, { passphrase, bits: 2048 })
  t.ok(await hasClassicAuthority(directory))
  t.equal(path, join(directory, 'root.crt'))
  t.equal((await stat(join(directory, 'root.key'))).mode & 0o777, 0o600)
  t.match(await readFile(join(directory, 'root.key'), 'utf8'), /BEGIN ENCRYPTED/)
  const opened = await openClassicAuthority(directory, async () => passphrase)
  t.equal(opened.certificate.fingerprint256, root.fingerprint256)
  await t.rejects(
    openClassicAuthority(directory, async () => Buffer.from('x')),
    { code: 'ERR_SFT_PASSPHRASE' }
  )
  await t.rejects(initClassicAuthority(directory, { bits: 2048 }), { code: 'ERR_SFT_EXISTS' })
  t.equal((await openClassicAuthority(directory, async () => passphrase)).certificate.serialNumber, root.serialNumber)
})

t.test('takes over the root of a system that there is', async t => {
  const data = new URL('../../data/classic/', import.meta.url)
  const certificate = readFileSync(new URL('root.crt', data))
  const key = readFileSync(new URL('root.key.der', data))
  const directory = join(t.testdir(), 'ca')
  await initClassicAuthority(directory, { adopt: { certificate, key } })
  const { certificate: root, privateKey } = await openClassicAuthority(directory)
  t.equal(root.toString(), certificate.toString())
  t.ok(root.checkPrivateKey(privateKey))

  const other = (await testKey()).privateKey.export({ type: 'pkcs8', format: 'pem' })
  const elsewhere = join(t.testdir(), 'ca2')
  const adopt = { certificate, key: Buffer.from(other) }
  await t.rejects(initClassicAuthority(elsewhere, { adopt }), { code: 'ERR_SFT_CERT_USAGE' })
  const leaf = (await (await makeClassicSystem()).issue('user1')).pem
  await t.rejects(initClassicAuthority(elsewhere, { adopt: { certificate: leaf, key } }), {
    code: 'ERR_SFT_CERT_USAGE'
  })
  await t.rejects(initClassicAuthority(elsewhere, { adopt: { certificate, key: Buffer.from('x') } }), {
    code: 'ERR_SFT_FILE'
  })
  await t.rejects(openClassicAuthority(elsewhere), { code: 'ERR_SFT_NOT_FOUND' })
})
