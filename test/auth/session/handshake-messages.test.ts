import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import {
  ABORTS,
  type Abort,
  ACCEPT_KINDS,
  abortion,
  acceptance,
  type Codec,
  certificates,
  fileOffer,
  fileRequest,
  hello,
  helloReply,
  joinRequest,
  REFUSALS,
  type Refusal,
  refusal,
  sessionBegins
} from '../../../src/auth/session/handshake-messages.ts'
import { listPiece } from '../../../src/auth/session/list-messages.ts'
import type { SftError } from '../../../src/streams/errors.ts'
import { decodeVarint } from '../../../src/streams/varint.ts'

const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size })
const int = fc.oneof(fc.nat(), fc.maxSafeNat())
const list = fc.array(fc.nat({ max: 0xffff }), { minLength: 1, maxLength: 8 })
const stripes = fc
  .uniqueArray(fc.integer({ min: 1, max: 15 }), { minLength: 1, maxLength: 15 })
  .map(numbers => Uint8Array.from(numbers).sort())
const text = (max: number) =>
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
    .filter(value => Buffer.byteLength(value) <= max && value.isWellFormed())

function record<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }, required: (keyof T)[]): fc.Arbitrary<T> {
  return fc.record(fields, { requiredKeys: required, noNullPrototype: true }) as fc.Arbitrary<T>
}

/** Every message of a session with values that are legal for it. */
const MESSAGES: Record<string, { codec: Codec<unknown>; values: fc.Arbitrary<unknown> }> = {
  HELO: of(
    hello,
    record(
      {
        versions: list,
        suites: list,
        groups: list,
        random: bytes(32),
        x25519: bytes(32),
        kemKey: bytes(1184),
        chunkPower: int
      },
      ['versions', 'suites', 'groups', 'random', 'x25519', 'chunkPower']
    )
  ),
  HELR: of(
    helloReply,
    record({ version: int, suite: int, group: int, random: bytes(32), x25519: bytes(32), kemCiphertext: bytes(1088) }, [
      'version',
      'suite',
      'group',
      'random',
      'x25519'
    ])
  ),
  SECE: of(certificates, record({ chain: fc.uint8Array({ maxLength: 300 }), crlNumbers: bytes(56) }, ['chain'])),
  RSCV: of(sessionBegins, record({ sessionId: bytes(32), chunkPower: int }, ['sessionId', 'chunkPower'])),
  JOIN: of(
    joinRequest,
    record({ sessionId: bytes(32), stripe: fc.integer({ min: 1, max: 15 }), random: bytes(32), mac: bytes(32) }, [
      'sessionId',
      'stripe',
      'random',
      'mac'
    ])
  ),
  RQFL: of(
    fileRequest,
    record({ request: int, path: text(4096), offset: int, stripes, fileId: bytes(32) }, ['request', 'path', 'offset'])
  ),
  OFFR: of(
    fileOffer,
    record(
      {
        request: int,
        name: text(255),
        size: int,
        stripes,
        fileId: bytes(32),
        content: int,
        receipt: fc.constant(1),
        job: bytes(32)
      },
      ['request', 'name']
    )
  ),
  ACPT: of(
    acceptance,
    record(
      { request: int, kind: fc.constantFrom(...ACCEPT_KINDS), offset: int, receipt: fc.uint8Array({ maxLength: 300 }) },
      ['request', 'kind', 'offset']
    )
  ),
  CRLN: of(
    listPiece,
    record({ issuer: bytes(300), size: int, offset: int, piece: fc.uint8Array({ minLength: 1 }) }, [
      'size',
      'offset',
      'piece'
    ])
  ),
  RSCI: of(refusal, fc.constantFrom(...(Object.keys(REFUSALS) as Refusal[]))),
  ABRT: of(abortion, fc.constantFrom(...(Object.keys(ABORTS) as Abort[])))
}

function of<T>(codec: Codec<T>, values: fc.Arbitrary<T>): { codec: Codec<unknown>; values: fc.Arbitrary<unknown> } {
  return { codec: codec as Codec<unknown>, values }
}

for (const [type, { codec, values }] of Object.entries(MESSAGES)) {
  t.test(`${type}: decode(encode(x)) = x`, t => {
    fc.assert(
      fc.property(values, value => isDeepStrictEqual(codec.decode(codec.encode(value)), value)),
      { numRuns: 200 }
    )
    t.end()
  })

  t.test(`${type}: encode(decode(b)) = b, or b is refused`, t => {
    const edited = fc
      .tuple(values, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 2 }), fc.nat({ max: 3 }))
      .map(([value, edits, cut]) => {
        const body = codec.encode(value)
        for (const [at, byte] of edits) body[at % body.length] = byte
        return body.slice(0, body.length - cut)
      })
    const canonical = (body: Uint8Array): boolean => {
      const value = attempt(codec, body)
      return value === undefined || skips(type, body) || Buffer.compare(codec.encode(value), body) === 0
    }
    fc.assert(fc.property(fc.oneof(edited, fc.uint8Array({ maxLength: 80 })), canonical), { numRuns: 1000 })
    t.end()
  })

  t.test(`${type}: no proper prefix is taken for the whole`, t => {
    const mistaken: number[] = []
    for (const value of fc.sample(values, { numRuns: 3, seed: 1 })) {
      const body = codec.encode(value)
      for (let end = 0; end < body.length; end++) {
        if (isDeepStrictEqual(attempt(codec, body.slice(0, end)), value)) mistaken.push(end)
      }
    }
    t.strictSame(mistaken, [])
    t.end()
  })
}

