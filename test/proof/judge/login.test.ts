import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { parseCapture } from '../../../src/proof/capture/read.ts'
import { writeCapture } from '../../../src/proof/capture/write.ts'
import { dissect } from '../../../src/proof/dissect/dissect.ts'
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

/** A handshake as it is on the wire: a message in a record of its type. */
const tlsRecord = (type: number, body: Uint8Array): Buffer =>
  Buffer.concat([Buffer.of(type, 3, 3, body.byteLength >> 8, body.byteLength & 255), body])
const extension = (type: number, body: Uint8Array): Buffer =>
  Buffer.concat([Buffer.of(0, type, 0, body.byteLength), body])
function helloOf(type: number, extensions: readonly Buffer[], random: Uint8Array = randomBytes(32)): Buffer {
  const all = Buffer.concat(extensions)
  const suites = type === 1 ? Buffer.from('000213020100', 'hex') : Buffer.from('130200', 'hex')
  const body = Buffer.concat([Buffer.of(3, 3), random, Buffer.of(0), suites, Buffer.of(0, all.byteLength), all])
  return tlsRecord(22, Buffer.concat([Buffer.of(type, 0, 0, body.byteLength), body]))
}
const asked = (...more: Buffer[]): Buffer =>
  helloOf(1, [extension(43, Buffer.of(2, 3, 4)), extension(51, randomBytes(36)), ...more])
const [v13, keyShare] = [extension(43, Buffer.of(3, 4)), extension(51, randomBytes(36))]
const RETRY = Buffer.from('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c', 'hex')
const data = (): Buffer => tlsRecord(23, randomBytes(300))
/** `up` and `down` by turns. */
const spoken = (...pieces: readonly Buffer[]): Claim =>
  judgeLogin(
    dissect(
      parseCapture(writeCapture([{ port: 443, pieces: pieces.map((bytes, at) => ({ dialler: at % 2 === 0, bytes })) }]))
    )
  )

t.test('TLS 1.3 with early data, or whose keys are those of another connection', t => {
  const good = spoken(asked(), helloOf(2, [v13, keyShare]), data(), data())
  t.equal(good.verdict, 'holds', said(good))
  const retried = [asked(), helloOf(2, [v13], RETRY), asked()]
  t.equal(spoken(...retried, helloOf(2, [v13, keyShare]), data()).verdict, 'holds', 'a second ClientHello')
  t.match(said(spoken(...retried)), /TLS whose server has not answered/)
  const early = [
    spoken(asked(extension(42, Buffer.alloc(0))), helloOf(2, [v13, keyShare]), data()),
    spoken(Buffer.concat([asked(), data()]), helloOf(2, [v13, keyShare]), data())
  ]
  const resumed = [
    spoken(asked(), helloOf(2, [v13, extension(41, Buffer.alloc(2))]), data()),
    spoken(...retried, helloOf(2, [v13]), data())
  ]
  for (const [claims, why] of [
    [early, /TLS 1\.3 with early data \(0-RTT\), which can be sent again/],
    [resumed, /TLS 1\.3 without a key share: its keys are made of one that both had before/]
  ] as const)
    for (const claim of claims) {
      t.equal(claim.verdict, 'unknown', said(claim))
      t.match(said(claim), why)
      t.notMatch(said(claim), /this connection alone/)
    }
  t.end()
})

t.test('the classic login can be sent again', t => {
  const claim = judgeLogin([tls('1.3'), http('POST /verify', '{"payload": "QUJD", "public_key": "x"}')])
  t.match(claim, { verdict: 'fails', evidence: [{ packets: [4, 5] }] })
  t.match(said(claim), /can be posted again as it is, or with any other public key/)
  t.end()
})

/** A connection of which this is all that was said. */
const said80 = (up: string | Uint8Array, down: string | Uint8Array = ''): Dissected[] => {
  const pieces = [
    { dialler: true, bytes: Buffer.from(up) },
    { dialler: false, bytes: Buffer.from(down) }
  ]
  return dissect(parseCapture(writeCapture([{ port: 80, pieces }])))
}
const get = (target: string, fields: readonly string[] = []): Dissected[] =>
  said80([`GET ${target} HTTP/1.1`, 'Host: files.example', ...fields, '', ''].join('\r\n'))
