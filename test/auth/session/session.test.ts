import { getEventListeners } from 'node:events'
import t from 'tap'
import type { PeerIdentity } from '../../../src/auth/certificates/path.ts'
import {
  ABORTS,
  type Abort,
  fileOffer,
  fileRequest,
  sessionBegins
} from '../../../src/auth/session/handshake-messages.ts'
import { recordKeys } from '../../../src/auth/session/records.ts'
import type { SecureDuplex } from '../../../src/auth/session/secure-duplex.ts'
import { Session } from '../../../src/auth/session/session.ts'
import { SftError } from '../../../src/streams/errors.ts'
import { messageStream } from '../../../src/streams/messages.ts'
import type { Frame, FrameType, ReceivedFrame, SealedChunk } from '../../../src/streams/types.ts'
import { asFrame, duplexPair, type Edit, editFrames, record, tcpPair } from '../../fixtures/duplex-pair.ts'
import { FLIGHT_FRAMES } from '../../fixtures/flips.ts'
import { type Attempt, connected } from '../../fixtures/handshake.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'

const organisation = await makeOrganisation()
const sides = { initiator: await organisation.issue('alice'), responder: await organisation.issue('bob') }

const REQUEST = fileRequest.encode({ request: 1, path: 'a/b', offset: 0 })
const OFFER = fileOffer.encode({ request: 1, name: 'a' })
const ANY = Buffer.from('any plaintext')
const CHUNK = 2 ** 14

t.test('a pull: records both ways, sealed frames as they are, then an orderly end', async t => {
  for (const pair of [duplexPair(), await tcpPair()]) {
    const [a, b] = await connected(sides, { pair })
    await a.write('RQFL', REQUEST)
    t.same((await b.read())?.body, REQUEST)
    await b.write('STRM', ANY)
    t.same((await a.read())?.body, ANY)
    a.expectChunks(CHUNK)
    const sending = (async () => {
      for (let i = 0; i < 20; i++) await b.writeSealed(sealed('RSFL', CHUNK + 24, i))
      await b.writeSealed(sealed('FINL', 40))
    })()
    for (let i = 0; i < 20; i++) {
      const frame = await a.read()
      t.strictSame([frame?.type, frame?.body.byteLength, frame?.body[5]], ['RSFL', CHUNK + 24, i])
    }
    t.equal((await a.read())?.type, 'FINL')
    await sending
    await a.write('ACPT', ANY)
    t.equal((await b.read())?.type, 'ACPT')
    const closed = a.close()
    t.equal(await b.read(), undefined)
    t.equal(await b.read(), undefined, 'and stays over')
    await Promise.all([closed, b.close()])
    await t.rejects(a.read(), { code: 'ERR_SFT_CANCELLED' })
  }
})

t.test('a push, and a second one in the same session', async t => {
  const [a, b] = await connected(sides)
  for (let i = 0; i < 2; i++) {
    await a.write('OFFR', OFFER)
    t.equal((await b.read())?.type, 'OFFR')
    await b.write('ACPT', ANY)
    t.equal((await a.read())?.type, 'ACPT')
    await a.write('STRM', ANY)
    t.equal((await b.read())?.type, 'STRM')
    b.expectChunks(CHUNK)
    await a.writeSealed(sealed('FINL', 40))
    t.equal((await b.read())?.type, 'FINL')
    await b.write('ACPT', ANY)
    t.equal((await a.read())?.type, 'ACPT')
  }
  await a.write('OFFR', OFFER)
  await b.read()
  await b.write('RSCI', Uint8Array.of(8))
  t.same(await a.read(), { type: 'RSCI', body: Uint8Array.of(8) })
  await Promise.all([a.close(), b.close()])
})