t.test('what a schema can not say is refused too', t => {
  const share = { random: new Uint8Array(32), x25519: new Uint8Array(32) }
  const legal = { versions: [1], suites: [1], groups: [1], chunkPower: 14, ...share }
  for (const name of ['versions', 'suites', 'groups']) {
    t.throws(() => hello.decode(hello.encode({ ...legal, [name]: [] })), { code: 'ERR_SFT_ENCODING' })
  }
  const odd = hello.encode(legal)
  const longer = Buffer.concat([Uint8Array.of(1, 3, 0, 1, 0), odd.subarray(4)])
  t.throws(() => hello.decode(longer), { code: 'ERR_SFT_ENCODING' }, 'a list of an odd size')
  t.throws(() => fileRequest.encode({ request: 1, path: '', offset: 0 }), { code: 'ERR_SFT_ENCODING' })
  t.throws(() => fileRequest.decode(Uint8Array.of(1, 0, 2, 0, 3, 0)), { code: 'ERR_SFT_ENCODING' })
  t.throws(() => fileRequest.encode({ request: 1, path: 'x'.repeat(4097), offset: 0 }), {
    code: 'ERR_SFT_ENCODING'
  })
  t.ok(fileRequest.decode(fileRequest.encode({ request: 1, path: 'x'.repeat(4096), offset: 0 })))
  t.throws(() => fileOffer.decode(Uint8Array.of(1, 0, 2, 0)), { code: 'ERR_SFT_ENCODING' })
  t.throws(() => fileOffer.encode({ request: 1, name: 'x'.repeat(256) }), { code: 'ERR_SFT_ENCODING' })
  t.throws(() => acceptance.decode(Uint8Array.of(1, 0, 2, 1, 3, 3, 0)), { code: 'ERR_SFT_ENCODING' }, 'kind 3')
  t.throws(() => certificates.encode({ chain: new Uint8Array(6149) }), { code: 'ERR_SFT_ENCODING' })
  t.throws(() => certificates.encode({ chain: new Uint8Array(0), crlNumbers: new Uint8Array(17 * 28) }), {
    code: 'ERR_SFT_ENCODING'
  })
  t.throws(() => listPiece.encode({ size: 1, offset: 0, piece: new Uint8Array(0) }), { code: 'ERR_SFT_ENCODING' })
  const joining = { sessionId: new Uint8Array(32), random: new Uint8Array(32), mac: new Uint8Array(32) }
  for (const stripe of [0, 16, 256])
    t.throws(() => joinRequest.encode({ ...joining, stripe }), { code: 'ERR_SFT_ENCODING' }, `stripe ${stripe}`)
  for (const stripes of [[], [0], [16], [2, 1], [1, 1], Array.from({ length: 16 }, (_, i) => i + 1)]) {
    const list = Uint8Array.from(stripes)
    const request = { request: 1, path: 'x', offset: 0, stripes: list }
    t.throws(() => fileRequest.encode(request), { code: 'ERR_SFT_ENCODING' }, `stripes ${stripes}`)
    t.throws(() => fileOffer.encode({ request: 1, name: 'x', stripes: list }), { code: 'ERR_SFT_ENCODING' })
  }
  for (const body of [[], [0], [14], [1, 1]]) {
    t.throws(() => refusal.decode(Uint8Array.from(body)), { code: 'ERR_SFT_ENCODING' })
    t.throws(() => abortion.decode(Uint8Array.from(body)), { code: 'ERR_SFT_ENCODING' })
  }
  t.end()
})

function attempt(codec: Codec<unknown>, body: Uint8Array): unknown {
  try {
    return codec.decode(body)
  } catch (error) {
    if ((error as SftError).code !== 'ERR_SFT_ENCODING') throw error
    return undefined
  }
}

/** True when a body that decodes has a field that is unknown and not critical: those are skipped. */
function skips(type: string, body: Uint8Array): boolean {
  for (let at = 0; type !== 'RSCI' && type !== 'ABRT' && at < body.length; ) {
    if ((body[at] as number) >= 0x80) return true
    const length = decodeVarint(body, at + 1)
    at += 1 + (length?.size ?? 0) + (length?.value ?? 0)
  }
  return false
}
