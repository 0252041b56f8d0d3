import { randomBytes } from 'node:crypto'
import t from 'tap'
import { parseCapture } from '../../../src/proof/capture/read.ts'
import { writeCapture } from '../../../src/proof/capture/write.ts'
import { dissect } from '../../../src/proof/dissect/dissect.ts'
import { badStream } from '../../../src/proof/judge/bad-streams.ts'
import { judgeLogin } from '../../../src/proof/judge/login.ts'
import type { Claim, Frame, Stray } from '../../../src/proof/model.ts'
import { pattern } from '../../fixtures/bytes.ts'
import { dissected } from '../../fixtures/dissected.ts'
import { ipv4, pcap } from '../../fixtures/packets.ts'

/** Logins that are in no message of a protocol that is known: beside every flow, behind what is understood of one, and in the other direction of a pipe. */

const said = ({ evidence }: Claim): string => evidence.map(({ text }) => text).join('\n')

const TLS = {
  ...dissected('tls', [
    { label: 'ClientHello', clear: randomBytes(200) },
    { label: 'ServerHello', direction: 'down', clear: randomBytes(100) },
    { label: 'application data', clear: randomBytes(5), sealed: randomBytes(300) }
  ])
}
const GOOD = {
  ...TLS,
  frames: TLS.frames.map(each => (each.label === 'ServerHello' ? { ...each, detail: 'TLS 1.3, suite 0x1302' } : each))
}

const datagram = (bytes: Uint8Array): Buffer => Buffer.concat([Buffer.from('30393039', 'hex'), Buffer.alloc(4), bytes])
const udp = (...all: readonly (string | Uint8Array)[]): readonly Stray[] =>
  parseCapture(
    pcap(
      all.map(bytes => ({ bytes: ipv4(datagram(Buffer.from(bytes)), { 9: 17 }) })),
      { link: 101 }
    )
  ).strays
const beside = (...all: readonly (string | Uint8Array)[]): Claim => judgeLogin([GOOD], udp(...all))

const LOGIN = 'POST /login HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWxpY2U6aG9yc2U=\r\n\r\n'
/** Each with a twin of the same form in which nothing is known to log in with. */
const LOGINS: Record<string, readonly [bad: string, good: string, name: RegExp]> = {
  'a field of HTTP': [LOGIN, LOGIN.replace('Authorization', 'Accept-Things'), /"authorization" in a header field/],
  'a cookie': [
    'HTTP/1.1 200 OK\r\nSet-Cookie: s=horse\r\n',
    'HTTP/1.1 200 OK\r\nSet-Course: s=horse\r\n',
    /"set-cookie"/
  ],
  'a form': [
    'the user=alice\r\nuser=a&password=horse',
    'the user=alice\r\nuser=a&passport=horse',
    /"password" in a form/
  ],
  'an address': ['see http://a:horse@b.example/', 'see http://a.horse.b.example/', /"user:…@" in an address/],
  'a query': ['GET /a?user=a&pwd=horse HTTP/1.1', 'GET /a?user=a&pwa=horse HTTP/1.1', /"pwd" in an address/],
  JSON: ['id 1 {\n  "token": "horse"\n}', 'id 1 {\n  "taken": "horse"\n}', /"token" in JSON/]
}

for (const [how, [bad, good, name]] of Object.entries(LOGINS))
  t.test(`a login in no flow, and in bytes that are unexplained: ${how}`, t => {
    const odd = (text: string) => {
      const pieces = [{ label: 'unexplained', direction: 'down' as const, clear: Buffer.from(`\0\0${text}\0`) }]
      return [GOOD, dissected('sft pipe', pieces, {}, 2)]
    }
    for (const judged of [
      (text: string) => beside(`\0\0${text}\0`),
      (text: string) => beside(...(text.match(/[\s\S]{1,7}/g) ?? [])),
      (text: string) => judgeLogin(odd(text))
    ]) {
      const claim = judged(bad)
      t.equal(claim.verdict, 'fails', said(claim))
      t.match(said(claim), name)
      t.notMatch(said(claim), /horse|YWxp/, 'the value is not said')
      t.equal(judged(good).verdict, 'unknown', said(judged(good)))
    }
    t.end()
  })

