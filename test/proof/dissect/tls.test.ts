import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type TlsOptions } from 'node:tls'
import t from 'tap'
import { encodeCertificates } from '../../../src/auth/certificates/pem.ts'
import { parseCapture } from '../../../src/proof/capture/read.ts'
import { writeCapture } from '../../../src/proof/capture/write.ts'
import { dissect } from '../../../src/proof/dissect/dissect.ts'
import type { Dissected } from '../../../src/proof/model.ts'
import { flaws } from '../../fixtures/frame-flaws.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'
import { recorder } from '../../fixtures/recorder.ts'

/** On what OpenSSL sends. */

const organisation = await makeOrganisation()
const [server, client] = [await organisation.issue('server'), await organisation.issue('client')]
const credentials = ({ chain, privateKey }: typeof server) => ({
  cert: encodeCertificates(chain),
  key: privateKey.export({ type: 'pkcs8', format: 'pem' })
})

/** A connection on which the client sends 100 bytes and the server 40,000. */
async function talk(options: TlsOptions): Promise<Dissected[]> {
  const listener = createServer(
    { ...credentials(server), requestCert: true, rejectUnauthorized: false, ...options },
    socket => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end(Buffer.alloc(40_000)))
    }
  )
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const wire = await recorder(t, `127.0.0.1:${(listener.address() as AddressInfo).port}`, 443)
  const port = Number(wire.address.split(':').at(-1))
  const socket = connect({ port, host: '127.0.0.1', ...credentials(client), rejectUnauthorized: false })
  socket.write(Buffer.alloc(100))
  socket.resume()
  await once(socket, 'close')
  listener.close()
  const found = [1400, 1, 60_000].map(
    size => dissect(parseCapture(writeCapture(wire.connections, size)))[0] as Dissected
  )
  for (const each of found) t.same([each.protocol, flaws(each), each.faults], ['tls', [], []])
  return found
}

const subjects = ({ certificates }: Dissected) =>
  certificates.map(({ direction, subject }) => `${direction} ${subject}`)
const labels = ({ frames }: Dissected) => frames.map(({ label }) => label)
const sealedBytes = ({ frames }: Dissected) => frames.reduce((sum, { sealed }) => sum + (sealed?.length ?? 0), 0)

t.test('TLS 1.3: nothing but the hellos is in the clear', async t => {
  for (const found of await talk({ minVersion: 'TLSv1.3' })) {
    t.same(subjects(found), [])
    t.match(found.frames.find(({ label }) => label === 'ServerHello')?.detail, /^TLS 1\.3, suite 0x130[123]$/)
    const clear = found.frames.filter(({ sealed }) => sealed === undefined)
    t.same([...new Set(clear.map(({ label }) => label))].sort(), ['ClientHello', 'ServerHello', 'change cipher spec'])
    for (const { label, sealed, length } of found.frames)
      if (label === 'application data') t.equal(sealed?.length, length - 5)
    t.ok(sealedBytes(found) > 40_100)
  }
})

t.test('TLS 1.3 with a second hello, behind a change cipher spec', async t => {
  for (const found of await talk({ minVersion: 'TLSv1.3', ecdhCurve: 'P-521' })) {
    t.same(
      labels(found).filter(label => label.endsWith('Hello')),
      ['ClientHello', 'ServerHello', 'ClientHello', 'ServerHello']
    )
    t.same(subjects(found), [])
  }
})

for (const [ciphers, nonce] of [
  ['ECDHE-RSA-AES256-GCM-SHA384', 8],
  ['ECDHE-RSA-CHACHA20-POLY1305', 0],
  ['ECDHE-RSA-AES128-SHA256', 0]
] as const) {
  t.test(`TLS 1.2, ${ciphers}: certificates of both can be seen`, async t => {
    for (const found of await talk({ maxVersion: 'TLSv1.2', ciphers })) {
      const [issuing] = subjects(found).filter(subject => !/=(server|client)$/.test(subject))
      t.ok(subjects(found).includes('down CN=server'))
      t.ok(subjects(found).includes('up CN=client'))
      t.match(issuing, /^(up|down) /)
      t.match(found.frames.find(({ detail }) => detail !== '')?.detail, /^TLS 1\.2, suite 0x/)
      const data = found.frames.filter(({ label }) => label === 'application data')
      t.ok(data.length > 2)
      for (const { sealed, at, length } of data)
        t.same([sealed?.at, sealed?.length], [at + 5 + nonce, length - 5 - nonce])
      const finished = found.frames.filter(({ label, detail }) => label === 'handshake' && detail === 'sealed')
      t.ok(finished.length >= 2, 'what follows a change cipher spec is sealed')
    }
  })
}

t.test('a certificate in two records', t => {
  const record = (type: number, body: Uint8Array): Buffer => {
    const header = Buffer.of(type, 3, 3, body.byteLength >> 8, body.byteLength & 255)
    return Buffer.concat([header, body])
  }
  const message = (type: number, body: Uint8Array): Buffer => {
    const header = Buffer.of(type, 0, body.byteLength >> 8, body.byteLength & 255)
    return Buffer.concat([header, body])
  }
  const certificate = message(11, Buffer.concat([Buffer.alloc(6), server.chain[0] as Uint8Array]))
  const halves = [
    certificate.subarray(0, 500),
    Buffer.concat([certificate.subarray(500), message(14, Buffer.alloc(0))])
  ]
  const pieces = [
    { dialler: true, bytes: record(22, message(1, Buffer.alloc(40))) },
    { dialler: false, bytes: Buffer.concat(halves.map(half => record(22, half))) }
  ]
  const [found] = dissect(parseCapture(writeCapture([{ port: 1, pieces }]))) as [Dissected]
  t.same(labels(found), ['ClientHello', 'Certificate', 'ServerHelloDone'])
  t.same(subjects(found), ['down CN=server'])
  t.end()
})

t.test('M172: what is no record, or not there whole', t => {
  const hello = Buffer.from('160301000401000000', 'hex')
  const of = (bytes: Uint8Array): Dissected =>
    dissect(parseCapture(writeCapture([{ port: 1, pieces: [{ dialler: true, bytes }] }])))[0] as Dissected
  for (const rest of ['00', '18030300', '1503030', '170303ffff00', '1702030001ff', '17030500 01ff'.replace(' ', '')]) {
    const found = of(Buffer.concat([hello, Buffer.from(rest, 'hex')]))
    t.match(found.faults, [{ at: 9, reason: 'no record of TLS' }], rest)
    t.match(found.frames.at(-1), { label: 'unexplained', at: 9 })
    t.same(flaws(found), [])
  }
  const cut = of(Buffer.concat([hello, Buffer.from('1703030009ffff', 'hex')]))
  t.match(cut.faults, [{ at: 9, reason: 'the flow ends inside a record of TLS' }])
  t.match(cut.frames.at(-1), { label: 'application data', length: 7, sealed: { at: 14, length: 2 } })
  t.end()
})
