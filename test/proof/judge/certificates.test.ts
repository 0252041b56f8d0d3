import { randomBytes } from 'node:crypto'
import t from 'tap'
import { judgeCertificates } from '../../../src/proof/judge/certificates.ts'
import type { Claim } from '../../../src/proof/model.ts'
import { pattern } from '../../fixtures/bytes.ts'
import { dissected, pipeOf, sessionOf } from '../../fixtures/dissected.ts'

const said = ({ evidence }: Claim): string => evidence.map(({ text }) => text).join('\n')
const shown = { direction: 'up', packet: 4, subject: 'CN=user1', issuer: 'CN=root', serial: '01AB' } as const

t.test('none', t => {
  const claim = judgeCertificates([sessionOf(pattern(1000)), pipeOf(pattern(1000), {}, 2)])
  t.match(claim, { id: 'certificates', verdict: 'holds' })
  t.match(said(claim), /2 connections of 2 without a certificate[\s\S]*1 pipe: .* hint of 4 bytes/)
  t.end()
})

t.test('one that the dissection has read', t => {
  const claim = judgeCertificates([
    dissected('classic', [{ label: 'SECE', clear: randomBytes(9) }], { certificates: [shown] })
  ])
  t.match(claim, { verdict: 'fails', evidence: [{ packets: [4] }] })
  t.match(said(claim), /the dialler shows a certificate in the clear: CN=user1, issued by CN=root, serial 01AB/)
  t.end()
})

t.test('one in PEM in bytes that nobody has read', t => {
  const pem = Buffer.from('x -----BEGIN CERTIFICATE-----\nMIIB')
  const claim = judgeCertificates([dissected('unknown', [{ label: 'unexplained', clear: pem }])])
  t.match(claim, { verdict: 'fails', evidence: [{ packets: [4] }] })
  const known = judgeCertificates([dissected('classic', [{ label: 'SECE', clear: pem }], { certificates: [shown] })])
  t.equal(known.evidence.filter(({ text }) => text.includes('PEM')).length, 0, 'told once')
  t.end()
})
