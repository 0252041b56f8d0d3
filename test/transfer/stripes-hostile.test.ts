import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fileOffer } from '../../src/auth/session/handshake-messages.ts'
import type { SealedChunk } from '../../src/streams/types.ts'
import { Engine } from '../../src/transfer/engine.ts'
import type { TransferEvent } from '../../src/transfer/events.ts'
import type { Listener } from '../../src/transfer/listen.ts'
import { C, pattern, sha256 } from '../fixtures/bytes.ts'
import {
  type Deal,
  type Hostile,
  hostile,
  joinBytes,
  joinOf,
  open,
  put,
  say,
  wireBytes
} from '../fixtures/hostile-stripes.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

/** Peers that do not keep to SPEC §8.1: the transfer fails closed, and nothing is left (M38–M43). */

const organisation = await makeOrganisation()
const alice = await organisation.issue('alice')
const directory = t.testdir({ served: {} })
const bob = new Engine({ identity: await organisation.issue('bob'), threads: 0, chunkSize: C })
t.teardown(() => bob.close())
const CHUNK = 2 ** 14
const bytes = pattern(10 * CHUNK)

interface Place {
  readonly listener: Listener
  readonly events: TransferEvent[]
  readonly path: string
  /** Waits for the next thing that happens there. */
  next(): Promise<TransferEvent>
}

let places = 0

async function inbox(t: Test): Promise<Place> {
  const path = join(directory, `inbox-${places++}`)
  await mkdir(path)
  const events: TransferEvent[] = []
  let heard = Promise.withResolvers<void>()
  const onEvent = (event: TransferEvent): void => {
    if (event.type !== 'end' && event.type !== 'error') return
    events.push(event)
    heard.resolve()
    heard = Promise.withResolvers()
  }
  const listener = await bob.receiveInto(path, { host: '127.0.0.1', port: 0, from: ['alice'], onEvent })
  t.teardown(() => listener.close())
  let seen = 0
  const next = async (): Promise<TransferEvent> => {
    while (events.length <= seen) await heard.promise
    return events[seen++] as TransferEvent
  }
  return { listener, events, path, next }
}

/** A dealer that goes round: chunk i on stripe i mod n, all finals at the end. */
async function fair({ frames, first, stripes }: Deal): Promise<void> {
  const ways = [first, ...stripes.map(stripe => (frame: SealedChunk) => stripe.write(frame))]
  const final = frames.at(-1) as SealedChunk
  for (const [index, frame] of frames.slice(0, -1).entries()) await ways[index % ways.length]?.(frame)
  await Promise.all(ways.map(way => way(final)))
}

async function attack(t: Test, name: string, code: string, deal: (deal: Deal) => Promise<void>): Promise<void> {
  const { listener, next, path } = await inbox(t)
  const peer = await hostile(alice, listener.port, 2)
  await t.rejects(put(peer, 'file', bytes, deal), { name: 'SftError' }, `${name}: the sender is told`)
  t.match(await next(), { type: 'error', peer: 'alice', error: { code } }, `${name}: ${code}`)
  t.same(await readdir(path), [], `${name}: nothing is left`)
  await peer.session.close()
  await listener.close()
}

t.test('an honest deal by hand is taken: the attacks below differ in one thing', async t => {
  const { listener, next, path } = await inbox(t)
  const peer = await hostile(alice, listener.port, 2)
  t.match(await put(peer, 'file', bytes, fair), { kind: 'durable' })
  t.match(await next(), { type: 'end', connections: 3 })
  t.equal(sha256(await readFile(join(path, 'file'))), sha256(bytes))
  await peer.session.close()
  await listener.close()
})