t.test('the first request travels with the last message of the handshake: one round trip', async t => {
  let sent = () => {}
  const requestSent = new Promise<void>(resolve => {
    sent = resolve
  })
  const forth = editFrames((frame, index) => {
    if (index === FLIGHT_FRAMES) sent()
    return [asFrame(frame)]
  })
  // nothing of RSCV passes before the request has
  const back: Edit = async function* (source) {
    let index = 0
    const frames = editFrames(frame => {
      index++
      return [asFrame(frame)]
    })(source)
    for await (const piece of frames) {
      if (index > FLIGHT_FRAMES) await requestSent
      yield piece
    }
  }
  const [a, b] = await connected(sides, { forth, back })
  await a.write('RQFL', REQUEST)
  const [frame] = await Promise.all([b.read(), a.accepted()])
  t.equal(frame?.type, 'RQFL')
  await Promise.all([a.close(), b.close()])
})

t.test('both sides know the smaller of the largest chunk sizes', async t => {
  const sizes: [number, number][] = [
    [2 ** 20, 2 ** 20],
    [2 ** 16, 2 ** 20],
    [2 ** 20, 2 ** 14]
  ]
  for (const [own, other] of sizes) {
    const [a, b] = await connected(sides, {
      initiatorOptions: { maxChunkSize: own },
      responderOptions: { maxChunkSize: other }
    })
    await a.accepted()
    t.strictSame([a.maxChunkSize, b.maxChunkSize], [Math.min(own, other), Math.min(own, other)])
    await Promise.all([a.close(), b.close()])
  }
})

t.test('a silent side sends PING, the other skips it, and an idle limit counts from it', async t => {
  const types: FrameType[] = []
  const forth = editFrames(frame => {
    types.push(frame.type)
    return [asFrame(frame)]
  })
  const deadlines = { ping: 40, idle: 2000 }
  const [a, b] = await connected(sides, {
    forth,
    initiatorOptions: { deadlines },
    responderOptions: { deadlines: { ping: 60_000, idle: 2000 } }
  })
  const read = b.read()
  while (types.filter(type => type === 'PING').length < 3) await new Promise(resolve => setTimeout(resolve, 10))
  await a.write('RQFL', REQUEST)
  t.equal((await read)?.type, 'RQFL')
  await Promise.all([a.close(), b.close()])
})

t.test('silence is an error only while a read is pending', async t => {
  const [a, b] = await connected(sides, { responderOptions: { deadlines: { idle: 30 } } })
  await new Promise(resolve => setTimeout(resolve, 90))
  await a.write('RQFL', REQUEST)
  t.equal((await b.read())?.type, 'RQFL')
  await t.rejects(b.read(), { code: 'ERR_SFT_TIMEOUT' })
  await t.rejects(b.write('STRM', ANY), { code: 'ERR_SFT_TIMEOUT' }, 'and the session is over')
  await t.rejects(a.read(), { code: 'ERR_SFT_CONNECTION_LOST' })
})

t.test('an ABRT is an error with a code of its own on the other side, also while that side sends', async t => {
  const codes: Record<Abort, string> = {
    protocol: 'ERR_SFT_PROTOCOL',
    'source changed': 'ERR_SFT_SOURCE_CHANGED',
    'read error': 'ERR_SFT_FILE',
    'write error': 'ERR_SFT_FILE',
    timeout: 'ERR_SFT_TIMEOUT',
    cancelled: 'ERR_SFT_CANCELLED',
    integrity: 'ERR_SFT_CHUNK_AUTH',
    'shutting down': 'ERR_SFT_CONNECTION_LOST',
    'sender not accepted': 'ERR_SFT_SENDER',
    'connection lost': 'ERR_SFT_CONNECTION_LOST',
    'certificate revoked': 'ERR_SFT_CERT_REVOKED',
    'certificate expired': 'ERR_SFT_CERT_EXPIRED',
    'revocation list too old': 'ERR_SFT_CRL'
  }
  const own = new SftError('ERR_SFT_USAGE', 'own reason')
  for (const reason of Object.keys(ABORTS) as Abort[]) {
    const [a, b] = await connected(sides)
    await a.write('RQFL', REQUEST)
    await b.read()
    await b.write('STRM', ANY)
    const pending = b.read()
    const rejected = t.rejects(pending, { code: codes[reason] }, reason)
    await a.read()
    await Promise.all([a.abort(reason, own), rejected])
    await t.rejects(a.read(), own)
    await t.rejects(a.write('ACPT', ANY), own)
    await t.rejects(b.writeSealed(sealed('RSFL', 100)), { code: codes[reason] })
    await t.rejects(b.read(), { code: codes[reason] }, 'and stays so')
  }
})

