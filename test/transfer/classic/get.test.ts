import { createHash, X509Certificate } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { selfSign } from '../../../src/auth/certificates/certificate.ts'
import { encodeCertificates } from '../../../src/auth/certificates/pem.ts'
import { encodeClassic } from '../../../src/auth/classic/wire.ts'
import { type ClassicGetOptions, createClassicPool, getClassic } from '../../../src/classic.ts'
import { encryptBlock } from '../../../src/workers/classic-blocks.ts'
import { pattern } from '../../fixtures/bytes.ts'
import { classicIdentity, makeClassicSystem } from '../../fixtures/classic.ts'
import { blocksFor, hostileServer, type RawPeer } from '../../fixtures/classic-hostile.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'

const system = await makeClassicSystem()
const identity = await classicIdentity(system, 'user1')
const server = await classicIdentity(system, 'user2')
const pool = createClassicPool({ threads: 0 })
const FILE = pattern(250)
const BLOCKS = blocksFor(identity.publicKey, FILE)
const sha256 = createHash('sha256').update(FILE).digest()
const QUICK = { first: 300, greeting: 300, firstBlock: 300, block: 300 }

/** Lets the requester greet, then says something else. */
const greeted = (then: (peer: RawPeer) => unknown) => async (peer: RawPeer) => {
  await peer.read()
  then(peer)
}

/** Greets as a server does, then sends what is given. */
const answering = (send: (peer: RawPeer) => unknown) => async (peer: RawPeer) => {
  await peer.read()
  peer.send('RSCV', server.pem)
  await peer.read()
  await send(peer)
}
const sending = (...bytes: Uint8Array[]) =>
  answering(peer => {
    for (const each of bytes) peer.raw(each)
    peer.end()
  })

async function get(t: Test, script: (peer: RawPeer) => unknown, options: Partial<ClassicGetOptions> = {}) {
  const port = await hostileServer(t, script)
  const output = join(t.testdir(), 'file')
  const got = getClassic({ identity, pool, host: '127.0.0.1', port, name: 'any', output, ...options })
  return { got, output, left: async () => readdir(join(output, '..')) }
}

async function refused(
  t: Test,
  script: (peer: RawPeer) => unknown,
  code: string,
  options: Partial<ClassicGetOptions> = {},
  what = code
) {
  await t.test(what, async t => {
    const { got, left } = await get(t, script, options)
    await t.rejects(got, { code })
    t.same(await left(), [], 'nothing is left')
  })
}

t.test('a file, and what can be said of it', async t => {
  const { got, output } = await get(t, sending(...BLOCKS))
  t.same(await got, {
    alias: 'user2',
    bytes: 250,
    sha256: sha256.toString('hex'),
    renamed: undefined,
    asExpected: false
  })
  t.ok((await readFile(output)).equals(FILE))
})

t.test('M150: what was expected', async t => {
  for (const expect of [{ sha256 }, { size: 250 }, { sha256, size: 250 }]) {
    const { got } = await get(t, sending(...BLOCKS), { expect })
    t.match(await got, { asExpected: true })
  }
  const code = 'ERR_SFT_EXPECTED'
  for (const size of [0, 1, 249, 251]) await refused(t, sending(...BLOCKS), code, { expect: { size } }, `size ${size}`)
  await refused(t, sending(...BLOCKS), code, { expect: { sha256: Buffer.alloc(32) } })
  await refused(t, sending(), code, { expect: { size: 1 } }, 'nothing')
  await refused(t, sending(), 'ERR_SFT_NOT_FOUND')
  const empty = await get(t, sending(), { expect: { size: 0 } })
  t.match(await empty.got, { bytes: 0, asExpected: true })
  t.equal((await readFile(empty.output)).byteLength, 0)
})

t.test('M150: an endless file ends with the size that was expected', async t => {
  const block = encodeClassic('RSFL', encryptBlock(identity.publicKey, pattern(100)))
  const endless = answering(async peer => {
    while (!peer.socket.destroyed) {
      if (!peer.socket.write(block))
        await new Promise(resolve => peer.socket.once('drain', resolve).once('close', resolve))
    }
  })
  await refused(t, endless, 'ERR_SFT_EXPECTED', { expect: { size: 1000 } })
})

t.test('A5: a bad certificate is fatal, and nothing is asked for', async t => {
  const stranger = await classicIdentity(await makeClassicSystem(), 'user2')
  const { publicKey, privateKey } = stranger
  const now = Date.now()
  const fields = {
    subject: { commonName: 'user2' },
    publicKey,
    notBefore: new Date(now - 1e6),
    notAfter: new Date(now + 1e6)
  }
  const organisation = await makeOrganisation()
  const alice = await organisation.issue('alice')
  const bad: Record<string, [Uint8Array, string]> = {
    'self-signed': [
      Buffer.from(selfSign({ ...fields, extensions: [], keyIds: false }, privateKey).toString()),
      'UNTRUSTED'
    ],
    'of another root': [stranger.pem, 'UNTRUSTED'],
    expired: [(await system.issue('user2', { ttl: -1e9 })).pem, 'EXPIRED'],
    native: [Buffer.from(encodeCertificates(alice.chain.slice(0, 1))), 'UNTRUSTED'],
    'the root': [Buffer.from(system.certificate.toString()), 'USAGE'],
    nothing: [new Uint8Array(0), 'INVALID']
  }
  for (const [what, [pem, code]] of Object.entries(bad)) {
    const heard: string[] = []
    const script = async (peer: RawPeer) => {
      heard.push((await peer.read())?.type ?? 'end')
      peer.send('RSCV', pem)
      heard.push(...(await peer.rest()))
    }
    await refused(t, script, `ERR_SFT_CERT_${code}`, {}, what)
    t.notOk(heard.includes('RQFL'), 'no name has left')
  }
})