t.test('chunks twice, missing, of another stream; finals that differ or come before their chunks', async t => {
  const without = (index: number) => (deal: Deal) => fair({ ...deal, frames: deal.frames.toSpliced(index, 1) })
  await attack(t, 'twice on two connections', 'ERR_SFT_CHUNK_ORDER', async deal => {
    await deal.stripes[0]?.write(deal.frames[1] as SealedChunk)
    await deal.stripes[1]?.write(deal.frames[1] as SealedChunk)
    await fair({ ...deal, frames: deal.frames.toSpliced(1, 1) })
  })
  await attack(t, 'the first is missing', 'ERR_SFT_CHUNK_ORDER', without(0))
  await attack(t, 'one is missing', 'ERR_SFT_CHUNK_ORDER', without(4))
  await attack(t, 'the last is missing', 'ERR_SFT_FINAL', without(9))
  await attack(t, 'backwards on one connection', 'ERR_SFT_CHUNK_ORDER', async ({ frames, stripes, first }) => {
    for (const frame of frames.slice(0, -1).reverse()) await stripes[0]?.write(frame)
    await fair({ frames: frames.slice(-1), stripes, first })
  })
  await attack(t, 'another final on one', 'ERR_SFT_FINAL', async ({ frames, first, stripes }) => {
    const other = { ...frames.at(-1), body: [randomBytes(40)] } as SealedChunk
    await fair({ frames: [...frames.slice(0, -1), other], first: frame => first(frame), stripes: [] })
    for (const stripe of stripes) await stripe.write(frames.at(-1) as SealedChunk)
  })
  await attack(t, 'the same wrong final on all', 'ERR_SFT_FINAL', deal =>
    fair({
      ...deal,
      frames: [...deal.frames.slice(0, -1), { ...deal.frames.at(-1), body: [randomBytes(40)] } as SealedChunk]
    })
  )
  await attack(t, 'a final that is too long', 'ERR_SFT_FRAME_TOO_LARGE', async ({ frames, stripes }) => {
    await stripes[0]?.write({ ...frames.at(-1), body: [randomBytes(41)] } as SealedChunk)
  })
  await attack(t, 'a chunk after the final', 'ERR_SFT_FRAME_TYPE', async ({ frames, stripes }) => {
    await stripes[0]?.write(frames.at(-1) as SealedChunk)
    stripes[0]?.enter('sending')
    await stripes[0]?.write(frames[0] as SealedChunk)
  })
  await attack(t, 'a chunk that was changed', 'ERR_SFT_CHUNK_AUTH', deal => {
    const [index, , tag] = (deal.frames[3] as SealedChunk).body
    const changed = { type: 'RSFL', body: [index, randomBytes(CHUNK), tag] } as unknown as SealedChunk
    return fair({ ...deal, frames: deal.frames.toSpliced(3, 1, changed) })
  })
  await attack(
    t,
    'a stripe that closes orderly too early',
    'ERR_SFT_FRAME_TYPE',
    async ({ frames, first, stripes }) => {
      await first(frames[0] as SealedChunk)
      await stripes[0]?.end('CLOS', new Uint8Array(0), new Error('early') as never)
    }
  )
})

t.test('a chunk of another stream of the same session', async t => {
  const { listener, next } = await inbox(t)
  const peer = await hostile(alice, listener.port, 2)
  let old: SealedChunk | undefined
  await put(peer, 'one', bytes, async deal => {
    old = deal.frames[2] as SealedChunk
    await fair(deal)
  })
  await next()
  const second = put(peer, 'two', bytes, deal =>
    fair({ ...deal, frames: deal.frames.toSpliced(2, 1, old as SealedChunk) })
  )
  await t.rejects(second)
  t.match(await next(), { type: 'error', error: { code: 'ERR_SFT_CHUNK_AUTH' } })
  await peer.session.close()
  await listener.close()
})