t.test('abort rejects a read that is pending, and does not wait for a peer that never reads', async t => {
  const [a] = await connected(sides, { initiatorOptions: { deadlines: { close: 30 } } })
  await a.accepted()
  const error = new SftError('ERR_SFT_FILE', 'disk')
  const read = t.rejects(a.read(), error)
  await a.abort('write error', error)
  await read
  await a.abort('protocol', new SftError('ERR_SFT_PROTOCOL', 'again'))
  await t.rejects(a.read(), error, 'the first reason stays')
})

t.test('close in the middle of a transfer tells the peer that it was cancelled', async t => {
  const [a, b] = await connected(sides)
  await a.write('RQFL', REQUEST)
  await b.read()
  const read = t.rejects(b.read(), { code: 'ERR_SFT_CANCELLED', message: /peer/ })
  await a.close()
  await read
})

t.test('the session ends with its scope', async t => {
  const [a, b] = await connected(sides)
  {
    await using session = a
    await session.accepted()
    b.read().then(() => b.close())
  }
  await t.rejects(a.read(), { code: 'ERR_SFT_CANCELLED' })
})

t.test('the exporter is zeroed at the end', async t => {
  const [a, b] = await connected(sides)
  t.ok(a.exporter.some(byte => byte !== 0))
  await Promise.all([a.close(), b.close()])
  t.notOk(a.exporter.some(byte => byte !== 0) || b.exporter.some(byte => byte !== 0))
})

t.test('a connection that ends without a word is lost, also inside a frame', async t => {
  for (const cut of [0, 3]) {
    const pair = duplexPair({ back: endAfterFrames(FLIGHT_FRAMES + 1, cut) })
    const [a, b] = await connected(sides, { pair })
    await a.write('RQFL', REQUEST)
    await b.read()
    b.write('STRM', ANY).catch(() => {})
    await t.rejects(a.read(), { code: 'ERR_SFT_CONNECTION_LOST' })
    await t.rejects(a.read(), { code: 'ERR_SFT_CONNECTION_LOST' })
  }
})

t.test('a signal ends the session, and tells the peer', async t => {
  const controller = new AbortController()
  const [a, b] = await connected(sides, { initiatorOptions: { signal: controller.signal } })
  await a.accepted()
  const [own, other] = [
    t.rejects(a.read(), { code: 'ERR_SFT_CANCELLED' }),
    t.rejects(b.read(), { code: 'ERR_SFT_CANCELLED' })
  ]
  controller.abort()
  await Promise.all([own, other])
})

t.test('a session leaves nothing on the signal that it was given', async t => {
  const { signal } = new AbortController()
  const [a, b] = await connected(sides, { initiatorOptions: { signal }, responderOptions: { signal } })
  t.equal(getEventListeners(signal, 'abort').length, 2)
  await Promise.all([a.close(), b.close()])
  t.equal(getEventListeners(signal, 'abort').length, 0)
})

t.test('a side that waits for the transport is not silent', async t => {
  const types: FrameType[] = []
  const forth = editFrames(frame => {
    types.push(frame.type)
    return [asFrame(frame)]
  })
  const [a, b] = await connected(sides, { forth, initiatorOptions: { deadlines: { ping: 100 } } })
  await a.write('OFFR', OFFER)
  await b.read()
  await b.write('ACPT', ANY)
  await a.read()
  await a.write('STRM', ANY)
  await b.read()
  b.expectChunks(2 ** 20)
  const writes = Promise.all([1, 2, 3].map(() => a.writeSealed(sealed('RSFL', 2 ** 20))))
  await new Promise(resolve => setTimeout(resolve, 350))
  const last = a.writeSealed(sealed('FINL', 40))
  for (let i = 0; i < 3; i++) t.equal((await b.read())?.type, 'RSFL')
  t.equal((await b.read())?.type, 'FINL')
  await Promise.all([writes, last])
  t.strictSame(types.slice(types.indexOf('STRM')), ['STRM', 'RSFL', 'RSFL', 'RSFL', 'FINL'])
})

