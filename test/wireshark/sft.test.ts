import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { encodeCertificates } from '../../src/auth/certificates/pem.ts'
import { readCapture } from '../../src/proof/capture/read.ts'
import type { Recorded } from '../../src/proof/capture/write.ts'
import { pattern } from '../fixtures/bytes.ts'
import { shellOf } from '../fixtures/command.ts'
import { Tshark } from '../fixtures/dissector.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { piecesOf } from '../fixtures/pieces.ts'
import { recorder } from '../fixtures/recorder.ts'
import { noTshark } from '../fixtures/tshark.ts'

/** The dissector in tshark, on what real processes sent: recorded on a wire between them, written in segments of any size. */

const CLASSIC = fileURLToPath(new URL('../data/classic/capture.pcap', import.meta.url))
const PORT = 4433
const FIELDS = 'sft.kind sft.type sft.length sft.state sft.sealed sft.chunk sft.classic.type sft.classic.length'.split(
  ' '
)

if (noTshark) {
  t.plan(0, noTshark)
  process.exit(0)
}

t.setTimeout(170_000)
const directory = t.testdir({ alice: { in: {} }, bob: { served: {}, in: {} } })
const shark = new Tshark(t, directory)
const tshark: Tshark['run'] = (...args) => shark.run(...args)
const values: Tshark['values'] = (...args) => shark.values(...args)
const capture: Tshark['capture'] = (...args) => shark.capture(...args)

const organisation = await makeOrganisation()
const alice = await shellOf(t, join(directory, 'alice'), await organisation.issue('alice'))
const bobIdentity = await organisation.issue('bob')
const bob = await shellOf(t, join(directory, 'bob'), bobIdentity)
await mkdir(join(bob.directory, 'served'), { recursive: true })
await writeFile(join(bob.directory, 'served', 'secret-plan.txt'), pattern(17_000))
await writeFile(join(alice.directory, 'secret-plan.txt'), pattern(17_000))

const server = await bob.listen(['serve', 'served', '--listen', '127.0.0.1:0', '--chunk-size', '16K'])
const got = await recorder(t, server.address, PORT)
const get = await alice.run(['get', `bob@${got.address}`, 'secret-plan.txt', '-o', 'got.txt', '--streams', '2'])

const receiver = await bob.listen(['recv', '--listen', '127.0.0.1:0', '--from', 'alice', '-o', 'pushed.txt'])
const pushed = await recorder(t, receiver.address, PORT)
const send = await alice.run(['send', 'secret-plan.txt', `bob@${pushed.address}`])
await receiver.ended

await writeFile(join(alice.directory, 'bob.crt'), encodeCertificates(bobIdentity.chain))
const sealed = await alice.run(['send', 'secret-plan.txt', '--to', 'bob.crt', '--chunk-size', '16K'])
const pipe: Recorded = { port: PORT, pieces: [{ dialler: true, bytes: sealed.stdout }] }

t.test('what was recorded went well', t => {
  for (const { code, stderr } of [get, send, sealed]) t.equal(code, 0, stderr)
  t.end()
})