t.test('garbage on a stripe, in every state', async t => {
  for (const [name, junk] of Object.entries({
    'random bytes': Buffer.concat([Uint8Array.of(40), randomBytes(100_000)]),
    'a record that does not open': wireBytes('PING', randomBytes(16)),
    'a request': wireBytes('OFFR', randomBytes(40)),
    'a length that is too large': Uint8Array.of(0xff, 0xff, 0xff, 0x7f),
    hello: wireBytes('HELO', randomBytes(40))
  })) {
    const { listener, next, path } = await inbox(t)
    const resting = await hostile(alice, listener.port, 1)
    resting.sockets[0]?.write(junk)
    t.match(await next(), { type: 'error', peer: 'alice' }, `${name}, at rest`)
    await resting.session.close()
    const busy = await hostile(alice, listener.port, 2)
    await t.rejects(
      put(busy, 'file', bytes, async ({ frames, first }) => {
        busy.sockets[1]?.write(junk)
        await first(frames[0] as SealedChunk)
      })
    )
    t.match(await next(), { type: 'error', peer: 'alice' }, `${name}, in a stream`)
    t.same(await readdir(path), [])
    await busy.session.close()
    await listener.close()
  }
})

t.test('M40: chunks before any request, on a stripe that was not named, against the direction', async t => {
  const { listener, next } = await inbox(t)
  const chunk = { type: 'RSFL', body: [randomBytes(CHUNK + 24)] } as unknown as SealedChunk
  const early = await hostile(alice, listener.port, 1)
  early.stripes[0]?.enter('sending')
  await early.stripes[0]?.write(chunk)
  t.match(await next(), { type: 'error', error: { code: 'ERR_SFT_FRAME_TYPE' } }, 'before any request')
  await early.session.close()

  const unnamed = await hostile(alice, listener.port, 2)
  await unnamed.session.write('OFFR', fileOffer.encode({ request: 1, name: 'x', stripes: Uint8Array.of(1) }))
  t.equal((await unnamed.session.read())?.type, 'ACPT')
  unnamed.stripes[1]?.enter('sending')
  await unnamed.stripes[1]?.write(chunk)
  t.match(await next(), { type: 'error', error: { code: 'ERR_SFT_FRAME_TYPE' } }, 'not named')
  await unnamed.session.close()

  const unknown = await hostile(alice, listener.port, 1)
  await unknown.session.write('OFFR', fileOffer.encode({ request: 1, name: 'x', stripes: Uint8Array.of(1, 2) }))
  t.match(await next(), { type: 'error', error: { code: 'ERR_SFT_PROTOCOL' } }, 'never joined')
  await t.rejects(unknown.session.read(), { code: 'ERR_SFT_PROTOCOL' })
  await unknown.session.close()
  await listener.close()
})

t.test('a chunk that a receiver sends to the sender', async t => {
  await writeFile(join(directory, 'served', 'file'), pattern(2 ** 20))
  const faults: TransferEvent[] = []
  const heard = Promise.withResolvers<void>()
  const listener = await bob.serve(join(directory, 'served'), {
    host: '127.0.0.1',
    port: 0,
    onEvent: event => {
      if (event.type !== 'error') return
      faults.push(event)
      heard.resolve()
    }
  })
  const peer = await hostile(alice, listener.port, 1)
  const got = peer.files.get('file', {
    kind: 'delivered',
    sink: () => async source => {
      for await (const _ of source) {
        const chunk = { type: 'RSFL', body: [randomBytes(CHUNK)] } as unknown as SealedChunk
        peer.sockets[0]?.write(wireBytes('RSFL', Buffer.concat(chunk.body)))
        await heard.promise
      }
      return { bytes: 0 }
    }
  })
  await t.rejects(got)
  t.match(faults, [{ type: 'error', error: { code: 'ERR_SFT_FRAME_TYPE' } }])
  await peer.session.close()
  await listener.close()
})