t.test('a peer that is authenticated and does not play by the rules', async t => {
  const cases: [FrameType, Uint8Array, string, string][] = [
    ['CLOS', Uint8Array.of(1), 'ERR_SFT_ENCODING', 'CLOS says nothing'],
    ['PING', Uint8Array.of(1), 'ERR_SFT_ENCODING', 'PING says nothing'],
    ['ABRT', Uint8Array.of(0), 'ERR_SFT_ENCODING', 'an unknown reason'],
    ['ABRT', new Uint8Array(0), 'ERR_SFT_ENCODING', 'no reason']
  ]
  for (const [type, body, code, message] of cases) {
    const { session, say, hear } = rawPeer()
    await say(type, body)
    await t.rejects(session.read(), { code }, message)
    t.equal(await hear(), type === 'ABRT' ? undefined : 'ABRT', 'the peer is told, an ABRT has no answer')
  }
  const { session, say, hear } = rawPeer()
  await say('ABRT', Uint8Array.of(1))
  await t.rejects(session.read(), { code: 'ERR_SFT_PROTOCOL' })
  t.equal(await hear(), undefined, 'an ABRT has no answer')
  const confirmations: [FrameType, Uint8Array, string, string][] = [
    ['RSCV', sessionBegins.encode({ sessionId: Buffer.alloc(32, 9), chunkPower: 20 }), 'ERR_SFT_HANDSHAKE', 'sid'],
    ['RSCV', sessionBegins.encode({ sessionId: SID, chunkPower: 13 }), 'ERR_SFT_HANDSHAKE', 'chunks too small'],
    ['RSCV', new Uint8Array(0), 'ERR_SFT_ENCODING', 'an empty confirmation'],
    ['RSCI', Uint8Array.of(77), 'ERR_SFT_ENCODING', 'an unknown reason']
  ]
  for (const [type, body, code, message] of confirmations) {
    const { session } = rawPeer(async () => ({ type, body: Uint8Array.from(body) }))
    await t.rejects(session.accepted(), { code }, message)
    await t.rejects(session.read(), { code }, message)
  }
})

t.test('a peer that has ended the session is not written to', async t => {
  const [a, b] = await connected(sides)
  await a.accepted()
  void b.close()
  t.equal(await a.read(), undefined)
  await t.rejects(a.write('RQFL', REQUEST), { code: 'ERR_SFT_CONNECTION_LOST' })
  await a.close()
})

t.test('frames put in by a man in the middle: not allowed here, or not opened; the peer is told', async t => {
  const cases: [FrameType, number, string][] = [
    ['RQFL', 40, 'ERR_SFT_RECORD_AUTH'],
    ['PING', 16, 'ERR_SFT_RECORD_AUTH'],
    ['CLOS', 16, 'ERR_SFT_RECORD_AUTH'],
    ['ABRT', 17, 'ERR_SFT_RECORD_AUTH'],
    ['RSFL', 100, 'ERR_SFT_FRAME_TYPE'],
    ['FINL', 40, 'ERR_SFT_FRAME_TYPE'],
    ['STRM', 40, 'ERR_SFT_FRAME_TYPE'],
    ['ACPT', 40, 'ERR_SFT_FRAME_TYPE'],
    ['HELO', 40, 'ERR_SFT_FRAME_TYPE'],
    ['SECE', 40, 'ERR_SFT_FRAME_TYPE'],
    ['RSCV', 40, 'ERR_SFT_FRAME_TYPE'],
    ['RQFL', 65_533, 'ERR_SFT_FRAME_TOO_LARGE']
  ]
  for (const [type, size, code] of cases) {
    const [a, b] = await connected(sides, { forth: insertAfterHandshake({ type, body: [new Uint8Array(size)] }) })
    await a.accepted()
    const told = t.rejects(a.read(), {
      code: code === 'ERR_SFT_RECORD_AUTH' ? 'ERR_SFT_CHUNK_AUTH' : 'ERR_SFT_PROTOCOL'
    })
    a.write('RQFL', REQUEST).catch(() => {})
    await t.rejects(b.read(), { code }, `${type} of ${size} bytes`)
    await told
  }
})

