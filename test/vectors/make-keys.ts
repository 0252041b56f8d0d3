import { generateKeyPairSync, type X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { type CertificateFields, type Issuer, issue, selfSign } from '../../src/auth/certificates/certificate.ts'
import type { KeyPair } from '../../src/auth/certificates/keys.ts'
import { identityUri } from '../../src/auth/certificates/names.ts'
import {
  EXTENSION,
  type Extension,
  issuingExtensions,
  leafExtensions,
  rootExtensions,
  serverExtensions
} from '../../src/auth/certificates/profile.ts'

/**
 * Makes the keys and certificates that the vectors are built from: `node test/vectors/make-keys.ts`, run once. TEST KEYS: they are public, they
 * protect nothing, and they stand as DER in base64 so that no scanner takes them for more. A new run changes every vector.
 */

const ORG = 'vectors.example'
const FROM = new Date('2020-01-01T00:00:00Z')
const UNTIL = new Date('2120-01-01T00:00:00Z')

const key = (): KeyPair => generateKeyPairSync('rsa', { modulusLength: 2048 })
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

interface LeafOptions {
  uri?: string
  commonName?: string
  notBefore?: Date
  notAfter?: Date
  extensions?: readonly Extension[]
}

function leaf(name: string, owner: KeyPair, issuer: Issuer, options: LeafOptions = {}): X509Certificate {
  const { uri = identityUri(ORG, name), commonName = name, notBefore = FROM, notAfter = UNTIL } = options
  const extensions = options.extensions ?? leafExtensions(uri)
  return issue({ subject: { commonName }, publicKey: owner.publicKey, notBefore, notAfter, extensions }, issuer)
}

function authority(organisation: string): { root: Issuer; issuing: Issuer } {
  const [rootKey, issuingKey] = [key(), key()]
  const fields = (commonName: string, { publicKey }: KeyPair, extensions: readonly Extension[]): CertificateFields => ({
    subject: { organisation, commonName },
    publicKey,
    notBefore: FROM,
    notAfter: UNTIL,
    extensions
  })
  const root = selfSign(fields('sft root', rootKey, rootExtensions()), rootKey.privateKey)
  const rootIssuer: Issuer = { certificate: root, privateKey: rootKey.privateKey }
  const certificate = issue(fields('sft issuing', issuingKey, issuingExtensions()), rootIssuer)
  return { root: rootIssuer, issuing: { certificate, privateKey: issuingKey.privateKey } }
}

/** `correct` with one extension in the place of its own. */
function replaced(correct: readonly Extension[], other: readonly Extension[], id: string): Extension[] {
  return correct.map(each => other.find(found => found.id === id && each.id === id) ?? each)
}

const { root, issuing } = authority(ORG)
const strangers = authority(ORG)
const people = { alice: key(), bob: key(), carol: key() }
const { alice } = people
const correct = leafExtensions(identityUri(ORG, 'alice'))
const mallory = key()
const malloryIssuer: Issuer = { certificate: leaf('mallory', mallory, root), privateKey: mallory.privateKey }

const certificates = {
  root: root.certificate,
  issuing: issuing.certificate,
  alice: leaf('alice', alice, issuing),
  bob: leaf('bob', people.bob, issuing),
  carol: leaf('carol', people.carol, issuing),
  'alice by the root': leaf('alice', alice, root),
  'strange issuing': strangers.issuing.certificate,
  'strange alice': leaf('alice', alice, strangers.issuing),
  'self-signed alice': selfSign(
    {
      subject: { commonName: 'alice' },
      publicKey: alice.publicKey,
      notBefore: FROM,
      notAfter: UNTIL,
      extensions: correct
    },
    alice.privateKey
  ),
  mallory: malloryIssuer.certificate,
  'alice by mallory': leaf('alice', alice, malloryIssuer),
  'expired alice': leaf('alice', alice, issuing, { notAfter: new Date('2021-01-01T00:00:00Z') }),
  'future alice': leaf('alice', alice, issuing, { notBefore: new Date('2110-01-01T00:00:00Z') }),
  'alice for TLS': leaf('alice', alice, issuing, {
    extensions: replaced(correct, serverExtensions([]), EXTENSION.extendedKeyUsage)
  }),
  'alice as a CA': leaf('alice', alice, issuing, {
    extensions: replaced(correct, issuingExtensions(), EXTENSION.basicConstraints)
  }),
  'alice without EKU': leaf('alice', alice, issuing, {
    extensions: correct.filter(({ id }) => id !== EXTENSION.extendedKeyUsage)
  }),
  'alice with another CN': leaf('alice', alice, issuing, { commonName: 'bob' }),
  'alice of another organisation': leaf('alice', alice, issuing, { uri: identityUri('other.example', 'alice') })
}

const keys = Object.entries(people).map(([name, { privateKey }]) => [
  name,
  base64(privateKey.export({ type: 'pkcs8', format: 'der' }))
])
const file = {
  warning: 'TEST KEYS. Public, for the vectors of this directory only; they protect nothing.',
  org: ORG,
  keys: Object.fromEntries(keys),
  certificates: Object.fromEntries(Object.entries(certificates).map(([name, each]) => [name, base64(each.raw)]))
}
writeFileSync(new URL('keys/test-keys.json', import.meta.url), `${JSON.stringify(file, null, 2)}\n`)