t.test('a chunk that overtakes STRM waits for it', async t => {
  const { listener, next, path } = await inbox(t)
  const peer = await hostile(alice, listener.port, 2)
  const { session, stripes } = peer
  const [write, writeSealed] = [session.write.bind(session), session.writeSealed.bind(session)]
  let header = async (): Promise<void> => {}
  session.write = async (type, body) => {
    if (type !== 'STRM') return write(type, body)
    header = () => write(type, body)
  }
  const frames: SealedChunk[] = []
  session.writeSealed = async frame => {
    frames.push(frame)
    if (frame.type !== 'FINL') return
    await stripes[0]?.write(frames[0] as SealedChunk)
    await stripes[1]?.write(frames[1] as SealedChunk)
    await new Promise(resolve => setTimeout(resolve, 50))
    await header()
    session.stripes.write = (next, first) => first(next)
    await fair({ frames: frames.slice(2), stripes, first: writeSealed })
  }
  const outgoing = { metadata: { name: 'file' }, file: false, owned: false, source: () => [bytes] }
  const putting = peer.files.put({ name: 'file' }, outgoing)
  t.match(await putting, { kind: 'durable' })
  t.match(await next(), { type: 'end' })
  t.equal(sha256(await readFile(join(path, 'file'))), sha256(bytes))
  await peer.session.close()
  await listener.close()
})

t.test('M41: chunks far ahead stay with the sender', async t => {
  const { listener, next, path } = await inbox(t)
  const size = 2 ** 20
  const peer = await hostile(alice, listener.port, 2, size)
  const large = Buffer.concat(Array.from({ length: 100 }, (_, i) => pattern(size, i)))
  let taken = 0
  const result = await put(peer, 'file', large, async ({ frames, stripes, first }) => {
    const sending = stripes.map(async (stripe, number) => {
      for (let index = 1 + number; index < 100; index += 2) {
        await stripe.write(frames[index] as SealedChunk)
        taken++
      }
      await stripe.write(frames[100] as SealedChunk)
    })
    for (let before = -1; before !== taken; ) {
      before = taken
      await new Promise(resolve => setTimeout(resolve, 300))
    }
    // the window, what the sockets of both sides hold, and the buffers of the kernel
    t.ok(taken < 60, `${taken} chunks of 1 MiB were taken`)
    await first(frames[0] as SealedChunk)
    await first(frames[100] as SealedChunk)
    await Promise.all(sending)
  })
  t.match(result, { kind: 'durable' })
  t.match(await next(), { type: 'end' })
  t.equal(sha256(await readFile(join(path, 'file'))), sha256(large), 'and nothing is lost')
  await peer.session.close()
  await listener.close()
})

t.test('M43: a stripe that is cut ends the transfer on both sides', async t => {
  for (const victim of [0, 1]) {
    const { listener, next, path } = await inbox(t)
    const peer = await hostile(alice, listener.port, 2)
    const putting = put(peer, 'file', bytes, async ({ frames, stripes, first }) => {
      await first(frames[0] as SealedChunk)
      await stripes[victim]?.write(frames[1] as SealedChunk)
      peer.sockets[victim]?.destroy()
      await new Promise(() => {})
    })
    await t.rejects(putting, { code: 'ERR_SFT_CONNECTION_LOST' }, 'the sender')
    t.match(await next(), { type: 'error', error: { code: 'ERR_SFT_CONNECTION_LOST' } }, 'the receiver')
    t.same(await readdir(path), [])
    await listener.close()
  }
})

t.test('a stripe that is cut at rest is forgotten', async t => {
  const { listener, next } = await inbox(t)
  const peer = await hostile(alice, listener.port, 3)
  peer.sockets[1]?.destroy()
  await peer.stripes[1]?.ended
  t.match(
    await put(peer, 'file', bytes, deal => fair({ ...deal, stripes: [0, 2].map(i => peer.stripes[i] as never) })),
    {
      kind: 'durable'
    }
  )
  t.match(await next(), { type: 'end', connections: 3 })
  await peer.session.close()
  await listener.close()
})

