import { randomBytes } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import t from 'tap'
import { parseCapture } from '../../../src/proof/capture/read.ts'
import { dissect } from '../../../src/proof/dissect/dissect.ts'
import { judgeClaims } from '../../../src/proof/judge/judge.ts'
import type { Claim, ClaimId } from '../../../src/proof/model.ts'
import { ipv4, ipv6, pcap, type Taken, type Tcp, tcp } from '../../fixtures/packets.ts'

/** A file that went past every flow: it is found all the same, and what of a connection is in no flow of it is told. */

const FILE = randomBytes(3000)
const NAME = 'alexandra-of-the-board'
const known = {
  plain: [{ name: 'list-of-salaries', bytes: FILE }],
  texts: [{ kind: 'user name', text: NAME }] as const
}

const segment = (up: boolean, fields: Tcp): Taken => {
  const bytes = tcp({ ...fields, ports: up ? [40_000, 4433] : [4433, 40_000] })
  return { bytes: up ? ipv4(bytes) : ipv4(bytes, { 15: 2, 19: 1 }) }
}
const sealed = randomBytes(5000)
/** A connection with both ends: packets 1 to 6. */
const CONNECTION: readonly Taken[] = [
  segment(true, { flags: 2, sequence: 0 }),
  segment(false, { flags: 18, sequence: 0 }),
  segment(true, { sequence: 1 }),
  segment(true, { sequence: 1, bytes: sealed }),
  segment(true, { flags: 17, sequence: 5001 }),
  segment(false, { flags: 17, sequence: 1, acknowledged: 5002 })
]

async function judged(others: readonly Taken[], { link = 101, before = CONNECTION } = {}) {
  const capture = parseCapture(pcap([...before, ...others], { link }))
  const claims = await judgeClaims(dissect(capture), known, capture.strays)
  return (id: ClaimId): Claim => claims.find(each => each.id === id) as Claim
}

const said = ({ evidence }: Claim): string => evidence.map(({ text }) => text).join('\n')