t.test('A16: another name than the one that was asked for', async t => {
  await refused(t, sending(...BLOCKS), 'ERR_SFT_CERT_NAME', { alias: 'user3' })
  const { got } = await get(t, sending(...BLOCKS), { alias: 'user2' })
  t.match(await got, { alias: 'user2' })
})

t.test('refusals of a server', async t => {
  await refused(
    t,
    greeted(peer => peer.send('RSCI').end()),
    'ERR_SFT_REFUSED_BY_PEER'
  )
  await refused(
    t,
    greeted(peer => peer.end()),
    'ERR_SFT_BUSY'
  )
  await refused(
    t,
    greeted(peer => peer.socket.resetAndDestroy()),
    'ERR_SFT_CONNECTION_LOST'
  )
})

t.test('A6: whoever has the certificate can make blocks; only what is expected from elsewhere tells', async t => {
  const forged = blocksFor(new X509Certificate(identity.pem).publicKey, Buffer.from('not what user2 has'))
  const { got } = await get(t, sending(...forged))
  t.match(await got, { alias: 'user2', asExpected: false }, 'as the classic system, but with its mark')
  await refused(t, sending(...forged), 'ERR_SFT_EXPECTED', { expect: { sha256 } })
})

t.test('A7: blocks that are swapped, dropped, repeated or spliced', async t => {
  const [a, b, last] = BLOCKS as [Buffer, Buffer, Buffer]
  const other = blocksFor(identity.publicKey, pattern(100, 7))[0] as Buffer
  const changes = { swapped: [b, a, last], dropped: [a, last], repeated: [a, a, b, last], spliced: [a, other, last] }
  for (const [what, blocks] of Object.entries(changes)) {
    await refused(t, sending(...blocks), 'ERR_SFT_EXPECTED', { expect: { sha256 } }, what)
    const { got } = await get(t, sending(...blocks))
    t.match(await got, { asExpected: false }, `${what}: the wire does not tell`)
  }
  await refused(t, sending(last, a, b), 'ERR_SFT_CHUNK_SIZE', {}, 'M149: a short one that is not the last')
  await refused(t, sending(a, b, last, last), 'ERR_SFT_CHUNK_SIZE', {}, 'M149: two short ones')
})

t.test('A8: a cut inside a message is an error, one between two is not known to be one', async t => {
  const whole = Buffer.concat(BLOCKS)
  const at = [1, 4, 7, 8, 9, 100, 263, 264, 265, 272, 528, 529, 791]
  for (const bytes of at) {
    const cut = sending(whole.subarray(0, bytes))
    if (bytes % 264 === 0) {
      const { got } = await get(t, cut)
      t.match(await got, { asExpected: false })
    } else await refused(t, cut, 'ERR_SFT_TRUNCATED', {}, `after ${bytes} bytes`)
    await refused(
      t,
      cut,
      bytes % 264 === 0 ? 'ERR_SFT_EXPECTED' : 'ERR_SFT_TRUNCATED',
      { expect: { size: 250 } },
      `expected, after ${bytes} bytes`
    )
  }
  const reset = answering(async peer => {
    peer.raw(whole.subarray(0, 264))
    await new Promise(resolve => setTimeout(resolve, 50))
    peer.socket.resetAndDestroy()
  })
  await refused(t, reset, 'ERR_SFT_CONNECTION_LOST', {}, 'a reset')
})

t.test('A9: one byte at a time', async t => {
  const trickle = answering(async peer => {
    for (const byte of Buffer.concat(BLOCKS.slice(1))) {
      peer.raw(Uint8Array.of(byte))
      await new Promise(resolve => setImmediate(resolve))
    }
    peer.end()
  })
  const { got, output } = await get(t, trickle)
  await got
  t.ok((await readFile(output)).equals(FILE.subarray(100)))
})

