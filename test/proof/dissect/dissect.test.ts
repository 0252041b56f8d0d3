import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { encodeCertificates } from '../../../src/auth/certificates/pem.ts'
import { parseCapture, readCapture } from '../../../src/proof/capture/read.ts'
import { type Recorded, writeCapture } from '../../../src/proof/capture/write.ts'
import { dissect } from '../../../src/proof/dissect/dissect.ts'
import type { Dissected } from '../../../src/proof/model.ts'
import { pattern } from '../../fixtures/bytes.ts'
import { shellOf } from '../../fixtures/command.ts'
import { Tshark } from '../../fixtures/dissector.ts'
import { flaws } from '../../fixtures/frame-flaws.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'
import { piecesOf } from '../../fixtures/pieces.ts'
import { recorder } from '../../fixtures/recorder.ts'
import { noTshark } from '../../fixtures/tshark.ts'

/** On what real processes sent: recorded on a wire between them. */

t.setTimeout(170_000)
const CLASSIC = fileURLToPath(new URL('../../data/classic/capture.pcap', import.meta.url))
const CHUNK = 16 * 1024
/** Bytes of a frame beside its body: type and length, which is that of more than 127 bytes unless it is short. */
const framed = (body: number): number => 4 + body + (body + 4 < 128 ? 1 : body + 4 < 16_384 ? 2 : 3)

const directory = t.testdir({ alice: { in: {} }, bob: { served: {}, in: {} } })
const organisation = await makeOrganisation()
const aliceIdentity = await organisation.issue('alice')
const bobIdentity = await organisation.issue('bob')
const alice = await shellOf(t, join(directory, 'alice'), aliceIdentity)
const bob = await shellOf(t, join(directory, 'bob'), bobIdentity)
await mkdir(join(bob.directory, 'served'), { recursive: true })
for (const [name, size] of Object.entries({ 'plan.txt': 5 * CHUNK + 7, empty: 0 }))
  for (const at of [join(bob.directory, 'served'), alice.directory]) await writeFile(join(at, name), pattern(size))

function only(connections: readonly Recorded[], size?: number): Dissected[] {
  const found = dissect(parseCapture(writeCapture(connections, size)))
  for (const each of found) t.same(flaws(each), [])
  return found
}

const labels = ({ frames }: Dissected, direction: 'up' | 'down'): string[] =>
  frames.filter(frame => frame.direction === direction).map(({ label }) => label)

t.test('a get over three connections: frames, states, chunks, what is sealed', async t => {
  const args = ['serve', 'served', '--listen', '127.0.0.1:0', '--chunk-size', '16K']
  const server = await bob.listen(args)
  const wire = await recorder(t, server.address, 4433)
  const { code, stderr } = await alice.run(['get', `bob@${wire.address}`, 'plan.txt', '-o', 'got', '--streams', '3'])
  t.equal(code, 0, stderr)
  const [session, ...stripes] = only(wire.connections) as [Dissected, ...Dissected[]]
  t.equal(session.protocol, 'sft session')
  t.same(
    [session, ...stripes].flatMap(({ faults }) => faults),
    []
  )
  t.same(
    [session, ...stripes].flatMap(({ certificates }) => certificates),
    []
  )
  const up = labels(session, 'up').filter(label => label !== 'CRLN' && label !== 'PING')
  t.same(up, ['HELO', 'SECE', 'SECV', 'SECF', 'RQFL', 'ACPT', 'CLOS'])
  const down = labels(session, 'down').filter(label => label !== 'RSFL' && label !== 'PING')
  t.same(down.slice(0, 6), ['HELR', 'SECE', 'SECV', 'SECF', 'RSCV', 'STRM'])
  const [helo, helr] = session.frames
  t.same([helo?.sealed, helr?.sealed], [undefined, undefined], 'offers are in the clear')
  t.match(helo?.detail, /^suites aes-256-gcm chacha20-poly1305 rsa-oaep, shares X25519 and ML-KEM-768, state: start$/)
  t.match(helr?.detail, /^suite aes-256-gcm, shares X25519 and ML-KEM-768, state: hello sent$/)
  for (const { label, sealed, at, length } of session.frames.slice(2))
    t.equal(sealed ? sealed.at + sealed.length : 0, at + length, `${label} is sealed up to its end`)
  t.equal(stripes.length, 2)
  for (const stripe of stripes) {
    t.equal(stripe.protocol, 'sft session')
    t.same(labels(stripe, 'up').slice(0, 1), ['JOIN'])
    t.same(labels(stripe, 'down').slice(0, 1), ['JOIR'])
  }
  const chunks = [session, ...stripes].flatMap(({ frames }) => frames.filter(({ content }) => content))
  t.same(
    chunks.map(({ detail }) => detail).sort(),
    [0, 1, 2, 3, 4, 5].map(i => `chunk ${i}`)
  )
  const sizes = chunks.map(({ length }) => length).sort((a, b) => b - a)
  t.same(sizes, [...Array(5).fill(framed(8 + CHUNK + 16)), framed(8 + 7 + 16)])
  for (const { at, length, sealed } of chunks) t.equal(length - (sealed?.length ?? 0), (sealed?.at ?? 0) - at)
})