t.test('records repeated, dropped or swapped by a man in the middle are refused', async t => {
  const edits: [string, (frame: Frame, held: Frame[]) => Frame[]][] = [
    ['ERR_SFT_FRAME_TYPE', frame => [frame, frame]],
    ['ERR_SFT_RECORD_AUTH', frame => (frame.type === 'RQFL' ? [] : [frame])],
    [
      'ERR_SFT_RECORD_AUTH',
      (frame, held) => {
        if (frame.type === 'RQFL') held.push(frame)
        return frame.type === 'RQFL' ? [] : [frame, ...held.splice(0)]
      }
    ]
  ]
  for (const [code, edit] of edits) {
    const held: Frame[] = []
    const forth = editFrames((frame, index) => (index < FLIGHT_FRAMES ? [asFrame(frame)] : edit(asFrame(frame), held)))
    const [a, b] = await connected(sides, { forth, initiatorOptions: { deadlines: { ping: 20, close: 50 } } })
    await a.write('RQFL', REQUEST)
    await t.rejects(readTwice(b), { code })
    await a.close()
  }
  const repeated = editFrames(frame => (frame.type === 'PING' ? [asFrame(frame), asFrame(frame)] : [asFrame(frame)]))
  const [a, b] = await connected(sides, { forth: repeated, initiatorOptions: { deadlines: { ping: 20 } } })
  await t.rejects(b.read(), { code: 'ERR_SFT_RECORD_AUTH' }, 'a type that is allowed again does not open again')
  await a.close()
})

t.test('chunks are taken only once they are expected, and only of the size that was said', async t => {
  const [early, sender] = await receiving()
  void sender.writeSealed(sealed('RSFL', 100)).catch(() => {})
  await t.rejects(early.read(), { code: 'ERR_SFT_FRAME_TYPE' })

  const [final, sender2] = await receiving()
  void sender2.writeSealed(sealed('FINL', 40)).catch(() => {})
  await t.rejects(final.read(), { code: 'ERR_SFT_FRAME_TYPE' })

  const [large, sender3] = await receiving()
  large.expectChunks(CHUNK)
  void sender3.writeSealed(sealed('RSFL', CHUNK + 25)).catch(() => {})
  await t.rejects(large.read(), { code: 'ERR_SFT_FRAME_TOO_LARGE' })

  const [long, sender4] = await receiving()
  long.expectChunks(CHUNK)
  void sender4.writeSealed(sealed('FINL', 41)).catch(() => {})
  await t.rejects(long.read(), { code: 'ERR_SFT_FRAME_TOO_LARGE' })

  const [next, sender5] = await receiving()
  next.expectChunks(CHUNK)
  await sender5.writeSealed(sealed('FINL', 40))
  await next.read()
  await next.write('ACPT', ANY)
  await sender5.read()
  await next.write('RQFL', REQUEST)
  await sender5.read()
  await sender5.write('STRM', ANY)
  await next.read()
  void sender5.writeSealed(sealed('RSFL', 100)).catch(() => {})
  await t.rejects(next.read(), { code: 'ERR_SFT_FRAME_TYPE' }, 'what one stream expected says nothing of the next')

  const [idle] = await connected(sides)
  t.throws(() => idle.expectChunks(CHUNK), { code: 'ERR_SFT_INTERNAL' })
  const [odd] = await receiving()
  t.throws(() => odd.expectChunks(CHUNK + 1), { code: 'ERR_SFT_INTERNAL' })
})

