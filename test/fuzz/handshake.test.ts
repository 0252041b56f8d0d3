import t from 'tap'
import { hello, helloReply } from '../../src/auth/session/handshake-messages.ts'
import { secure } from '../../src/auth/session/secure.ts'
import type { Role } from '../../src/auth/session/states.ts'
import type { Frame, FrameType } from '../../src/streams/types.ts'
import { asFrame, type Edit, editFrames, scripted } from '../fixtures/duplex-pair.ts'
import { recordFlights } from '../fixtures/flips.ts'
import { attempt } from '../fixtures/handshake.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { type Seeded, seeded } from '../fixtures/seeded.ts'

/** Random edits of live handshakes and of recorded ones, for `SFT_FUZZ_S` seconds (3 by default). */
const SECONDS = Number(process.env.SFT_FUZZ_S ?? 3)
const DEADLINES = { firstByte: 100, handshake: 100, idle: 100, ping: 10_000, close: 50 }
const TYPES: FrameType[] = [
  'HELO',
  'HELR',
  'SECE',
  'SECV',
  'SECF',
  'RSCV',
  'RSCI',
  'RQFL',
  'RSFL',
  'PING',
  'ABRT',
  'CLOS'
]
const AT_ONCE = 16

const random = seeded()
const organisation = await makeOrganisation()
const sides = { initiator: await organisation.issue('alice'), responder: await organisation.issue('bob') }
const flights = await recordFlights(sides)

t.setTimeout((SECONDS + 60) * 1000)

t.test('no input makes a peer accept, hang, or fail without a code', { timeout: (SECONDS + 60) * 1000 }, async t => {
  t.comment(`SFT_SEED=${random.seed}`)
  const end = performance.now() + SECONDS * 1000
  const wrong: string[] = []
  let runs = 0
  const work = async (): Promise<void> => {
    while (performance.now() < end && wrong.length < 10) {
      const round = runs++
      const problem = await (round % 3 === 0 ? editLive() : replayEdited(round % 3 === 1 ? 'responder' : 'initiator'))
      if (problem !== undefined) wrong.push(`round ${round}: ${problem}`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  t.comment(`${runs} runs`)
  t.ok(runs > AT_ONCE)
  t.strictSame(wrong, [])
})

/** One direction of a live handshake with a frame of its four edited. */
async function editLive(): Promise<string | undefined> {
  const way = random.int(2) === 0 ? 'forth' : 'back'
  const at = random.int(4)
  const edit: Edit = editFrames((frame, index) => (index === at ? editFrame(asFrame(frame), random) : [asFrame(frame)]))
  const deadlines = { deadlines: DEADLINES }
  const ends = await attempt(sides, { [way]: edit, initiatorOptions: deadlines, responderOptions: deadlines })
  const target = way === 'forth' ? ends.responder : ends.initiator
  const codes = Object.values(ends).every(code => code === 'ok' || isCode(code))
  return target === 'ok' || !codes ? `${way} ${at}: ${JSON.stringify(ends)}` : undefined
}

/** A recorded flight, edited byte by byte, to a peer that never saw it. */
async function replayEdited(role: Role): Promise<string | undefined> {
  const sent = editBytes(role === 'responder' ? flights.forth : flights.back, random)
  const open = secure(role, sides[role], { expect: 'bob', deadlines: DEADLINES })
  const code = await open(scripted(sent)).then(
    () => 'ok',
    error => String(error.code ?? error)
  )
  return isCode(code) ? undefined : `${role}: ${code}`
}

/** Never the frame as it was: changed, cut, longer, of another type, twice, or beside another. */
function editFrame(frame: Frame, random: Seeded): Frame[] {
  const body = Buffer.concat(frame.body)
  const other = TYPES.filter(type => type !== frame.type)[random.int(TYPES.length - 1)] as FrameType
  const edits = [
    () => [{ type: frame.type, body: [changed(body, random)] }],
    () => [{ type: frame.type, body: [body.subarray(0, random.int(body.byteLength))] }],
    () => [{ type: frame.type, body: [body, random.bytes(1 + random.int(40))] }],
    () => [{ type: other, body: [body] }],
    () => [frame, { type: other, body: [random.bytes(random.int(40))] }, frame],
    () => [{ type: other, body: [random.bytes(random.int(40))] }, frame],
    () => [reencoded(frame, body, random)]
  ]
  return (edits[random.int(edits.length)] as () => Frame[])()
}

/** Changes 1 to 4 bytes. */
function changed(body: Uint8Array, random: Seeded): Uint8Array {
  const copy = Uint8Array.from(body)
  const first = random.int(copy.byteLength)
  copy[first] = (copy[first] as number) ^ (1 + random.int(255))
  for (let more = random.int(4); more > 0; more--) copy[(first + more) % copy.byteLength] = random.int(256)
  return copy
}

/** A legal hello with another content; other frames have a byte changed. */
function reencoded(frame: Frame, body: Uint8Array, random: Seeded): Frame {
  const fresh = { random: random.bytes(32), x25519: random.bytes(32) }
  if (frame.type === 'HELO') return { type: 'HELO', body: [hello.encode({ ...hello.decode(body), ...fresh })] }
  if (frame.type === 'HELR')
    return { type: 'HELR', body: [helloReply.encode({ ...helloReply.decode(body), ...fresh })] }
  return { type: frame.type, body: [changed(body, random)] }
}

function editBytes(bytes: Uint8Array, random: Seeded): Uint8Array {
  const at = random.int(bytes.byteLength)
  const edits = [
    () => changed(bytes, random),
    () => bytes.subarray(0, at),
    () => Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.int(20)), bytes.subarray(at)]),
    () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.int(20))]),
    () => Buffer.concat([bytes.subarray(at), bytes.subarray(0, at)]),
    () => random.bytes(random.int(3000)),
    () => bytes
  ]
  return (edits[random.int(edits.length)] as () => Uint8Array)()
}

/** Codes of a peer's fault: never one of our own, never an error without a code. */
function isCode(code: string): boolean {
  return /^ERR_SFT_/.test(code) && code !== 'ERR_SFT_INTERNAL'
}
