import { constants, publicEncrypt, randomBytes } from 'node:crypto'
import t from 'tap'
import { type StolenKey, tryKeys } from '../../../src/proof/run/stolen-keys.ts'
import { dissectedOf } from '../../fixtures/dissected-bytes.ts'
import { frame, MAGIC, makeStream } from '../../vectors/encoder.ts'
import { party } from '../../vectors/parties.ts'

const [alice, bob] = [party('alice'), party('bob')]
const keys: StolenKey[] = [
  { owner: 'alice', key: alice.privateKey },
  { owner: 'bob', key: bob.privateKey }
]
const texts = ['first chunk '.repeat(100), 'the last one'].map(text => Buffer.from(text))
const plain = Buffer.concat(texts)

function streamOf(suite: number, name = 'stolen') {
  const stream = makeStream(name, { suite, sender: alice, recipients: [bob], variable: true })
  const chunks = texts.map((text, index) => stream.chunk(index, text))
  return {
    header: stream.header,
    chunks,
    all: Buffer.concat([stream.header, ...chunks, stream.final(2, plain.byteLength)])
  }
}

for (const [suite, name] of [
  [1, 'aes-256-gcm'],
  [2, 'chacha20-poly1305']
] as const) {
  t.test(`a pipe gives its file to whoever stole the key of its recipient: ${name}`, async t => {
    const pipe = dissectedOf({
      protocol: 'sft pipe',
      number: 7,
      up: Buffer.concat([MAGIC, streamOf(suite).all]),
      skip: 8
    })
    const { finds, headers, frames } = await tryKeys([pipe], keys, { limit: 1000 })
    const whose = { connection: 7, protocol: 'sft pipe', owner: 'bob', packet: 1 }
    t.match(finds[0], { ...whose, what: 'a stream', plain })
    t.match(finds[1], { ...whose, what: 'a message' }, 'and the window that has the wrapped key opens by itself')
    t.equal(finds[1]?.plain.byteLength, 32)
    t.same([finds.length, headers, frames], [2, 1, 4])
  })
}

t.test('nobody else gets it', async t => {
  const pipe = dissectedOf({ protocol: 'sft pipe', up: Buffer.concat([MAGIC, streamOf(1).all]), skip: 8 })
  t.same((await tryKeys([pipe], [{ owner: 'carol', key: alice.privateKey }], { limit: 200 })).finds, [])
})

t.test(
  'a session whose stream key hangs on a long-term key alone is opened, in whatever frame its header is',
  async t => {
    const { header, chunks } = streamOf(1)
    const body = header.subarray(header.indexOf('STRM') + 4)
    const session = dissectedOf({
      number: 3,
      up: frame('HELO', randomBytes(900)),
      down: Buffer.concat([frame('HELR', randomBytes(900)), frame('SECE', body), ...chunks])
    })
    const { finds } = await tryKeys([session], keys, { limit: 0 })
    t.match(finds, [{ connection: 3, protocol: 'sft session', owner: 'bob', what: 'a stream', plain }])
  }
)

t.test('a stream that is cut or altered gives what comes before', async t => {
  const { header, chunks } = streamOf(1)
  const altered = Buffer.from(chunks[1] as Buffer)
  altered[altered.byteLength - 1] = (altered.at(-1) as number) ^ 1
  const session = dissectedOf({
    up: Buffer.concat([header, chunks[0] as Buffer, altered, frame('RSFL', Buffer.alloc(3))])
  })
  t.same((await tryKeys([session], keys, { limit: 0 })).finds[0]?.plain, texts[0])
})

t.test('a message under a long-term key is found at the ends of a frame, and at the beginning of a flow', async t => {
  const secret = randomBytes(32)
  const sealed = publicEncrypt(
    { key: bob.publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
    secret
  )
  const at = async (up: Buffer) => (await tryKeys([dissectedOf({ up })], keys, { limit: 200 })).finds
  const found = [{ owner: 'bob', what: 'a message', plain: secret }]
  t.match(await at(frame('OFFR', Buffer.concat([randomBytes(10), sealed]))), found, 'at the end')
  t.match(await at(frame('OFFR', Buffer.concat([sealed, randomBytes(10)]))), found, 'at the beginning')
  t.match(
    await at(frame('OFFR', Buffer.concat([randomBytes(11), sealed, randomBytes(10)]))),
    found,
    'early in the flow'
  )
})

t.test('an RSA key exchange of TLS is opened', async t => {
  const secret = Buffer.concat([Buffer.of(3, 3), randomBytes(46)])
  const sealed = publicEncrypt({ key: bob.publicKey, padding: constants.RSA_PKCS1_PADDING }, secret)
  const record = Buffer.concat([Buffer.from('16030301061000010201', 'hex'), Buffer.of(0), sealed])
  const up = Buffer.concat([randomBytes(200), record])
  const tls = dissectedOf({ protocol: 'tls' })
  const frames = [
    {
      direction: 'up',
      at: 200,
      length: record.byteLength,
      label: 'handshake',
      sealed: undefined,
      content: false,
      detail: ''
    }
  ] as const
  const flow = { ...tls.connection.up, bytes: up }
  const { finds } = await tryKeys([{ ...tls, frames, connection: { ...tls.connection, up: flow } }], keys, {
    limit: 20
  })
  t.match(finds, [{ protocol: 'tls', owner: 'bob', what: 'the premaster secret of TLS', plain: secret }])
})

t.test(
  'what is random gives nothing; the ends of frames are always tried, other windows as far as time reaches',
  async t => {
    const session = dissectedOf({ up: frame('RSFL', randomBytes(20_000)), down: frame('RSFL', randomBytes(20_000)) })
    const counted = async (limit: number) => {
      const { finds, operations, windows } = await tryKeys([session], keys, { limit })
      return [finds.length, operations, windows]
    }
    // of each flow: where the frame begins, where its body does, and the last bytes that a key has
    t.same(await counted(0), [0, 12, 6])
    t.same(await counted(100), [0, 100, 50])
  }
)

t.test('an empty capture, and one that is given up', async t => {
  t.match(await tryKeys([dissectedOf({})], keys), { finds: [], operations: 0, windows: 0 })
  const session = dissectedOf({ up: frame('RSFL', randomBytes(20_000)) })
  await t.rejects(tryKeys([session], keys, { signal: AbortSignal.abort(new Error('enough')) }), { message: 'enough' })
})