t.test('writing what the state does not allow is a fault of our own', async t => {
  const [a, b] = await connected(sides)
  await t.rejects(
    b.write('OFFR', ANY).then(() => b.write('OFFR', ANY)),
    { code: 'ERR_SFT_INTERNAL' }
  )
  await t.rejects(a.write('STRM', ANY), { code: 'ERR_SFT_INTERNAL' })
  await t.rejects(a.writeSealed(sealed('RSFL', 100)), { code: 'ERR_SFT_INTERNAL' })
})

t.test('a session leaves nothing of its plaintext on the wire', async t => {
  const wire: Uint8Array[] = []
  const [a, b] = await connected(sides, { pair: duplexPair({ forth: record(wire), back: record(wire) }) })
  const path = 'a-file-with-a-long-and-telling-name'
  await a.write('RQFL', fileRequest.encode({ request: 1, path, offset: 0 }))
  await b.read()
  await Promise.all([a.close(), b.close()])
  const bytes = Buffer.concat(wire)
  for (const secret of [path, organisation.org, 'alice', 'sft://']) t.notOk(bytes.includes(secret), secret)
})

const SID = new Uint8Array(32).fill(1)

/** A session whose peer has the right keys and says what it is told to. */
function rawPeer(confirmation?: () => Promise<ReceivedFrame>): {
  session: Session
  say: (type: FrameType, body: Uint8Array) => Promise<void>
  hear: () => Promise<FrameType | undefined>
} {
  const [left, right] = duplexPair()
  const keys = (mark: number) => recordKeys('aes-256-gcm', new Uint8Array(44).fill(mark))
  const session = new Session({
    role: 'initiator',
    messages: messageStream(left, { cap: 2 ** 16 }),
    established: {
      peer: { ...sides.responder, notAfter: new Date(8.64e15) } as unknown as PeerIdentity,
      suite: 'aes-256-gcm',
      group: 'x25519',
      sending: keys(1),
      receiving: keys(2),
      exporter: new Uint8Array(32),
      join: new Uint8Array(32),
      sessionId: SID,
      chunkPower: undefined,
      lists: { ours: undefined, theirs: undefined }
    },
    identity: sides.initiator,
    deadlines: { firstByte: 1000, handshake: 1000, idle: 1000, ping: 1000, close: 50 },
    chunkPower: 20,
    confirmation
  })
  const messages = messageStream(right, { cap: 2 ** 16 })
  const peer = keys(2)
  return {
    session,
    say: (type, body) => messages.write(peer.seal(type, body), { total: 1000 }),
    hear: async () => (await messages.read({ total: 1000 }))?.type
  }
}

async function readTwice(session: SecureDuplex): Promise<void> {
  await session.read()
  await session.read()
}

/** A session whose first end has just read a `STRM`, and the sender. */
async function receiving(options: Attempt = {}): Promise<[SecureDuplex, SecureDuplex]> {
  const [a, b] = await connected(sides, options)
  await a.write('RQFL', REQUEST)
  await b.read()
  await b.write('STRM', ANY)
  await a.read()
  return [a, b]
}

function sealed(type: 'RSFL' | 'FINL', size: number, mark = 0): SealedChunk {
  return { type, body: [Buffer.alloc(8, mark), Buffer.alloc(size - 8)] } as unknown as SealedChunk
}

function insertAfterHandshake(inserted: Frame): Edit {
  return editFrames((frame, index) => (index === FLIGHT_FRAMES ? [inserted, asFrame(frame)] : [asFrame(frame)]))
}

/** Lets a number of frames through, then `cut` bytes of the next, then ends. */
function endAfterFrames(frames: number, cut: number): Edit {
  return async function* (source) {
    let count = 0
    const counted = editFrames((frame: ReceivedFrame) => {
      count++
      return [asFrame(frame)]
    })
    for await (const piece of counted(source)) {
      if (count > frames) {
        if (cut > 0) yield piece.subarray(0, cut)
        return
      }
      yield piece
    }
  }
}
