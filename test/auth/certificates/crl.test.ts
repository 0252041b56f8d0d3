import { randomBytes, X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import type { Issuer } from '../../../src/auth/certificates/certificate.ts'
import { MAX_CRL, type RevocationList, readCrl, signCrl } from '../../../src/auth/certificates/crl.ts'
import { encodePem } from '../../../src/auth/certificates/pem.ts'
import { edited, edits, fuzz } from '../../fixtures/fuzz.ts'
import { openssl } from '../../fixtures/openssl.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'

const HOUR = 3_600_000
const second = (time: number): Date => new Date(Math.floor(time / 1000) * 1000)
const now = second(Date.now())

const organisation = await makeOrganisation()
const { issuing, root } = organisation
/** Of the same names, with another key. */
const { issuing: other } = await makeOrganisation()

function listOf(fields: Partial<RevocationList> = {}): RevocationList {
  return { number: 7, thisUpdate: now, nextUpdate: new Date(now.getTime() + 24 * HOUR), entries: [], ...fields }
}

const entry = (serial: string, fields: object = {}) =>
  ({ serial, at: now, reason: 'unspecified', ...fields }) as RevocationList['entries'][number]

t.test('reads what it signs', async t => {
  const lists = [
    listOf(),
    listOf({ number: 0, entries: [entry('5f01')] }),
    listOf({ number: 2 ** 31 - 1, thisUpdate: second(Date.UTC(2049, 11, 31, 23, 59, 59)) }),
    listOf({ nextUpdate: second(Date.UTC(2050, 0, 1)) }),
    listOf({ entries: [entry('01', { reason: 'keyCompromise' }), entry('7f', { reason: 'certificateHold' })] })
  ]
  for (const list of lists) t.strictSame(readCrl(signCrl(list, issuing), issuing.certificate), list)
})

t.test('A21: openssl takes a certificate that is not on the list, and refuses one that is', async t => {
  const directory = t.testdir()
  const leaf = new X509Certificate((await organisation.issue('alice')).chain[0] as Uint8Array)
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text)
    return join(directory, name)
  }
  const trusted = file('root.pem', root.toString())
  const between = file('issuing.pem', issuing.certificate.toString())
  const alice = file('alice.pem', leaf.toString())
  const verifies = (entries: RevocationList['entries']): string => {
    const list = file('list.pem', encodePem('X509 CRL', signCrl(listOf({ entries }), issuing)))
    const args = ['-CAfile', trusted, '-untrusted', between, '-CRLfile', list, '-crl_check', alice]
    return openssl(['verify', ...args]).text
  }
  t.match(verifies([]), /alice\.pem: OK/)
  t.match(verifies([entry('0102')]), /alice\.pem: OK/)
  t.match(verifies([entry('01'), entry(leaf.serialNumber.toLowerCase())]), /certificate revoked/)
  const { text } = openssl(['crl', '-in', join(directory, 'list.pem'), '-noout', '-text'])
  t.match(text, /X509v3 CRL Number:\s+7\s/)
  t.match(text, /Authority Key Identifier/)
  t.match(text, /CRL Reason Code:\s+Unspecified/i)
})

t.test('refuses the list of another CA, and one that was changed anywhere', async t => {
  const der = signCrl(listOf({ entries: [entry('01'), entry('02', { reason: 'superseded' })] }), issuing)
  t.throws(() => readCrl(der, other.certificate), { code: 'ERR_SFT_CRL' })
  for (let at = 0; at < der.byteLength; at++) {
    const changed = Uint8Array.from(der)
    changed[at] = (changed[at] as number) ^ 1
    t.throws(() => readCrl(changed, issuing.certificate), { code: 'ERR_SFT_CRL' }, `byte ${at}`)
  }
  for (const size of [0, 1, 20, der.byteLength - 1]) {
    t.throws(() => readCrl(der.subarray(0, size), issuing.certificate), { code: 'ERR_SFT_CRL' }, `${size} bytes`)
  }
  t.throws(() => readCrl(Buffer.concat([der, Buffer.alloc(1)]), issuing.certificate), { code: 'ERR_SFT_CRL' })
})

t.test('refuses what its own CA signed in another form', async t => {
  const key = issuing.privateKey
  const good = signCrl(listOf(), issuing)
  // same subject and key, another organisation's name in the list
  const renamed = { certificate: other.certificate, privateKey: key } as Issuer
  t.throws(() => readCrl(signCrl(listOf(), renamed), issuing.certificate), { code: 'ERR_SFT_CRL' }, 'another key id')
  t.throws(
    () => readCrl(signCrl(listOf({ number: 2 ** 31 }), issuing), issuing.certificate),
    { code: 'ERR_SFT_CRL' },
    'a number that is too large'
  )
  t.strictSame(readCrl(good, issuing.certificate).entries, [])
})

t.test('a list has a largest size, which is far from a day of an organisation', async t => {
  const entries = (count: number) =>
    Array.from({ length: count }, () => entry(`5${randomBytes(16).toString('hex').slice(1)}`))
  const many = entries(20_000)
  t.strictSame(readCrl(signCrl(listOf({ entries: many }), issuing), issuing.certificate).entries, many)
  t.throws(() => signCrl(listOf({ entries: entries(30_000) }), issuing), { code: 'ERR_SFT_LIMIT' })
  t.throws(() => readCrl(new Uint8Array(MAX_CRL + 1), issuing.certificate), { code: 'ERR_SFT_CRL' })
})

t.test('whatever comes, it is a list or ERR_SFT_CRL', async t => {
  const der = signCrl(listOf({ entries: [entry('01'), entry('02')] }), issuing)
  const certificate: X509Certificate = issuing.certificate
  const input = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    edits.map(each => edited(der, each))
  )
  await fuzz(t, 1, input, async bytes => {
    try {
      readCrl(bytes, certificate)
      return Buffer.compare(bytes, der) === 0
    } catch (error) {
      return (error as { code?: string }).code === 'ERR_SFT_CRL'
    }
  })
})
