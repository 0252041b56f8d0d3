import { randomBytes } from 'node:crypto'
import t from 'tap'
import { judgeLogin } from '../../../src/proof/judge/login.ts'
import type { Claim, Dissected } from '../../../src/proof/model.ts'
import { pattern } from '../../fixtures/bytes.ts'
import { dissected, pipeOf } from '../../fixtures/dissected.ts'

const said = ({ evidence }: Claim): string => evidence.map(({ text }) => text).join('\n')

function tls(version?: string): Dissected {
  const all = dissected('tls', [
    { label: 'ClientHello', clear: randomBytes(200) },
    { label: 'ServerHello', direction: 'down', clear: randomBytes(100) },
    { label: 'application data', clear: randomBytes(5), sealed: randomBytes(300) }
  ])
  const frames = all.frames.map(frame =>
    frame.label === 'ServerHello' && version ? { ...frame, detail: `TLS ${version}, suite 0x1302` } : frame
  )
  return { ...all, frames }
}

const http = (head: string, body: string): Dissected =>
  dissected('http', [
    { label: head, clear: Buffer.from(`${head} HTTP/1.1\r\n\r\n`) },
    { label: `body of ${head}`, clear: Buffer.from(body) }
  ])

t.test('TLS 1.3 holds, older ones do not', t => {
  t.match(judgeLogin([tls('1.3')]), { id: 'login', verdict: 'holds', evidence: [{ packets: [5] }] })
  t.match(said(judgeLogin([tls('1.3')])), /TLS 1\.3 with 1 sealed record/)
  t.equal(judgeLogin([tls('1.2')]).verdict, 'unknown')
  t.equal(judgeLogin([tls('1.3'), tls('1.2')]).verdict, 'unknown')
  for (const version of ['1.0', '1.1', '0x300']) t.equal(judgeLogin([tls(version)]).verdict, 'fails', version)
  t.equal(judgeLogin([tls()]).verdict, 'unknown', 'no answer')
  t.end()
})

t.test('the classic login can be sent again', t => {
  const claim = judgeLogin([tls('1.3'), http('POST /verify', '{"payload": "QUJD", "public_key": "x"}')])
  t.match(claim, { verdict: 'fails', evidence: [{ packets: [4, 5] }] })
  t.match(said(claim), /can be posted again as it is, or with any other public key/)
  t.end()
})

t.test('other logins in the clear', t => {
  t.equal(judgeLogin([http('POST /login', '{"name": "a", "password": "b"}')]).verdict, 'fails')
  t.equal(judgeLogin([http('POST /login', 'user=a&passwd=b')]).verdict, 'fails')
  const basic = dissected('http', [
    { label: 'GET /', clear: Buffer.from('GET / HTTP/1.1\r\nAuthorization: Basic eA==\r\n\r\n') }
  ])
  t.equal(judgeLogin([basic]).verdict, 'fails')
  t.equal(judgeLogin([http('GET /', 'a page')]).verdict, 'holds')
  t.end()
})

t.test('no login at all', t => {
  t.equal(judgeLogin([]).verdict, 'unknown')
  t.equal(judgeLogin([pipeOf(pattern(10))]).verdict, 'unknown')
  t.end()
})
