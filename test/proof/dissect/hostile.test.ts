import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import t from 'tap'
import { encodeCertificates } from '../../../src/auth/certificates/pem.ts'
import { parseCapture, readCapture } from '../../../src/proof/capture/read.ts'
import { type Recorded, writeCapture } from '../../../src/proof/capture/write.ts'
import { dissect } from '../../../src/proof/dissect/dissect.ts'
import type { Dissected } from '../../../src/proof/model.ts'
import { pattern } from '../../fixtures/bytes.ts'
import { shellOf } from '../../fixtures/command.ts'
import { frameHead } from '../../fixtures/dissected.ts'
import { flaws } from '../../fixtures/frame-flaws.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'
import { piecesOf } from '../../fixtures/pieces.ts'
import { recorder } from '../../fixtures/recorder.ts'

/** What was recorded, and then changed: every byte stays in a frame, and what is not as it was sent is told (M172). */

t.setTimeout(170_000)
const directory = t.testdir({ alice: {}, bob: { served: {} } })
const organisation = await makeOrganisation()
const bobIdentity = await organisation.issue('bob')
const alice = await shellOf(t, join(directory, 'alice'), await organisation.issue('alice'))
const bob = await shellOf(t, join(directory, 'bob'), bobIdentity)
await mkdir(join(bob.directory, 'served'), { recursive: true })
for (const at of [join(bob.directory, 'served'), alice.directory]) await writeFile(join(at, 'plan'), pattern(40_000))

const server = await bob.listen(['serve', 'served', '--listen', '127.0.0.1:0', '--chunk-size', '16K'])
const wire = await recorder(t, server.address, 4433)
const get = await alice.run(['get', `bob@${wire.address}`, 'plan', '-o', 'got', '--streams', '2'])
await writeFile(join(alice.directory, 'bob.crt'), encodeCertificates(bobIdentity.chain))
const sealed = await alice.run(['send', 'plan', '--to', 'bob.crt', '--chunk-size', '16K'])

const classic = await readCapture(fileURLToPath(new URL('../../data/classic/capture.pcap', import.meta.url)))
const [login, , transfer] = classic.connections.map(
  (connection): Recorded => ({ port: 1, pieces: piecesOf(connection) })
) as [Recorded, Recorded, Recorded]

t.same([get.code, sealed.code], [0, 0], get.stderr + sealed.stderr)

const ORIGINALS: Record<string, Recorded> = {
  session: wire.connections[0] as Recorded,
  stripe: wire.connections[1] as Recorded,
  pipe: { port: 1, pieces: [{ dialler: true, bytes: sealed.stdout }] },
  transfer,
  login
}

function dissected(recorded: Recorded): Dissected {
  const [found] = dissect(parseCapture(writeCapture([recorded], 1400))) as [Dissected]
  t.same(flaws(found), [])
  return found
}

/** One piece, by chance, with a change at an offset by chance. */
function change(
  recorded: Recorded,
  piece: number,
  at: number,
  to: (bytes: Buffer, at: number) => Uint8Array
): Recorded {
  const filled = recorded.pieces.filter(({ bytes }) => bytes.byteLength > 0)
  const chosen = filled[piece % filled.length]
  const pieces = filled.map(each => {
    if (each !== chosen) return each
    return { ...each, bytes: to(Buffer.from(each.bytes), at % each.bytes.byteLength) }
  })
  return { ...recorded, pieces }
}

const without = (bytes: Buffer, at: number): Buffer => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
const twice = (bytes: Buffer, at: number): Buffer =>
  Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + 1), bytes.subarray(at)])

for (const [name, original] of Object.entries(ORIGINALS)) {
  t.test(`${name}: any byte changed`, t => {
    t.same(dissected(original).faults, [])
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (piece, at, flip) => {
        dissected(
          change(original, piece, at, (bytes, offset) => {
            bytes[offset] = (bytes[offset] as number) ^ flip
            return bytes
          })
        )
      }),
      { numRuns: 150 }
    )
    t.end()
  })

  // of HTTP a text may be shorter, or longer, and still be one
  if (name === 'login') continue
  t.test(`M172: ${name}: a byte that is missing, or there twice, is told`, t => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.constantFrom(without, twice), (piece, at, to) => {
        const { faults, protocol } = dissected(change(original, piece, at, to))
        t.ok(faults.length > 0 || protocol === 'unknown', `${name}, piece ${piece}, byte ${at}, ${to.name}`)
      }),
      { numRuns: 150 }
    )
    t.end()
  })
}

t.test('M170: two million frames at most', t => {
  const join = Buffer.from('044a4f494e', 'hex')
  const bytes = Buffer.alloc(2_000_001 * join.byteLength, join)
  const capture = parseCapture(writeCapture([{ port: 1, pieces: [{ dialler: true, bytes }] }], 60_000))
  t.throws(() => dissect(capture), { code: 'ERR_SFT_LIMIT' })
  t.end()
})

t.test('a session of more frames than a call takes arguments', t => {
  const frame = (type: string, body: number): Buffer => Buffer.concat([frameHead(type, body), Buffer.alloc(body, 1)])
  const bytes = Buffer.concat([frame('HELO', 100), ...Array<Buffer>(200_000).fill(frame('PING', 16))])
  const [found] = dissect(parseCapture(writeCapture([{ port: 1, pieces: [{ dialler: true, bytes }] }])))
  t.equal(found?.frames.length, 200_001)
  t.end()
})
