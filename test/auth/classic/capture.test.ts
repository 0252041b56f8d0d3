import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parseClassicRoot, verifyClassicCertificate } from '../../../src/auth/classic/certificate.ts'
import { formatLogin, openLogin, parseLogin } from '../../../src/auth/classic/login-message.ts'
import { classicMessages, encodeClassic } from '../../../src/auth/classic/wire.ts'
import { readCapture } from '../../../src/proof/capture/read.ts'
import type { Connection } from '../../../src/proof/model.ts'
import { collect, cut } from '../../fixtures/bytes.ts'
import { piecesOf } from '../../fixtures/pieces.ts'
import { followed, noTshark } from '../../fixtures/tshark.ts'

/** Golden: a real capture of the classic system (two logins, two transfers), every byte of it read and written again. */

const DATA = new URL('../../data/classic/', import.meta.url)
const CAPTURE = fileURLToPath(new URL('capture.pcap', DATA))
const root = parseClassicRoot(readFileSync(new URL('root.crt', DATA)))
const rootKey = createPrivateKey({ key: readFileSync(new URL('root.key.der', DATA)), format: 'der', type: 'pkcs1' })
/** When it was taken: certificates and root were valid. */
const THEN = new Date('2020-11-18T19:00:00Z')

const { connections } = await readCapture(CAPTURE)
const [login1, login3, transfer1, transfer3] = connections as [Connection, Connection, Connection, Connection]

/** All that one side sent. */
function sent({ up, down }: Connection, by: 'dialler' | 'dialled'): Buffer {
  return Buffer.from(by === 'dialler' ? up.bytes : down.bytes)
}

t.test('the capture has two logins and two transfers', t => {
  t.same(
    connections.map(({ dialler, listener }) => [dialler, listener]),
    [
      ['127.0.0.1:55990', '127.0.0.1:12565'],
      ['127.0.0.1:55992', '127.0.0.1:12565'],
      ['127.0.0.1:56686', '127.0.0.1:1991'],
      ['127.0.0.1:59594', '127.0.0.1:1990']
    ]
  )
  t.end()
})

t.test('tshark takes the same bytes out of it', { skip: noTshark }, t => {
  for (const [index, connection] of connections.entries()) {
    const { up, down } = followed(CAPTURE, index)
    t.equal(up, sent(connection, 'dialler').toString('hex'))
    t.equal(down, sent(connection, 'dialled').toString('hex'))
  }
  t.end()
})

for (const [stream, name, password] of [
  [login1, 'user1', 'password1'],
  [login3, 'user3', 'password3']
] as const) {
  t.test(`the login of ${name}`, t => {
    const [head, body] = splitHttp(sent(stream, 'dialler'))
    t.match(head, /^POST \/verify HTTP\/1\.1\r\n/)
    const login = parseLogin(body)
    if (login === undefined) throw new Error('not a login')
    t.same(openLogin(rootKey, login.payload), { name, password })
    t.equal(formatLogin(login), body.toString('latin1'), 'written again, the same bytes')

    const [answer, pem] = splitHttp(sent(stream, 'dialled'))
    t.match(answer, /^HTTP\/1\.0 200 OK\r\n(.*\r\n)*Content-Type: text\/plain; charset=utf-8/)
    t.equal(pem.byteLength, 1554)
    const { alias, publicKey, certificate } = verifyClassicCertificate(pem, { root, now: THEN })
    t.equal(alias, name)
    t.ok(publicKey.equals(login.publicKey), 'the key that came with the login')
    t.equal(certificate.toString(), pem.toString('latin1'), 'written again, the same bytes')
    t.same(certificate.issuer, root.subject)
    t.equal(certificate.subject, `C=US\nST=USA\nL=New York\nO=SLWW\nCN=${name}`)
    t.equal(certificate.validToDate.getTime() - certificate.validFromDate.getTime(), 10 * 24 * 3600 * 1000)
    t.end()
  })
}

t.test('the fields of both certificates and of the root', t => {
  const [, first] = splitHttp(sent(login1, 'dialled'))
  const [, third] = splitHttp(sent(login3, 'dialled'))
  t.match(new X509Certificate(first), {
    serialNumber: '10DAA0CB6AF469A610FD717914C7F3FD06030901',
    validFrom: 'Nov 18 18:45:51 2020 GMT',
    validTo: 'Nov 28 18:45:51 2020 GMT',
    fingerprint: 'E9:6A:1A:44:E4:4C:67:DB:48:28:C4:D6:93:B9:E3:6C:AB:AD:A5:C3',
    ca: false
  })
  t.match(new X509Certificate(third), {
    serialNumber: '3D12AC0B2860ED07F5B6A67873BC2F3265FD55A2',
    validFrom: 'Nov 18 18:46:03 2020 GMT',
    validTo: 'Nov 28 18:46:03 2020 GMT'
  })
  t.match(root, { validTo: 'Sep  7 13:06:03 2023 GMT', ca: true })
  t.equal(root.publicKey.asymmetricKeyDetails?.modulusLength, 4096)
  t.ok(root.checkPrivateKey(rootKey))
  for (const pem of [first, third]) {
    const now = new Date('2026-11-27T00:00:00Z')
    t.throws(() => verifyClassicCertificate(pem, { root, now }), { code: 'ERR_SFT_CERT_EXPIRED' })
    const alias = 'user2'
    t.throws(() => verifyClassicCertificate(pem, { root, alias, now: THEN }), { code: 'ERR_SFT_CERT_NAME' })
  }
  t.end()
})

for (const [stream, requester, server, blocks] of [
  [transfer1, 'user1', 'user3', 1],
  [transfer3, 'user3', 'user1', 3]
] as const) {
  for (const step of [1, 100, 65536]) {
    t.test(`${requester} gets ${blocks} blocks of ${server} step=${step}`, async t => {
      const asked = await collect(classicMessages()(cut(sent(stream, 'dialler'), step)))
      const answered = await collect(classicMessages()(cut(sent(stream, 'dialled'), step)))
      t.same(
        asked.map(({ type, payload }) => [type, payload.byteLength]),
        [
          ['SECE', 1554],
          ['RQFL', 256]
        ]
      )
      t.same(
        answered.map(({ type, payload }) => [type, payload.byteLength]),
        [['RSCV', 1554], ...Array.from({ length: blocks }, () => ['RSFL', 256])]
      )
      const parties = [asked, answered].map(([hello]) =>
        verifyClassicCertificate(hello?.payload ?? new Uint8Array(0), { root, now: THEN })
      )
      t.same(
        parties.map(({ alias }) => alias),
        [requester, server]
      )
      for (const [by, messages] of [
        ['dialler', asked],
        ['dialled', answered]
      ] as const) {
        const again = Buffer.concat(messages.map(({ type, payload }) => encodeClassic(type, payload)))
        t.equal(hash(again), hash(sent(stream, by)), `what the ${by} sent, written again`)
      }
    })
  }
}

t.test('each message left in one segment, as classic readers need it', t => {
  t.same(
    piecesOf(transfer3).map(({ dialler, bytes }) => [dialler, bytes.toString('latin1', 0, 4), bytes.byteLength]),
    [
      [true, 'SECE', 1562],
      [false, 'RSCV', 1562],
      [true, 'RQFL', 264],
      [false, 'RSFL', 264],
      [false, 'RSFL', 264],
      [false, 'RSFL', 264]
    ]
  )
  t.end()
})

function splitHttp(bytes: Buffer): [string, Buffer] {
  const end = bytes.indexOf('\r\n\r\n')
  return [bytes.toString('latin1', 0, end), bytes.subarray(end + 4)]
}

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