t.test('any cut of the same bytes gives the same frames', async t => {
  const receiver = await bob.listen(['recv', '--listen', '127.0.0.1:0', '--from', 'alice', '-o', 'pushed'])
  const wire = await recorder(t, receiver.address, 4433)
  const { code, stderr } = await alice.run(['send', 'plan.txt', `bob@${wire.address}`])
  t.equal(code, 0, stderr)
  const [whole] = only(wire.connections) as [Dissected]
  t.same(whole.faults, [])
  t.ok(labels(whole, 'up').includes('OFFR'))
  t.match(whole.frames.find(({ label }) => label === 'FINL')?.detail, /^1 chunk of 81927 bytes, state: receiving$/)
  for (const size of [1, 100]) {
    const [again] = only(wire.connections, size) as [Dissected]
    t.same(again.faults, [])
    t.same(again.frames, whole.frames)
  }
})

t.test('a refused request, and an empty file', async t => {
  const server = await bob.listen(['serve', 'served', '--listen', '127.0.0.1:0'])
  const wire = await recorder(t, server.address, 4433)
  t.equal((await alice.run(['get', `bob@${wire.address}`, 'none', '-o', 'none'])).code, 3)
  t.equal((await alice.run(['get', `bob@${wire.address}`, 'empty', '-o', 'void'])).code, 0)
  const [refused, empty] = only(wire.connections) as [Dissected, Dissected]
  t.same([...refused.faults, ...empty.faults], [])
  t.ok(labels(refused, 'down').includes('RSCI'))
  t.match(empty.frames.find(({ label }) => label === 'FINL')?.detail, /^0 chunks, /)
})

t.test('a pipe: header, chunks, end', async t => {
  await writeFile(join(alice.directory, 'bob.crt'), encodeCertificates(bobIdentity.chain))
  await writeFile(join(alice.directory, 'alice.crt'), encodeCertificates(aliceIdentity.chain))
  for (const [args, details] of [
    [['--to', 'bob.crt', '--chunk-size', '16K'], 'suite aes-256-gcm, chunks of 16384 bytes, 1 recipient'],
    [
      ['--to', 'bob.crt', '--to', 'alice.crt', '--chunk-size', '16K'],
      'suite aes-256-gcm, chunks of 16384 bytes, 2 recipients'
    ],
    [['--to', 'bob.crt', '--suite', 'rsa-oaep'], 'suite rsa-oaep, chunks of 65536 bytes, 1 recipient']
  ] as const) {
    const { code, stdout, stderr } = await alice.run(['send', 'plan.txt', ...args])
    t.equal(code, 0, stderr)
    for (const dialler of [true, false]) {
      const [pipe] = only([{ port: 9, pieces: [{ dialler, bytes: stdout }] }]) as [Dissected]
      t.equal(pipe.protocol, 'sft pipe')
      t.same(pipe.faults, [])
      t.same(pipe.certificates, [])
      const [magic, header, first] = pipe.frames
      t.same([magic?.label, header?.label, header?.detail, first?.detail], ['magic', 'STRM', details, 'chunk 0'])
      t.ok(header?.sealed && header.sealed.at > header.at + 100, 'the clear part of the header is not sealed')
      t.equal(pipe.frames.at(-1)?.label, 'FINL')
    }
  }
})