t.test('A11, A12, M149: lengths and types and blocks that can not be', async t => {
  const long = Buffer.from(encodeClassic('RSFL'))
  long.writeUInt32BE(2 ** 32 - 1, 4)
  await refused(t, sending(long), 'ERR_SFT_FRAME_TOO_LARGE')
  const strange = Buffer.from(BLOCKS[0] as Buffer)
  strange.write('XXXX')
  await refused(t, sending(strange), 'ERR_SFT_FRAME_TYPE', {}, 'XXXX')
  for (const type of ['SECE', 'RSCV', 'RSCI', 'RQFL'] as const)
    await refused(t, sending(encodeClassic(type, server.pem)), 'ERR_SFT_FRAME_TYPE', {}, type)
  await refused(
    t,
    greeted(peer => peer.send('RSFL', pattern(256)).end()),
    'ERR_SFT_FRAME_TYPE',
    {},
    'a block for a certificate'
  )
  const block = (data: Uint8Array, key = identity.publicKey) => encodeClassic('RSFL', encryptBlock(key, data))
  await refused(t, sending(block(pattern(100), server.publicKey)), 'ERR_SFT_CHUNK_AUTH', {}, 'under another key')
  await refused(t, sending(block(pattern(101))), 'ERR_SFT_CHUNK_SIZE', {}, 'of 101 bytes')
  await refused(t, sending(block(new Uint8Array(0))), 'ERR_SFT_CHUNK_SIZE', {}, 'of no byte')
  await refused(t, sending(encodeClassic('RSFL', pattern(255))), 'ERR_SFT_CHUNK_SIZE', {}, 'of 255')
})

t.test('M142, A28: each wait ends', async t => {
  const deadlines = QUICK
  await refused(t, () => {}, 'ERR_SFT_TIMEOUT', { deadlines }, 'no answer')
  await refused(
    t,
    answering(() => {}),
    'ERR_SFT_TIMEOUT',
    { deadlines },
    'no block, as a classic server without the file'
  )
  await refused(
    t,
    answering(peer => peer.raw(BLOCKS[0] as Buffer)),
    'ERR_SFT_TIMEOUT',
    { deadlines },
    'no further block'
  )
  await t.rejects(
    getClassic({ identity, pool, host: '127.0.0.1', port: 1, name: 'any', output: join(t.testdir(), 'x') }),
    { code: 'ERR_SFT_CONNECT' }
  )
})

t.test('A29: what has the name stays until the end, and two of one name do not meet', async t => {
  const port = await hostileServer(t, sending(...BLOCKS))
  const cut = await hostileServer(t, sending(Buffer.concat(BLOCKS).subarray(0, 300)))
  const directory = t.testdir({ received_any: 'of before' })
  const ask = (more: Partial<ClassicGetOptions>) =>
    getClassic({ identity, pool, host: '127.0.0.1', port, name: 'some/where/any', output: directory, ...more })
  await t.rejects(ask({}), { code: 'ERR_SFT_EXISTS' })
  await t.rejects(ask({ port: cut, existing: 'replace' }), { code: 'ERR_SFT_TRUNCATED' })
  t.same(await readdir(directory), ['received_any'])
  t.equal(await readFile(join(directory, 'received_any'), 'utf8'), 'of before')
  const both = await Promise.all([ask({ existing: 'rename' }), ask({ existing: 'rename' })])
  t.same(both.map(({ renamed }) => renamed).sort(), ['received_any (1)', 'received_any (2)'])
  for (const name of ['received_any (1)', 'received_any (2)'])
    t.ok((await readFile(join(directory, name))).equals(FILE))
  await ask({ existing: 'replace' })
  t.ok((await readFile(join(directory, 'received_any'))).equals(FILE))
})

t.test('what can not be asked for', async t => {
  const output = join(t.testdir(), 'x')
  const port = await hostileServer(t, sending(...BLOCKS))
  const ask = (more: Partial<ClassicGetOptions>) =>
    getClassic({ identity, pool, host: '127.0.0.1', port, name: 'any', output, ...more })
  for (const name of ['', 'x'.repeat(191), 'é'.repeat(96)]) await t.rejects(ask({ name }), { code: 'ERR_SFT_USAGE' })
  await t.rejects(ask({ output: '/dev/null' }), { code: 'ERR_SFT_USAGE' })
  await t.rejects(ask({ output: join(output, 'y') }), { code: 'ERR_SFT_FILE' })
  const abort = new AbortController()
  abort.abort(new Error('enough'))
  await t.rejects(ask({ signal: abort.signal }), { message: 'enough' })
})

t.test('an abort on the way leaves nothing', async t => {
  const abort = new AbortController()
  const script = answering(peer => {
    peer.raw(BLOCKS[0] as Buffer)
    setTimeout(() => abort.abort(new Error('enough')), 50)
  })
  const { got, left } = await get(t, script, { signal: abort.signal })
  await t.rejects(got, { message: 'enough' })
  t.same(await left(), [])
})

t.test('names of directories and of files that are there', async t => {
  const directory = t.testdir({ sub: {} })
  await mkdir(join(directory, 'sub', 'deeper'))
  await writeFile(join(directory, 'sub', 'received_x'), '')
  const port = await hostileServer(t, sending(...BLOCKS))
  await getClassic({
    identity,
    pool,
    host: '127.0.0.1',
    port,
    name: '../../x',
    output: join(directory, 'sub', 'deeper')
  })
  t.same(await readdir(join(directory, 'sub', 'deeper')), ['received_x'])
})
