import { randomBytes } from 'node:crypto'
import t from 'tap'
import { encodeCertificates } from '../../../src/auth/certificates/pem.ts'
import { parseCapture } from '../../../src/proof/capture/read.ts'
import { writeCapture } from '../../../src/proof/capture/write.ts'
import { dissect } from '../../../src/proof/dissect/dissect.ts'
import type { Dissected } from '../../../src/proof/model.ts'
import { flaws } from '../../fixtures/frame-flaws.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

function exchange(up: string, down: string): Dissected {
  const pieces = [
    { dialler: true, bytes: Buffer.from(up) },
    { dialler: false, bytes: Buffer.from(down) }
  ]
  const [found] = dissect(parseCapture(writeCapture([{ port: 4433, pieces }]))) as [Dissected]
  t.same(flaws(found), [])
  return found
}

const told = ({ frames }: Dissected) => frames.map(({ label, length }) => `${label} ${length}`)

t.test('heads and bodies by their length', t => {
  const found = exchange(
    'GET /a HTTP/1.1\r\nHost: b\r\n\r\nPOST /b HTTP/1.0\r\ncontent-length: 4\r\n\r\nbody',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 304 Not Modified\r\n\r\n'
  )
  t.equal(found.protocol, 'http')
  t.same(found.faults, [])
  const expected = [
    'GET /a 28',
    'POST /b 39',
    'body of POST /b 4',
    'answer 200 38',
    'body of answer 200 2',
    'answer 304 29'
  ]
  t.same(told(found).sort(), expected.sort())
  t.end()
})

t.test('bodies in chunks, with and without trailers', t => {
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
  const found = exchange(
    'GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n',
    `${chunked}4\r\nsome\r\na;x=y\r\n more text\r\n0\r\n\r\n${chunked}1\r\nx\r\n0\r\nA: b\r\n\r\n`
  )
  t.same(found.faults, [])
  t.same(told(found).slice(2), ['answer 200 47', 'body of answer 200 33', 'answer 200 47', 'body of answer 200 17'])
  t.end()
})

t.test('an answer to HEAD has no body, whatever it says of its length', t => {
  const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n'
  const found = exchange(
    'HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n',
    `HTTP/1.1 103 Early Hints\r\n\r\n${ok}${ok}body`
  )
  t.same(found.faults, [])
  t.same(told(found).slice(2), ['answer 103 28', 'answer 200 38', 'answer 200 38', 'body of answer 200 4'])
  t.end()
})

t.test('a body that ends with the connection', t => {
  const found = exchange('GET / HTTP/1.0\r\n\r\n', 'HTTP/1.0 200 OK\r\n\r\nall that follows')
  t.same(found.faults, [])
  t.same(told(found), ['GET / 18', 'answer 200 19', 'body of answer 200 16'])
  t.end()
})

t.test('M172: what is cut off, and what is no HTTP any more', t => {
  const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
  for (const body of ['', '4', '4\r\nso', '4\r\nsome\r\n', '4\r\nsome\r\n0\r\n', 'x\r\nsome'])
    t.match(exchange('GET / HTTP/1.1\r\n\r\n', head + body).faults, [{ direction: 'down', at: 0 }], body)
  t.match(exchange('POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nbody', '').faults, [{ direction: 'up', at: 0 }])
  const found = exchange('GET / HTTP/1.1\r\n\r\nand now something else', '')
  t.match(found.faults, [{ direction: 'up', at: 18, reason: 'no message of HTTP' }])
  t.match(found.frames, [{ label: 'GET /' }, { label: 'unexplained', at: 18, length: 22 }])
  t.end()
})

t.test('what only looks like it is unknown', t => {
  for (const text of ['GET / HTTP/1.1\r\n', 'GET /\r\n\r\n', 'get / HTTP/1.1\r\n\r\n', ' GET / HTTP/1.1\r\n\r\n'])
    t.equal(exchange(text, '').protocol, 'unknown')
  t.end()
})

t.test('a login of the classic system is told by its body', t => {
  const payload = Buffer.alloc(256, 7).toString('base64')
  const body = JSON.stringify({ payload, public_key: 'PEM' })
  const found = exchange(`POST /verify HTTP/1.1\r\nContent-Length: ${body.length}\r\n\r\n${body}`, '')
  t.match(found.frames[1], {
    label: 'body of POST /verify',
    sealed: undefined,
    detail: 'a classic login: 256 bytes of ciphertext in base64, all else in the clear'
  })
  t.end()
})

t.test('M174: of POST /verify a login and a certificate are no content, anything else is', async t => {
  const { publicKey } = await testKey()
  const pem = publicKey.export({ type: 'pkcs1', format: 'pem' })
  const payload = Buffer.alloc(256, 7).toString('base64')
  const login = JSON.stringify({ payload, public_key: pem })
  const certificate = encodeCertificates([randomBytes(800)])
  const contents = (body: string, answer: string): boolean[] =>
    exchange(
      `POST /verify HTTP/1.1\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      `HTTP/1.1 200 OK\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`
    )
      .frames.filter(({ label }) => label.startsWith('body of'))
      .map(({ content }) => content)
  t.same(contents(login, certificate), [false, false])
  t.same(contents(login, 'wrong password'), [false, false])
  for (const body of [
    'any body',
    login.replace('"public_key"', '"more": "x", "public_key"'),
    JSON.stringify({ payload: payload.repeat(5), public_key: pem }),
    JSON.stringify({ payload, public_key: `${pem}x` })
  ])
    t.same(contents(body, certificate), [true, false], body)
  t.same(contents(login, 'x'.repeat(129)), [false, true])
  t.same(contents(login, `${certificate}${'x'.repeat(300)}`), [false, true])
})

t.test('M170: chunks count as frames', t => {
  const asked = { dialler: true, bytes: Buffer.from('GET / HTTP/1.1\r\n\r\n') }
  const body = (chunks: number): Buffer =>
    Buffer.from(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(chunks)}0\r\n\r\n`)
  const judged = (chunks: number) =>
    dissect(parseCapture(writeCapture([{ port: 80, pieces: [asked, { dialler: false, bytes: body(chunks) }] }])))
  t.match(judged(1_999_998), [{ faults: [] }], 'and two heads')
  t.throws(() => judged(1_999_999), { code: 'ERR_SFT_LIMIT' })
  t.end()
})