t.test('a session: every frame, its state, and what is sealed', async t => {
  const [first = [], second = []] = [got.connections.slice(0, 1), got.connections.slice(1)]
  const file = capture(first)
  const [, types = [], lengths = [], states = [], hidden = []] = values(file, FIELDS)
  for (const type of 'HELO HELR SECE SECV SECF RSCV RQFL STRM FINL ACPT CLOS'.split(' '))
    t.ok(types.includes(type), type)
  t.same(types.slice(0, 2), ['HELO', 'HELR'])
  t.same(states.slice(0, 2), ['start', 'hello sent'])
  t.same(hidden, ['0', '0', ...Array(types.length - 2).fill('1')], 'all but the offers')
  t.equal(lengths.length, types.length)
  // every byte of the connection is in a frame that was shown
  const total = first[0]?.pieces.reduce((sum, { bytes }) => sum + bytes.byteLength, 0)
  const shown = lengths.reduce(
    (sum, length) => sum + Number(length) + (Number(length) < 128 ? 1 : Number(length) < 16_384 ? 2 : 3),
    0
  )
  t.equal(shown, total)
  t.equal(tshark(file, '-Y', '_ws.expert && sft'), '', 'nothing to warn about')
  t.same(
    values(file, ['sft.suite', 'sft.group', 'sft.random', 'sft.x25519', 'sft.kem_key', 'sft.kem_ciphertext']).map(
      all => all.length > 0
    ),
    Array(6).fill(true)
  )
  t.notMatch(tshark(file, '-V'), 'secret-plan', 'no name of a file')

  const stripe = capture(second)
  t.same(values(stripe, ['sft.type'])[0]?.slice(0, 2), ['JOIN', 'JOIR'])
  t.same(values(stripe, ['sft.stripe'])[0], ['1'])
  t.equal(tshark(stripe, '-Y', '_ws.expert && sft'), '')
  const chunks = values(capture(got.connections), ['sft.chunk'])[0]?.map(Number).sort()
  t.same(chunks, [0, 1])
})

t.test('a push: the offer, the answer and the chunks', async t => {
  const file = capture(pushed.connections)
  const [types = []] = values(file, ['sft.type'])
  for (const type of 'OFFR ACPT STRM RSFL FINL'.split(' ')) t.ok(types.includes(type), type)
  t.equal(tshark(file, '-Y', '_ws.expert && sft'), '')
  t.match(tshark(file, '-Y', 'sft.type == "OFFR"'), /sft .*session: .*OFFR \[\d+\]/)
})

t.test('a pipe: the clear part of the header, the chunks, the end', async t => {
  const file = capture([pipe])
  t.same(values(file, ['sft.kind', 'sft.magic', 'sft.type', 'sft.chunk', 'sft.stanzas']), [
    Array(5).fill('pipe'),
    ['895346540d0a1a0a'],
    ['STRM', 'RSFL', 'RSFL', 'FINL'],
    ['0', '1'],
    ['1']
  ])
  const header = 'sft.suite sft.chunk_power sft.first_chunk sft.stream_id sft.hint sft.wrapped_key sft.commitment'
  const [suite, power, first, ...bytes] = values(file, header.split(' '))
  t.same([suite, power, first], [['1'], ['14'], ['0']])
  for (const [value = ''] of bytes) t.ok(sealed.stdout.toString('hex').includes(value) && value.length >= 8)
  t.equal(tshark(file, '-Y', '_ws.expert && sft'), '')
})

t.test('any cut, a second pass and segments sent twice show the same', async t => {
  const connections = [...got.connections, ...pushed.connections, pipe, ...(await classicStreams())]
  const whole = capture(connections)
  const expected = values(whole, FIELDS)
  t.same(values(whole, FIELDS, '-2'), expected)
  t.same(values(capture(connections, 1400, true), FIELDS), expected)
  t.same(
    values(shark.disordered(connections), FIELDS, '-2', '-o', 'tcp.reassemble_out_of_order:TRUE'),
    expected,
    'segments that overtake each other'
  )
  const few = [...pushed.connections, ...(await classicStreams())]
  const ofFew = values(capture(few), FIELDS)
  for (const size of [1, 7, 536]) {
    const file = capture(few, size)
    t.same(values(file, FIELDS, '-d', `tcp.port==${PORT},sft`), ofFew, `${size} bytes a segment`)
    t.same(values(file, FIELDS, '-o', `sft.port:${PORT}`, '-2'), ofFew, `${size} bytes a segment, two passes`)
  }
})