t.test('M38: a JOIN that does not hold is a plain close, whatever the reason', async t => {
  const { listener, events } = await inbox(t)
  const { port } = listener
  const peer = await hostile(alice, port, 1)
  const other = await hostile(alice, port, 0)
  const { session } = peer
  const good = joinOf(session, 2)
  const flip = (value: Uint8Array): Uint8Array => value.map((byte, i) => (i === 31 ? byte ^ 1 : byte))
  const raw = (stripe: number): Uint8Array => {
    const { sessionId, random, mac } = joinOf(session, stripe)
    const parts = [
      Uint8Array.of(1, 32),
      sessionId,
      Uint8Array.of(2, stripe === 0 ? 0 : 1),
      stripe === 0 ? [] : [stripe]
    ]
    return wireBytes(
      'JOIN',
      Buffer.concat([...parts.map(each => Buffer.from(each)), Uint8Array.of(3, 32), random, Uint8Array.of(4, 32), mac])
    )
  }
  const refused: Record<string, Uint8Array> = {
    'a wrong MAC': joinBytes({ ...good, mac: flip(good.mac) }),
    'another random': joinBytes({ ...good, random: flip(good.random) }),
    'another number': joinBytes({ ...good, stripe: 3 }),
    'a session that is not there': joinBytes({ ...good, sessionId: randomBytes(32) }),
    'the MAC of another session': joinBytes({ ...joinOf(other.session, 2), sessionId: session.sessionId }),
    'stripe 0': raw(0),
    'stripe 16': raw(16),
    'a used number': joinBytes(joinOf(session, 1)),
    'no body': wireBytes('JOIN', new Uint8Array(0)),
    'something after it': Buffer.concat([joinBytes({ ...good, mac: flip(good.mac) }), randomBytes(100)]),
    'a frame above 16 KiB': wireBytes('JOIN', new Uint8Array(17_000)),
    'JOIR first': wireBytes('JOIR', new Uint8Array(16))
  }
  for (const [name, bytes] of Object.entries(refused))
    t.equal(await say(port, bytes), '', `${name}: closed without a byte`)
  t.ok(
    events.every(event => event.type === 'error' && event.peer === undefined),
    'and nobody is named'
  )
  t.equal(await say(port, joinBytes(good)), 'open', 'what was refused took no number')
  t.equal(await say(port, joinBytes(good)), '', 'a replay')
  t.equal(await say(port, joinBytes(joinOf(session, 2))), '', 'the same number with another random')
  t.match(await put(peer, 'file', bytes, fair), { kind: 'durable' }, 'the session lives on')
  const late = joinBytes(joinOf(session, 4))
  await session.close()
  t.equal(await say(port, late), '', 'after the end of its session')
  await other.session.close()
  await listener.close()
})

t.test('M39: a connection that says nothing, or not all of a JOIN, is a stranger’s', async t => {
  const { listener, next } = await inbox(t)
  const peer = await hostile(alice, listener.port, 0)
  const part = await open(listener.port)
  part.write(joinBytes(joinOf(peer.session, 1)).subarray(0, 50))
  part.resume().on('end', () => part.end())
  await once(part, 'close')
  t.match(await next(), { type: 'error', peer: undefined, error: { code: 'ERR_SFT_TIMEOUT' } })
  const half = await open(listener.port)
  half.resume().write(joinBytes(joinOf(peer.session, 1)).subarray(0, 50))
  const more = []
  for (let i = 0; i < 64; i++) more.push(await open(listener.port))
  const closed = more.map(socket => once(socket.resume(), 'end').then(() => socket.destroy()))
  await Promise.race(closed)
  t.same(
    [half.readableEnded, more.filter(socket => socket.readableEnded).length],
    [false, 1],
    'it counts as one (M131)'
  )
  for (const socket of [half, ...more]) socket.destroy()
  await peer.session.close()
  await listener.close()
})

t.test('all numbers serve once: 15 stripes, and no more', async t => {
  const { listener } = await inbox(t)
  const peer: Hostile = await hostile(alice, listener.port, 15)
  await t.rejects(hostileJoin(peer, listener.port), { code: 'ERR_SFT_LIMIT' })
  t.match(await put(peer, 'file', bytes, fair), { kind: 'durable' })
  await peer.session.close()
  await listener.close()
})

async function hostileJoin({ session }: Hostile, port: number): Promise<unknown> {
  const { joinSession } = await import('../../src/auth/session/secure.ts')
  const { socketDuplex } = await import('../../src/streams/socket.ts')
  return joinSession(session)(socketDuplex(await open(port)))
}