t.test('M173: what is no message of anything may be a login, if it is text or not small', t => {
  const doubt = /In datagrams of UDP, \d+ bytes are no message of a known protocol, so a login may be in them/
  for (const bytes of [
    'PASS horse\r\n',
    randomBytes(65),
    Buffer.concat([Buffer.alloc(9), Buffer.from('cn=alice,dc=example')])
  ]) {
    const claim = beside(bytes)
    t.equal(claim.verdict, 'unknown')
    t.match(said(claim), doubt)
  }
  const marks = Array.from({ length: 24 }, (_, at) => Buffer.alloc(16, at < 20 ? 'f7' : '0c', 'hex'))
  t.equal(beside(...marks).verdict, 'holds', 'as the datagrams of a run')
  const ping = Buffer.from(Array.from({ length: 56 }, (_, at) => at))
  t.equal(beside(ping).verdict, 'holds', 'as what a ping carries')
  t.equal(judgeLogin([GOOD], []).verdict, 'holds')
  const [stray] = udp('a') as [Stray]
  const cut = { ...stray, flow: { ...stray.flow, lost: 7 } }
  t.match(said(judgeLogin([GOOD], [cut])), /The capture lacks 7 bytes of UDP: a login may be in them/)
  t.end()
})

t.test('what TLS says is sealed, and is text', t => {
  const sealing = (text: string | Uint8Array) => {
    const pieces = [
      ...TLS.frames
        .slice(0, 2)
        .map(({ label, direction, length }) => ({ label, direction, clear: randomBytes(length) })),
      { label: 'application data', clear: randomBytes(5), sealed: Buffer.from(text) }
    ]
    const made = dissected('tls', pieces)
    const frames = made.frames.map((frame, at) => ({ ...frame, detail: GOOD.frames[at]?.detail ?? '' }))
    return judgeLogin([{ ...made, frames }])
  }
  const bad = sealing(`${LOGIN}0123456789abcdef`)
  t.equal(bad.verdict, 'fails', said(bad))
  t.match(said(bad), /in what ought to be sealed, is something to log in with: "authorization" in a header field/)
  t.equal(sealing(randomBytes(400)).verdict, 'holds')
  t.end()
})

t.test('the other direction of a pipe, and what comes behind TLS', t => {
  const pipe = badStream(pattern(100), { name: 'a' })
  const judged = (answer: string): Claim => {
    const pieces = [...pipe.pieces, { dialler: false, bytes: Buffer.from(answer) }]
    return judgeLogin([GOOD, ...dissect(parseCapture(writeCapture([{ ...pipe, pieces }])))])
  }
  t.equal(judged('HTTP/1.1 200 OK\r\nSet-Cookie: session=0123456789abcdef\r\n\r\n').verdict, 'fails')
  t.equal(judged('HTTP/1.1 200 OK\r\nSet-Course: session:0123456789abcdef\r\n\r\n').verdict, 'unknown')
  t.equal(judged('').verdict, 'holds')
  const behind = (text: string): Claim => {
    const clear = Buffer.from(text)
    const up = Buffer.concat([GOOD.connection.up.bytes, clear])
    const at = up.byteLength - clear.byteLength
    const odd = { ...(GOOD.frames[0] as Frame), at, length: clear.byteLength, label: 'unexplained' }
    const connection = { ...GOOD.connection, up: { ...GOOD.connection.up, bytes: up } }
    return judgeLogin([{ ...GOOD, connection, frames: [...GOOD.frames, odd] }])
  }
  t.equal(behind(LOGIN).verdict, 'fails')
  t.equal(behind(LOGIN.replace('Authorization', 'Accept-Things')).verdict, 'unknown')
  t.end()
})

t.test('texts that are made to keep us busy', t => {
  for (const text of [':', '"', '<a', '&a', 'form-data;', 'name=', ' ', '\r\n', '://:', '{"a":'])
    t.doesNotThrow(() => beside(text.repeat(60_000 / text.length)), text)
  t.end()
})