const posted = (body: string | Uint8Array, fields: readonly string[] = []): Dissected[] => {
  const bytes = Buffer.from(body)
  const head = ['POST /session HTTP/1.1', ...fields, `Content-Length: ${bytes.byteLength}`, '', ''].join('\r\n')
  return said80(Buffer.concat([Buffer.from(head), bytes]))
}
const answered = (body: string | Uint8Array, field = `Content-Length: ${body.length}`): Dissected[] =>
  said80(
    'GET / HTTP/1.1\r\n\r\n',
    Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${field}\r\n\r\n`), Buffer.from(body)])
  )

const part = (name: string) =>
  `--b\r\nContent-Disposition: form-data; name="${name}"\r\nContent-Type: text/plain\r\n\r\nhorse\r\n--b--\r\n`

/** Each with a twin that is as long and of the same form, and in which nothing is known to log in with. */
const LOGINS: Record<string, readonly [bad: Dissected[], good: Dissected[], name: string]> = {
  'a query': [get('/login?user=a&password=horse'), get('/login?user=a&language=horse'), '"password" in an address'],
  'an escaped name': [get('/login?%70wd=horse'), get('/login?%70we=horse'), '"%70wd" in an address'],
  'the path': [get('/a;jsessionid=horse'), get('/a;charsetname=horse'), '"jsessionid" in an address'],
  'an address with a user': [get('http://a:horse@b/'), get('http://a.horse.b/'), '"user:…@" in an address'],
  'a referrer': [
    get('/', ['Referer: http://b/?pass=horse']),
    get('/', ['Referer: http://b/?pace=horse']),
    '"pass" in an address'
  ],
  Authorization: [
    get('/', ['AUTHORIZATION: Basic eA==']),
    get('/', ['Accept: Basic eA==']),
    '"authorization" in a header'
  ],
  Cookie: [get('/', ['cookie: a=horse']), get('/', ['accept: a=horse']), '"cookie" in a header field'],
  'Set-Cookie': [answered('', 'Set-Cookie: a=horse'), answered('', 'X-Cookies: a=horse'), '"set-cookie" in a header'],
  'X-API-Key': [get('/', ['X-API-Key: horse']), get('/', ['X-API-Kind: horse']), '"x-api-key" in a header field'],
  'a form': [posted('user=a&passwd=horse'), posted('user=a&planet=horse'), '"passwd" in a form'],
  'a form with a field of its own kind': [posted('user[pass]=horse'), posted('user[path]=horse'), 'in a form'],
  'a form in parts': [posted(part('pwd')), posted(part('pwa')), '"pwd" in a form'],
  JSON: [
    posted('{"a": {"newPassword2": "horse"}}'),
    posted('{"a": {"newPassport2": "horse"}}'),
    '"newPassword2" in JSON'
  ],
  'a number in JSON': [posted('[{"PIN": 1234}]'), posted('[{"PIN": null}]'), '"PIN" in JSON'],
  'a name with an escape in JSON': [posted('{"p\\u0061ss": "x"}'), posted('{"p\\u0065ss": "x"}'), 'in JSON'],
  'a token in an answer': [
    answered('{"access_token": "horse", "token_type": "Bearer"}'),
    answered('{"access_level": "horse", "token_type": "Bearer"}'),
    '"access_token" in JSON'
  ],
  XML: [posted('<a><ns:Secret x="y">horse</ns:Secret></a>'), posted('<a><ns:Secrets>horse</ns:Secrets></a>'), 'in XML'],
  'lines of text': [posted('user: a\r\nPassphrase: horse\r\n'), posted('user: a\r\nParaphrase: horse\r\n'), 'in text'],
  'a body in chunks': [
    answered('9\r\n{"pass": \r\n8\r\n"horse"}\r\n0\r\n\r\n', 'Transfer-Encoding: chunked'),
    answered('9\r\n{"part": \r\n8\r\n"horse"}\r\n0\r\n\r\n', 'Transfer-Encoding: chunked'),
    '"pass" in JSON'
  ],
  gzip: [
    posted(gzipSync('{"client_secret": "horse", "and": "more than a few bytes of it"}')),
    posted(gzipSync('{"client_sector": "horse", "and": "more than a few bytes of it"}')),
    '"client_secret" in JSON'
  ]
}

for (const [how, [bad, good, name]] of Object.entries(LOGINS))
  t.test(`what somebody logs in with, over HTTP: ${how}`, t => {
    const claim = judgeLogin(bad)
    t.equal(claim.verdict, 'fails', said(claim))
    t.match(said(claim), new RegExp(`brings something to log in with: .*${name.replace(/[[\]]/g, '\\$&')}`))
    t.notMatch(said(claim), /horse|eA==/, 'the value is not said')
    const other = judgeLogin(good)
    t.equal(other.verdict, 'unknown', said(other))
    t.end()
  })

t.test('other logins in the clear', t => {
  t.equal(judgeLogin([http('POST /login', '{"name": "a", "password": "b"}')]).verdict, 'fails')
  const many = judgeLogin(
    get(
      '/',
      Array.from({ length: 7 }, (_, at) => `X-Token${at}-Secret: a`)
    )
  )
  t.match(said(many), /"x-token0-secret" in a header field, .*, and 3 more names\.$/m)
  t.end()
})

t.test('what is sent beside a login is none: forms against forgery, labels of a page', t => {
  for (const all of [
    get('/', ['X-CSRF-Token: abc']),
    answered('<form><label>Password: <input type="password" name="pwd" value=""></label></form>'),
    answered('var bypass = "a"; let token = 1; if (x) { password: y }'),
    posted('{"password": "", "token": null, "compass": "north"}')
  ])
    t.equal(judgeLogin(all).verdict, 'unknown', said(judgeLogin(all)))
  t.end()
})

t.test('M173: of HTTP in the clear, and of what is not known, nobody knows that it has no login', t => {
  const claim = judgeLogin([tls('1.3'), ...get('/')])
  t.equal(claim.verdict, 'unknown')
  t.match(said(claim), /HTTP in the clear\. No login was recognised in it, and nobody can know that there is none/)
  const odd = said80('USER a\r\nPASS b\r\n')
  t.match(odd, [{ protocol: 'unknown' }])
  t.equal(judgeLogin([tls('1.3'), ...odd]).verdict, 'unknown')
  t.match(said(judgeLogin([tls('1.3'), ...odd])), /Connection 1: what it carries is not known, so a login may be in it/)
  t.equal(judgeLogin([tls('1.3'), ...said80('')]).verdict, 'holds', 'it carries nothing')
  t.equal(judgeLogin([tls('1.3'), pipeOf(pattern(10))]).verdict, 'holds')
  t.end()
})

t.test('texts that are made to keep us busy', t => {
  const long = 64 * 1024
  for (const text of [':', '"', '<a', '&a', 'a=', '{"a":', 'form-data;', 'name=', '=', ' ', '\r\n', '://:', '%', '\\'])
    t.doesNotThrow(() => judgeLogin(posted(`{${text.repeat(long / text.length)}`)), text)
  t.doesNotThrow(() => judgeLogin(get(`http://${':'.repeat(60_000)}`)))
  t.end()
})

t.test('bodies of 278 bytes that were made to keep us busy do not', t => {
  const text = `form-data;${'name='.repeat(13)}`.repeat(1000).slice(0, 64 * 1024)
  const all = Array.from({ length: 40 }, () => posted(gzipSync(text))).flat()
  t.equal(judgeLogin(all).verdict, 'unknown')
  t.equal(judgeLogin([...all, ...posted(part('pwd'))]).verdict, 'fails')
  t.end()
})

t.test('no login at all', t => {
  t.equal(judgeLogin([]).verdict, 'unknown')
  t.equal(judgeLogin([pipeOf(pattern(10))]).verdict, 'unknown')
  t.end()
})
