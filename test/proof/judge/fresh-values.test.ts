import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:tls'
import t from 'tap'
import { encodeCertificates } from '../../../src/auth/certificates/pem.ts'
import { hello, helloReply, joinRequest } from '../../../src/auth/session/handshake-messages.ts'
import { parseCapture } from '../../../src/proof/capture/read.ts'
import { type Recorded, writeCapture } from '../../../src/proof/capture/write.ts'
import { dissect } from '../../../src/proof/dissect/dissect.ts'
import { judgeFreshKeys } from '../../../src/proof/judge/fresh-keys.ts'
import type { Claim, Dissected } from '../../../src/proof/model.ts'
import { dissected, frameHead, type Piece, pipeHeader, record } from '../../fixtures/dissected.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'
import { recorder } from '../../fixtures/recorder.ts'

/** What is in the clear and must be new each time. */

const { chain, privateKey } = await (await makeOrganisation()).issue('server')
const credentials = {
  cert: encodeCertificates(chain),
  key: privateKey.export({ type: 'pkcs8', format: 'pem' })
}

const said = ({ evidence }: Claim): string => evidence.map(({ text }) => text).join('\n')

/** Two pipes whose headers have the bytes from `from` on of the body in common. */
function pipes(from: number, length: number): Dissected[] {
  const [one, other] = [pipeHeader(), pipeHeader()] as [Piece[], Piece[]]
  const head = frameHead('STRM', 5000).byteLength
  const [source, target] = [one, other].map(([, header]) => header?.clear as Buffer) as [Buffer, Buffer]
  source.copy(target, head + from, head + from, head + from + length)
  return [one, other].map((pieces, at) => dissected('sft pipe', [...pieces, record('FINL', 40)], {}, at + 1))
}

t.test('two pipes', t => {
  for (const [name, from, length] of [
    ['id of a stream', 4, 32],
    ['wrapped key', 52, 384],
    ['commitment', 436, 32]
  ] as const) {
    const claim = judgeFreshKeys(pipes(from, length))
    t.equal(claim.verdict, 'fails', name)
    const why = `The same ${length} bytes are the ${name} in what the dialler of connection 1 sent and the ${name} in what the dialler of connection 2 sent.`
    t.same(claim.evidence[0], { text: why, packets: [5] })
  }
  const claim = judgeFreshKeys(pipes(46, 6))
  t.equal(claim.verdict, 'holds', 'one recipient: the hint, and how long the wrapped key is')
  t.match(said(claim), /6 values in the clear compared/)
  t.end()
})

const HELLO = { versions: [1], suites: [1], groups: [1], chunkPower: 18 }
const offer = (random = randomBytes(32), x25519 = randomBytes(32), kemKey = randomBytes(1184)) =>
  hello.encode({ ...HELLO, random, x25519, kemKey })
const answer = (random = randomBytes(32), x25519 = randomBytes(32), kemCiphertext = randomBytes(1088)) =>
  helloReply.encode({ version: 1, suite: 1, group: 1, random, x25519, kemCiphertext })
const clear = (label: string, body: Uint8Array, direction: 'up' | 'down' = 'up'): Piece => ({
  label,
  direction,
  clear: Buffer.concat([frameHead(label, body.byteLength), body])
})
const session = (number: number, up: Uint8Array, down: Uint8Array): Dissected =>
  dissected('sft session', [clear('HELO', up), clear('HELR', down, 'down'), record('SECE', 2000)], {}, number)

t.test('two sessions', t => {
  const [random, share, kem] = [randomBytes(32), randomBytes(32), randomBytes(1184)]
  const fails = (name: string, one: Dissected, other: Dissected): void => {
    const claim = judgeFreshKeys([one, other])
    t.equal(claim.verdict, 'fails')
    t.match(claim.evidence[0]?.text, new RegExp(`bytes are the ${name} in what the .* and the ${name} in`))
  }
  fails('random number', session(1, offer(random), answer()), session(2, offer(random), answer()))
  fails('key share', session(1, offer(undefined, share), answer()), session(2, offer(undefined, share), answer()))
  fails('key share', session(1, offer(), answer(undefined, share)), session(2, offer(undefined, share), answer()))
  const kept = (number: number): Dissected => session(number, offer(undefined, undefined, kem), answer())
  fails('key share', kept(1), kept(2))
  t.equal(judgeFreshKeys([session(1, offer(), answer(random, random))]).verdict, 'holds', 'within one message')
  const claim = judgeFreshKeys([1, 2, 3].map(number => session(number, offer(), answer())))
  t.equal(claim.verdict, 'holds')
  t.match(said(claim), /18 values in the clear compared/)
  t.end()
})

t.test('stripes of one session have its id, and nothing else', t => {
  const sessionId = randomBytes(32)
  const join = (stripe: number, random = randomBytes(32)): Dissected => {
    const body = joinRequest.encode({ sessionId, stripe, random, mac: randomBytes(32) })
    return dissected('sft session', [clear('JOIN', body), record('JOIR', 16, 'down')], {}, stripe)
  }
  t.equal(judgeFreshKeys([join(1), join(2)]).verdict, 'holds')
  const random = randomBytes(32)
  t.equal(judgeFreshKeys([join(1, random), join(2, random)]).verdict, 'fails')
  t.end()
})

/** Two connections of TLS, as OpenSSL makes them. */
async function talk(options: object): Promise<Recorded[]> {
  const listener = createServer({ ...credentials, ...options }, socket => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(Buffer.alloc(5000)))
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const wire = await recorder(t, `127.0.0.1:${(listener.address() as AddressInfo).port}`, 443)
  for (let times = 0; times < 2; times++) {
    const port = Number(wire.address.split(':').at(-1))
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    socket.write(Buffer.alloc(100))
    socket.resume()
    await once(socket, 'close')
  }
  listener.close()
  return wire.connections
}

const judged = (connections: readonly Recorded[], size?: number): Claim =>
  judgeFreshKeys(dissect(parseCapture(writeCapture([...connections], size))))

t.test('TLS: a hello that comes twice, and what a server asks for again', async t => {
  for (const [options, values] of [
    [{ minVersion: 'TLSv1.3' }, 8],
    [{ maxVersion: 'TLSv1.2' }, 4],
    [{ minVersion: 'TLSv1.3', ecdhCurve: 'P-521' }, undefined]
  ] as const) {
    const [one, other] = (await talk(options)) as [Recorded, Recorded]
    const good = judged([one, other], 1)
    t.equal(good.verdict, 'holds', said(good))
    if (values) t.ok(Number(/(\d+) values? in the clear/.exec(said(good))?.[1]) >= values)
    const [hello] = one.pieces
    const bad = judged([one, { ...other, pieces: [hello as (typeof one.pieces)[number], ...other.pieces.slice(1)] }])
    t.equal(bad.verdict, 'fails')
    t.match(bad.evidence[0], { text: /^The same 32 bytes are the random number in what the dialler of connection 1/ })
    t.equal(bad.evidence[0]?.packets.length, 2)
  }
})
