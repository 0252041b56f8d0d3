import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { encodePem } from '../../../src/auth/certificates/pem.ts'
import { parseCapture } from '../../../src/proof/capture/read.ts'
import { writeCapture } from '../../../src/proof/capture/write.ts'
import { dissect } from '../../../src/proof/dissect/dissect.ts'
import { judgeContents } from '../../../src/proof/judge/contents.ts'
import type { Claim, Dissected } from '../../../src/proof/model.ts'
import { pattern } from '../../fixtures/bytes.ts'
import { dissected, pipeOf, sessionOf } from '../../fixtures/dissected.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'
import { ipv4, pcap } from '../../fixtures/packets.ts'

const { chain } = await (await makeOrganisation()).issue('alice')
const der = Buffer.from(chain[0] as Uint8Array)
const pem = encodePem('CERTIFICATE', der)
const judgeCertificates = async (all: readonly Dissected[]): Promise<Claim> =>
  (await judgeContents(all, {})).certificates

const said = ({ evidence }: Claim): string => evidence.map(({ text }) => text).join('\n')
const shown = { direction: 'up', packet: 4, subject: 'CN=user1', issuer: 'CN=root', serial: '01AB' } as const

t.test('none', async t => {
  const claim = await judgeCertificates([sessionOf(pattern(1000)), pipeOf(pattern(1000), {}, 2)])
  t.match(claim, { id: 'certificates', verdict: 'holds' })
  t.match(said(claim), /2 connections of 2 without a certificate[\s\S]*1 pipe: .* hint of 4 bytes/)
})

t.test('one that the dissection has read', async t => {
  const claim = await judgeCertificates([
    dissected('classic', [{ label: 'SECE', clear: randomBytes(9) }], { certificates: [shown] })
  ])
  t.match(claim, { verdict: 'fails', evidence: [{ packets: [4] }] })
  t.match(said(claim), /the dialler shows a certificate in the clear: CN=user1, issued by CN=root, serial 01AB/)
})

t.test('one in PEM in bytes that nobody has read', async t => {
  const pem = Buffer.from('x -----BEGIN CERTIFICATE-----\nMIIB')
  const claim = await judgeCertificates([dissected('unknown', [{ label: 'unexplained', clear: pem }])])
  t.match(claim, { verdict: 'fails', evidence: [{ packets: [4] }] })
  const known = await judgeCertificates([
    dissected('classic', [{ label: 'SECE', clear: pem }], { certificates: [shown] })
  ])
  t.equal(known.evidence.filter(({ text }) => text.includes('in PEM stands')).length, 0, 'told once')
})

/** Ways to show one that only who decodes what was sent can read, and how that is said. */
const WAYS: Record<string, [of: (der: Buffer, pem: string) => Uint8Array, how: RegExp]> = {
  'percent-encoded in a field': [
    (_, pem) => ask(encodeURIComponent(pem)),
    /can be read in joined values of HTTP heads/
  ],
  'x5c in a field': [der => ask(der.toString('base64')), /base64/],
  'x5c in a token': [
    der => ask(`${Buffer.from(JSON.stringify({ x5c: [der.toString('base64')] })).toString('base64url')}.e30.AAAA`),
    /in base64 in base64/
  ],
  'in hex': [der => Buffer.from(`it is ${der.toString('hex')}.`), /in hex/],
  'in PEM, compressed': [(_, pem) => gzipSync(pem), /compressed with gzip/]
}
const ask = (value: string): Buffer => Buffer.from(`GET / HTTP/1.1\r\nX-Certificate: ${value}\r\n\r\n`)

for (const [way, [of, how]] of Object.entries(WAYS)) {
  t.test(`M174: one ${way}`, async t => {
    const judged = (bytes: Uint8Array): Promise<Claim> =>
      judgeCertificates(
        dissect(parseCapture(writeCapture([{ port: 80, pieces: [{ dialler: true, bytes }] }], 100_000)))
      )
    const claim = await judged(of(der, pem))
    t.match(claim, { verdict: 'fails', evidence: [{ packets: [4] }] })
    t.match(said(claim), how)
    t.match(said(claim), /0 connections of 1 without a certificate that can be read/)
    t.match(said(claim), /A certificate can be read .*: CN=alice, issued by .*, serial [0-9A-F]+/)
    const other = randomBytes(der.byteLength)
    t.equal((await judged(of(other, other.toString('base64')))).verdict, 'holds', 'nothing of the kind')
  })
}

t.test('M171: one in DER in datagrams', async t => {
  const judged = async (bytes: Uint8Array, captured?: number): Promise<Claim> => {
    const datagram = Buffer.concat([Buffer.from('30393039', 'hex'), Buffer.alloc(4), bytes])
    const { strays } = parseCapture(pcap([{ bytes: ipv4(datagram, { 9: 17 }), ...(captured && { captured }) }]))
    return (await judgeContents([sessionOf(pattern(1000))], {}, strays)).certificates
  }
  const claim = await judged(der)
  t.match(claim, { verdict: 'fails', evidence: [{ packets: [1] }] })
  t.match(said(claim), /can be read in datagrams of UDP: CN=alice/)
  t.equal((await judged(randomBytes(der.byteLength))).verdict, 'holds')
  t.equal((await judged(randomBytes(200), 100)).verdict, 'unknown', 'what was cut off may have been one')
})

t.test('M173: more that begin like one than are looked at', async t => {
  const one = Buffer.from('3082001030820008a0000000000000000000000000', 'hex')
  const sides = Array.from({ length: 6 }, (_, number) =>
    dissected('unknown', [{ label: 'unexplained', clear: Buffer.concat(Array(18_000).fill(one)) }], {}, number + 1)
  )
  const claim = await judgeCertificates(sides)
  t.equal(claim.verdict, 'unknown')
  t.match(said(claim), /More than 100,000 places begin like a certificate/)
})