t.test('M172: what is behind the end of a pipe, and what is not there', async t => {
  const { stdout } = await alice.run(['send', 'plan.txt', '--to', 'bob.crt', '--chunk-size', '16K'])
  const of = (bytes: Uint8Array): Dissected => only([{ port: 9, pieces: [{ dialler: true, bytes }] }])[0] as Dissected
  const behind = of(Buffer.concat([stdout, Buffer.from('more')]))
  t.same(behind.faults, [{ direction: 'up', at: stdout.byteLength, reason: 'bytes behind the end of the stream' }])
  t.match(behind.frames.at(-1), { label: 'unexplained', at: stdout.byteLength, length: 4 })
  const cut = of(stdout.subarray(0, -1))
  t.match(cut.faults, [{ reason: 'the flow ends inside a frame FINL' }])
  t.equal(cut.frames.at(-1)?.label, 'FINL')
  const endless = of(stdout.subarray(0, -45))
  t.match(endless.faults, [{ reason: 'the stream has no end' }])
  const without = of(
    Buffer.concat([stdout.subarray(0, -45 - framed(31) - framed(CHUNK + 24)), stdout.subarray(-45 - framed(31))])
  )
  t.match(without.faults, [{ reason: 'chunk 5 behind chunk 3' }])
})

t.test('the classic system', async t => {
  const found = dissect(await readCapture(CLASSIC))
  for (const each of found) t.same([flaws(each), each.faults], [[], []])
  t.same(
    found.map(({ protocol, certificates }) => [
      protocol,
      certificates.map(({ packet, subject }) => [packet, subject.slice(-8)])
    ]),
    [
      ['http', [[18, 'CN=user1']]],
      ['http', [[32, 'CN=user3']]],
      [
        'classic',
        [
          [52, 'CN=user1'],
          [54, 'CN=user3']
        ]
      ],
      [
        'classic',
        [
          [330, 'CN=user3'],
          [332, 'CN=user1']
        ]
      ]
    ]
  )
  const [, , , transfer] = found as [Dissected, Dissected, Dissected, Dissected]
  t.same(
    transfer.frames.map(({ label, sealed, content }) => [label, sealed?.length, content]),
    [
      ['SECE', undefined, false],
      ['RSCV', undefined, false],
      ['RQFL', 256, false],
      ['RSFL', 256, true],
      ['RSFL', 256, true],
      ['RSFL', 256, true]
    ]
  )
})

t.test('what nobody knows is unexplained', t => {
  const pieces = [
    { dialler: true, bytes: pattern(100) },
    { dialler: false, bytes: Buffer.from('hello') }
  ]
  const [some, none] = only([
    { port: 443, pieces },
    { port: 4433, pieces: [] }
  ]) as [Dissected, Dissected]
  t.same(some.protocol, 'unknown')
  t.same(
    some.frames.map(({ label, length }) => [label, length]),
    [
      ['unexplained', 100],
      ['unexplained', 5]
    ]
  )
  t.same([none.protocol, none.frames, none.faults], ['unknown', [], []])
  t.end()
})

t.test('the same frames as the dissector in tshark has them, in the same packets', { skip: noTshark }, async t => {
  const shark = new Tshark(t, directory)
  const server = await bob.listen(['serve', 'served', '--listen', '127.0.0.1:0', '--chunk-size', '16K'])
  const wire = await recorder(t, server.address, 4433)
  t.equal((await alice.run(['get', `bob@${wire.address}`, 'plan.txt', '-o', 'again', '--streams', '2'])).code, 0)
  const { stdout } = await alice.run(['send', 'plan.txt', '--to', 'bob.crt', '--chunk-size', '16K'])
  const pipe = { port: 4433, pieces: [{ dialler: true, bytes: stdout }] }
  const classic = (await readCapture(CLASSIC)).connections.slice(2)
  const transfers = classic.map(connection => ({ port: 4433, pieces: piecesOf(connection) }))
  for (const recorded of [...wire.connections, pipe, ...transfers]) {
    const file = shark.capture([recorded], 1000)
    const { connection, frames } = dissect(await readCapture(file))[0] as Dissected
    const own = frames
      .filter(({ label }) => label !== 'magic')
      .map(({ direction, at, length, label }) => `${connection[direction].packetAt(at + length - 1)} ${label}`)
    const rows = shark.run(
      file,
      '-Y',
      'sft',
      '-T',
      'fields',
      '-e',
      'frame.number',
      '-e',
      'sft.type',
      '-e',
      'sft.classic.type'
    )
    const theirs = rows.split('\n').flatMap(row => {
      const [number, ...types] = row.split('\t')
      return types.flatMap(type => type.split(',').filter(Boolean)).map(type => `${number} ${type}`)
    })
    t.same(own, theirs)
    t.ok(own.length > 3)
  }
})