t.test('lengths that can not be, and types out of state', async t => {
  const at = async (hex: string, filter: string) => {
    const file = capture([{ port: PORT, pieces: [{ dialler: true, bytes: Buffer.from(hex, 'hex') }] }])
    t.not(tshark(file, '-d', `tcp.port==${PORT},sft`, '-Y', filter), '', hex)
  }
  await at('ffffff7f48454c4f', 'sft.bad_length')
  await at('ffffffffff48454c4f', 'sft.bad_length')
  await at('8000000000', 'sft.bad_length')
  await at('0300000000', 'sft.bad_length')
  await at('818001 48454c4f'.replaceAll(' ', ''), 'sft.bad_length')
  await at('0458585858', 'sft.malformed')
  await at('0450494e47', 'sft.out_of_state')
  await at('0848454c4f01030000', 'sft.malformed')
  await at('5345434500001001', 'sft.bad_length')
  await at('53454345000000044142434452534649ffffffff', 'sft.malformed')
  await at('5253464c00000004', 'sft.bad_length || sft.malformed')
})

t.test('garbage, and real bytes with errors in them, never break it', async t => {
  let seed = 7
  const random = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed % below
  }
  const originals = [pipe, ...got.connections, ...pushed.connections, ...(await classicStreams())]
  const broken = Array.from({ length: 100 }, (): Recorded => {
    const original = originals[random(originals.length)] as Recorded
    const pieces = original.pieces.slice(0, 12).map(({ dialler, bytes }) => {
      const copy = Buffer.from(bytes.subarray(0, 3000))
      for (let times = random(4); times > 0; times--) copy[random(Math.min(copy.byteLength, 64))] = random(256)
      return { dialler, bytes: random(8) === 0 ? copy.subarray(0, random(copy.byteLength)) : copy }
    })
    return { port: PORT, pieces }
  })
  const noise = Array.from({ length: 100 }, (): Recorded => {
    const front = ['', '89534654 0d0a1a0a', '0448454c4f', '5345434500000010', '89534654 0d0a1a0a 8001 5354524d 010114'][
      random(5)
    ] as string
    const bytes = Buffer.concat([
      Buffer.from(front.replaceAll(' ', ''), 'hex'),
      Buffer.from(Array.from({ length: 1 + random(400) }, () => random(256)))
    ])
    return { port: PORT, pieces: [{ dialler: random(2) === 0, bytes }] }
  })
  const little = broken.slice(0, 25).map(({ port, pieces }) => ({
    port,
    pieces: pieces.map(({ dialler, bytes }) => ({ dialler, bytes: bytes.subarray(0, 300) }))
  }))
  for (const [connections, size] of [
    [[...broken, ...noise], 1400],
    [[...little, ...noise], 11]
  ] as const) {
    const file = capture(connections, size)
    t.ok(tshark(file, '-V', '-d', `tcp.port==${PORT},sft`).includes('Not read after an error'))
    tshark(file, '-2', '-V')
  }
})

async function classicStreams(): Promise<Recorded[]> {
  const [, , ...transfers] = (await readCapture(CLASSIC)).connections
  return transfers.map(connection => ({ port: PORT, pieces: piecesOf(connection) }))
}

t.test('the capture of the classic system', async t => {
  t.equal(tshark(CLASSIC, '-Y', 'http.request.uri == "/verify"').trim().split('\n').length, 2, 'two logins')
  const rows = tshark(CLASSIC, '-Y', 'sft', '-T', 'fields', '-e', 'sft.classic.type', '-e', 'sft.classic.length').trim()
  const greeting = ['SECE\t1554', 'RSCV\t1554', 'RQFL\t256']
  t.same(rows.split('\n'), [...greeting, 'RSFL\t256', ...greeting, 'RSFL\t256', 'RSFL\t256', 'RSFL\t256'])
  const subjects = tshark(CLASSIC, '-Y', 'sft.classic.certificate', '-T', 'fields', '-e', 'x509sat.uTF8String')
  const names = subjects.trim().split('\n')
  t.match(names, [/user1/, /user3/, /user3/, /user1/])
  const [types] = values(capture(await classicStreams(), 1), ['sft.classic.type'], '-d', `tcp.port==${PORT},sft`)
  t.same(
    types,
    rows.split('\n').map(row => row.slice(0, 4))
  )
  t.equal(tshark(CLASSIC, '-Y', '_ws.expert && sft'), '')
})