const datagram = (bytes: Uint8Array): Buffer => Buffer.concat([Buffer.from('30393039', 'hex'), Buffer.alloc(4), bytes])
/** In pieces, each with what stands before it. */
const pieces = (bytes: Uint8Array, size: number): Uint8Array[] =>
  Array.from({ length: Math.ceil(bytes.byteLength / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size))
const fragment: [number, Buffer] = [44, Buffer.from('00000900000001', 'hex')]

/** How it goes past, what it is called then, and whether it ought to be in a flow. */
const WAYS: Record<string, [of: (bytes: Uint8Array) => Taken[], name: RegExp, isOfConnection: boolean]> = {
  'datagrams of UDP': [
    bytes => pieces(bytes, 7).map(each => ({ bytes: ipv4(datagram(each), { 9: 17 }) })),
    /datagrams of UDP/,
    false
  ],
  'fragments of a datagram': [
    bytes => pieces(bytes, 8).map((each, at) => ({ bytes: ipv4(each, { 6: 0x20, 7: at + 1, 9: 17 }) })),
    /datagrams of UDP/,
    false
  ],
  'what a ping carries': [
    bytes => pieces(bytes, 500).map(each => ({ bytes: ipv4(datagram(each), { 9: 1 }) })),
    /messages of ICMP/,
    false
  ],
  'another protocol': [bytes => [{ bytes: ipv4(bytes, { 9: 47 }) }], /IP packets of other protocols/, false],
  'another protocol of IPv6': [bytes => [{ bytes: ipv6(bytes, [[59, Buffer.alloc(7)]]) }], /of other protocols/, false],
  'fragments of a segment': [
    bytes => pieces(bytes, 8).map((each, at) => ({ bytes: ipv4(each, { 6: 0x20, 7: at + 1 }) })),
    /fragments of IP packets with TCP/,
    true
  ],
  'a fragment of IPv6': [bytes => [{ bytes: ipv6(bytes, [fragment]) }], /fragments of IP packets with TCP/, true],
  'the payload of a reset': [
    bytes => [segment(true, { flags: 4, sequence: 5002, bytes })],
    /the payload of resets/,
    true
  ],
  'a number that is far away': [
    bytes => [segment(true, { flags: 24, sequence: 2 ** 31, bytes })],
    /segments that have no place/,
    true
  ],
  'numbers before the first': [
    bytes => [segment(true, { flags: 24, sequence: 1 - bytes.byteLength, bytes })],
    /segments that have no place/,
    true
  ],
  'signs of life': [
    bytes => pieces(bytes, 1).map(each => segment(true, { flags: 16, sequence: 5000, bytes: each })),
    /signs of life/,
    false
  ],
  'a packet whose header can not be': [bytes => [{ bytes: ipv4(bytes, { 0: 0x44 }) }], /can not be read/, true],
  'what stands behind a packet': [
    bytes => [{ bytes: Buffer.concat([ipv4(datagram(Buffer.alloc(0)), { 9: 17 }), bytes]) }],
    /what stands behind IP packets/,
    false
  ],
  'what is no IP': [bytes => [{ bytes: Buffer.concat([Buffer.of(0x55), bytes]) }], /frames that are not IP/, false]
}

for (const [way, [of, name, isOfConnection]] of Object.entries(WAYS)) {
  t.test(`M174: a file in ${way}`, async t => {
    for (const bytes of [FILE, deflateRawSync(FILE, { level: 6 })]) {
      const claim = (await judged(of(Buffer.from(bytes))))('plaintext')
      t.equal(claim.verdict, 'fails')
      t.match(said(claim), name)
      t.ok((claim.evidence[0]?.packets[0] ?? 0) > CONNECTION.length, 'with its packet')
    }
    const names = (await judged(of(Buffer.from(`it was ${NAME.toUpperCase()}.`))))('names')
    t.equal(names.verdict, 'fails')
    t.match(said(names), name)
  })

  t.test(`M171: noise in ${way}`, async t => {
    const of3000 = of(randomBytes(3000))
    const found = await judged(of3000)
    for (const id of ['names', 'plaintext'] as const) {
      t.equal(found(id).verdict, 'holds', said(found(id)))
      t.match(said(found(id)), /Looked through as well: /)
    }
    const connections = found('connections')
    t.equal(connections.verdict, isOfConnection ? 'fails' : 'holds', said(connections))
    t.match(said(connections), name)
    const evidence = connections.evidence.find(({ text }) => name.test(text))
    t.equal(evidence?.packets.length, Math.min(16, of3000.length))
    t.equal(evidence?.packets[0], CONNECTION.length + 1)
  })
}

t.test('a connection alone: nothing is beside it', async t => {
  const found = await judged([])
  for (const id of ['connections', 'names', 'plaintext'] as const) {
    t.equal(found(id).verdict, 'holds', said(found(id)))
    t.notMatch(said(found(id)), /Beside|as well/)
  }
})

t.test('zeros behind a packet, and a reset or a sign of life that carries nothing, are nothing', async t => {
  const padded = { bytes: Buffer.concat([segment(true, { sequence: 5002 }).bytes, Buffer.alloc(6)]) }
  const found = await judged([padded, segment(false, { flags: 4, sequence: 2 }), segment(true, { sequence: 5000 })])
  for (const id of ['connections', 'names', 'plaintext'] as const) {
    t.equal(found(id).verdict, 'holds', said(found(id)))
    t.notMatch(said(found(id)), /Beside|as well/)
  }
})

t.test('M173: what was cut off and can not be looked through', async t => {
  const bytes = ipv4(datagram(randomBytes(100)), { 9: 17 })
  const unsaid = ipv4(datagram(randomBytes(100)), { 2: 0, 3: 0, 9: 17 })
  for (const [packet, lost] of [
    [{ bytes, captured: 80 }, 48],
    [{ bytes, captured: 28 }, 100],
    [{ bytes: unsaid, captured: 80 }, 48]
  ] as const) {
    const found = await judged([packet])
    for (const id of ['names', 'plaintext'] as const) {
      t.equal(found(id).verdict, 'unknown')
      t.match(found(id).evidence[0], { text: RegExp(`lacks ${lost} bytes of datagrams of UDP`), packets: [7] })
    }
    t.equal(found('connections').verdict, 'holds')
  }
  t.equal((await judged([{ bytes: unsaid }]))('plaintext').verdict, 'holds', 'whole, though it says no length')
})

t.test('packets of a link type that nobody here reads may be of a connection', async t => {
  const found = await judged([{ bytes: FILE }], { link: 147, before: [] })
  t.match(found('connections'), { verdict: 'fails' })
  t.match(found('plaintext'), { verdict: 'fails', evidence: [{ packets: [1] }] })
})

t.test('M173: nothing at all, and nothing of TCP, hold nothing', async t => {
  for (const others of [[], [{ bytes: ipv4(datagram(randomBytes(100)), { 9: 17 }) }], CONNECTION.slice(0, 3)]) {
    const found = await judged(others, { before: [] })
    for (const id of ['certificates', 'names', 'plaintext', 'sizes', 'randomness', 'fresh-keys', 'nonces'] as const) {
      t.equal(found(id).verdict, 'unknown', id)
      t.match(said(found(id)), /There is nothing to look at: no connection in the capture carried a byte/)
    }
    t.equal(found('connections').verdict, 'fails')
  }
})
