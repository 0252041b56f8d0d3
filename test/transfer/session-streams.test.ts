import t from 'tap'
import { verifyPath } from '../../src/auth/certificates/path.ts'
import type { Identity } from '../../src/auth/identity/identity.ts'
import type { SecureDuplex } from '../../src/auth/session/secure-duplex.ts'
import { parseHeader } from '../../src/streams/header.ts'
import type { ReceivedFrame, SealedChunk } from '../../src/streams/types.ts'
import type { Outgoing } from '../../src/transfer/outgoing.ts'
import { SessionStreams } from '../../src/transfer/session-streams.ts'
import { inlinePool } from '../../src/workers/pool.ts'
import { C, join, pattern } from '../fixtures/bytes.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

const organisation = await makeOrganisation()
const [alice, bob] = await Promise.all([organisation.issue('alice'), organisation.issue('bob')])

/** One side of a session whose frames go into a list, and come from one. */
function recordedSession(self: Identity, peer: Identity, exporter = pattern(32)) {
  const written: ReceivedFrame[] = []
  const toRead: ReceivedFrame[] = []
  const session = {
    exporter,
    suite: 'aes-256-gcm',
    maxChunkSize: C,
    stripes: { connections: 1 },
    peer: verifyPath(peer.chain, { root: self.root, org: self.org }),
    expectChunks: () => {},
    write: async (type: 'STRM', body: Uint8Array) => void written.push({ type, body: Uint8Array.from(body) }),
    writeSealed: async ({ type, body }: SealedChunk) =>
      void written.push({ type, body: Uint8Array.from(Buffer.concat(body)) }),
    read: async () => toRead.shift()
  } as unknown as SecureDuplex
  return { written, toRead, streams: new SessionStreams({ session, identity: self, pool: inlinePool() }) }
}

function outgoing(bytes: Uint8Array): Outgoing {
  return { metadata: { name: 'x', size: bytes.byteLength }, file: true, owned: false, source: () => [bytes] }
}

const never = new AbortController().signal

/** Two streams from alice, as frames. */
async function twoStreams(): Promise<ReceivedFrame[]> {
  const { written, streams } = recordedSession(alice, bob)
  await streams.send(outgoing(pattern(C + 5)), never)
  await streams.send(outgoing(pattern(3, 1)), never)
  return written
}

t.test('the first stream each way carries one wrapped key, later ones none', async t => {
  const headers = (await twoStreams()).filter(({ type }) => type === 'STRM').map(({ body }) => parseHeader(body))
  t.same(
    headers.map(({ stanzas }) => stanzas.length),
    [1, 0]
  )
})

t.test('streams arrive as they were sent', async t => {
  const { toRead, streams } = recordedSession(bob, alice)
  toRead.push(...(await twoStreams()))
  for (const expected of [pattern(C + 5), pattern(3, 1)]) {
    const { metadata, source } = await streams.receive(toRead.shift() as ReceivedFrame)
    t.equal(metadata.size, expected.byteLength)
    t.ok((await join(source)).equals(expected))
  }
})

t.test('M33: a stream id seen before in the session is refused', async t => {
  const [strm] = await twoStreams()
  const { streams } = recordedSession(bob, alice)
  await streams.receive(strm as ReceivedFrame)
  await t.rejects(streams.receive(strm as ReceivedFrame), { code: 'ERR_SFT_PROTOCOL' })
})

t.test('a first stream without a key, and a later one with a key, are refused', async t => {
  const frames = await twoStreams()
  const [first, second] = frames.filter(({ type }) => type === 'STRM') as [ReceivedFrame, ReceivedFrame]
  await t.rejects(recordedSession(bob, alice).streams.receive(second), { code: 'ERR_SFT_HEADER' })
  const { streams } = recordedSession(bob, alice)
  await streams.receive(first)
  const again = (await twoStreams())[0] as ReceivedFrame
  await t.rejects(streams.receive(again), { code: 'ERR_SFT_HEADER' })
})

t.test('a stream of another session is refused by its commitment: the exporter is in its key', async t => {
  const [strm] = await twoStreams()
  const { streams } = recordedSession(bob, alice, pattern(32, 9))
  await t.rejects(streams.receive(strm as ReceivedFrame), { code: 'ERR_SFT_COMMITMENT' })
})

t.test('a key wrapped for somebody else is refused', async t => {
  const [strm] = await twoStreams()
  await t.rejects(recordedSession(alice, bob).streams.receive(strm as ReceivedFrame), { code: 'ERR_SFT_NOT_RECIPIENT' })
})

t.test('a session that ends inside a stream cuts it', async t => {
  const frames = await twoStreams()
  const { toRead, streams } = recordedSession(bob, alice)
  toRead.push(...frames.slice(1, 2))
  const { source } = await streams.receive(frames[0] as ReceivedFrame)
  await t.rejects(join(source), { code: 'ERR_SFT_TRUNCATED' })
})
