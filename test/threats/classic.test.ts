import { spawnSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { once } from 'node:events'
import { constants, readFileSync } from 'node:fs'
import { open, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { selfSign } from '../../src/auth/certificates/certificate.ts'
import { parseClassicRoot, verifyClassicCertificate } from '../../src/auth/classic/certificate.ts'
import { issueClassicLeaf } from '../../src/auth/classic/issuance.ts'
import { openLogin, parseLogin } from '../../src/auth/classic/login-message.ts'
import { encodeClassic } from '../../src/auth/classic/wire.ts'
import { readCapture } from '../../src/proof/capture/read.ts'
import { decryptBlock, encryptBlock } from '../../src/workers/classic-blocks.ts'
import { pattern } from '../fixtures/bytes.ts'
import {
  beginDouble,
  CLASSIC_PYTHON,
  classicIdentity,
  keepForDouble,
  listenDouble,
  makeClassicSystem,
  noDouble,
  runDouble
} from '../fixtures/classic.ts'
import { blocksFor, dialRaw, hostileServer, type RawPeer } from '../fixtures/classic-hostile.ts'
import { Shell } from '../fixtures/command.ts'
import { testKey } from '../fixtures/rsa-keys.ts'
import { ATTACKS } from './attacks.ts'

/** What the classic system let through, shown on its test double; and that every attack of the list has its tests. */

const TESTS = fileURLToPath(new URL('../', import.meta.url))
const skip = noDouble
const system = await makeClassicSystem()
const [user1, user2, mallory] = [
  await classicIdentity(system, 'user1'),
  await classicIdentity(system, 'user2'),
  await classicIdentity(system, 'mallory')
]
const BLOCKS = blocksFor(user1.publicKey, pattern(250))
/** How long a peer is watched that is to do nothing. */
const WHILE_MS = 400

/** Their requester, which asks a server that plays a script; what it has in its directory then. */
async function theirGet(t: Test, script: (peer: RawPeer) => unknown, files: Record<string, string> = {}) {
  const directory = t.testdir(files)
  await keepForDouble(join(directory, 'me'), user1)
  const port = await hostileServer(t, script)
  const shell = new Shell(t, directory)
  const args = ['get', 'me/root.crt', 'me', String(port), 'file']
  const received = () => readFile(join(directory, 'received_file')).catch(() => undefined)
  return { shell, args, received, run: () => runDouble(shell, args) }
}

/** Their listener, in a directory of its own. */
async function theirServe(t: Test) {
  const directory = t.testdir({ files: { 'a file': pattern(250) }, outside: 'secret' })
  await keepForDouble(join(directory, 'me'), user1)
  const cwd = join(directory, 'files')
  const { port } = await listenDouble(new Shell(t, directory), ['serve', '../me/root.crt', '../me', '0'], { cwd })
  return { port, directory, cwd }
}

const answering = (pem: Uint8Array, send: (peer: RawPeer) => unknown) => async (peer: RawPeer) => {
  await peer.read()
  peer.send('RSCV', pem)
  await peer.read()
  await send(peer)
}
const sending = (blocks: readonly Uint8Array[], pem = user2.pem) =>
  answering(pem, peer => {
    for (const block of blocks) peer.raw(block)
    peer.end()
  })

/** Greets as user2, asks, and gives what comes in clear. */
async function ask(t: Test, port: number, payload: Uint8Array): Promise<Buffer> {
  const peer = await dialRaw(t, port)
  peer.send('SECE', user2.pem)
  t.equal((await peer.read())?.type, 'RSCV')
  peer.send('RQFL', payload)
  const parts: Uint8Array[] = []
  for (let message = await peer.read(); message; message = await peer.read())
    parts.push(decryptBlock(user2.privateKey, message.payload) ?? new Uint8Array(0))
  return Buffer.concat(parts)
}

const nameFor = (name: string) => encryptBlock(user1.publicKey, Buffer.from(name))

/** Whether a peer neither says anything nor ends for a while. */
async function isSilent(peer: RawPeer): Promise<boolean> {
  return Promise.race([peer.rest().then(() => false), delay(WHILE_MS, true)])
}

t.test('every attack of the list has its tests, and they are where it says', t => {
  const numbers = [
    ...Array.from({ length: 14 }, (_, i) => `A${i + 5}`),
    ...Array.from({ length: 6 }, (_, i) => `A${i + 24}`)
  ]
  t.same(Object.keys(ATTACKS), numbers)
  const own = readFileSync(fileURLToPath(import.meta.url), 'utf8')
  for (const [number, { what, shown, native, fence }] of Object.entries(ATTACKS)) {
    if (typeof shown === 'string') t.ok(own.includes(`t.test('${shown}'`), `${number} is shown: ${what}`)
    else t.ok(shown.not.length > 20, `${number} is not shown: ${shown.not}`)
    t.ok(native.length > 0, `${number}: native`)
    for (const [file, title] of [...native, ...('not' in fence ? [] : fence)]) {
      const text = readFileSync(join(TESTS, `${file}.test.ts`), 'utf8').replaceAll("\\'", "'")
      t.ok(text.includes(title), `${number}: ${file}: ${title}`)
    }
  }
  t.end()
})

t.test('A5, A12: a self-signed server that sends blocks of type XXXX is believed', { skip }, async t => {
  const { publicKey, privateKey } = await testKey()
  const now = Date.now()
  const dates = { notBefore: new Date(now - 1e6), notAfter: new Date(now + 1e6) }
  const forged = selfSign(
    { subject: { commonName: 'user2' }, publicKey, ...dates, extensions: [], keyIds: false },
    privateKey
  )
  const strange = BLOCKS.map(block => Buffer.concat([Buffer.from('XXXX'), block.subarray(4)]))
  const { run, received } = await theirGet(t, sending(strange, Buffer.from(forged.toString())))
  t.match(await run(), { code: 0, stdout: Buffer.from('the certificate is not trusted\nFile received\n') })
  t.ok((await received())?.equals(pattern(250)))
})

t.test('A6, A7: blocks of anybody, in any order, are the file', { skip }, async t => {
  const [a, b, last] = BLOCKS as [Buffer, Buffer, Buffer]
  for (const blocks of [blocksFor(user1.publicKey, Buffer.from('of mallory')), [last, a, b, b]]) {
    const { run, received } = await theirGet(t, sending(blocks))
    t.match(await run(), { code: 0, stdout: Buffer.from('File received\n') })
    t.ok(((await received())?.byteLength ?? 0) > 0)
  }
})

t.test('A8: a connection that is cut is a received file', { skip }, async t => {
  const { run, received } = await theirGet(t, sending([Buffer.concat(BLOCKS).subarray(0, 400)]))
  t.match(await run(), { code: 0, stdout: Buffer.from('File received\n') })
  t.equal((await received())?.byteLength, 100)
})

t.test('A9: a header in two pieces is the end of the file', { skip }, async t => {
  const [first, second] = BLOCKS as [Buffer, Buffer]
  const split = answering(user2.pem, async peer => {
    peer.socket.setNoDelay()
    peer.raw(first)
    await delay(WHILE_MS)
    // two bytes of a length, and a while later the rest
    peer.raw(second.subarray(0, 6))
    await delay(WHILE_MS)
    peer.raw(second.subarray(6)).end()
  })
  const { run, received } = await theirGet(t, split)
  t.match(await run(), { code: 0, stdout: Buffer.from('File received\n') })
  t.equal((await received())?.byteLength, 100)
})

t.test('A11, A27: a length of 4 GiB, and connections that say nothing, are waited for', { skip }, async t => {
  const { port } = await theirServe(t)
  const long = Buffer.from(encodeClassic('SECE'))
  long.writeUInt32BE(2 ** 32 - 1, 4)
  const greedy = (await dialRaw(t, port)).raw(Buffer.concat([long, Buffer.alloc(100_000)]))
  const idle = await Promise.all(Array.from({ length: 50 }, () => dialRaw(t, port)))
  t.same(await Promise.all([greedy, ...idle].map(isSilent)), Array(51).fill(true))
})

t.test('A13: a file is opened for whoever asks, before any certificate', { skip }, async t => {
  const { port, cwd } = await theirServe(t)
  const fifo = join(cwd, 'fifo')
  t.equal(spawnSync('mkfifo', [fifo]).status, 0)
  const isRead = () => open(fifo, constants.O_WRONLY | constants.O_NONBLOCK)
  await t.rejects(isRead(), { code: 'ENXIO' }, 'nobody reads it')
  ;(await dialRaw(t, port)).send('RQFL', nameFor('fifo'))
  const opened = async () => {
    for (let i = 0; i < 100; i++) {
      const handle = await isRead().catch(() => undefined)
      if (handle) return handle
      await delay(50)
    }
    throw new Error('it was not opened')
  }
  await (await opened()).close()
  t.pass('it was opened')
})

t.test('A14, A15: any file of the machine, for whoever has a certificate', { skip }, async t => {
  const { port, directory } = await theirServe(t)
  for (const name of ['../outside', join(directory, 'outside')])
    t.equal((await ask(t, port, nameFor(name))).toString(), 'secret')
})

t.test('A16: any valid certificate answers for any other', { skip }, async t => {
  const { run, received } = await theirGet(
    t,
    sending(blocksFor(user1.publicKey, Buffer.from('of mallory')), mallory.pem)
  )
  t.match(await run(), { code: 0, stdout: Buffer.from('File received\n') })
  t.equal((await received())?.toString(), 'of mallory')
})

t.test('A17, A18: a recorded block is a name, and a recorded name is good for ever', { skip }, async t => {
  const { port } = await theirServe(t)
  // a block of a file that somebody once sent to user1, and that says `a file`
  const block = blocksFor(user1.publicKey, Buffer.from('a file'))[0]?.subarray(8) as Buffer
  for (const again of [1, 2]) t.ok((await ask(t, port, block)).equals(pattern(250)), `${again}`)
})

t.test('A24: keys that others can read', { skip }, async t => {
  const directory = t.testdir({ me: {} })
  const server = createServer((_, response) => response.end('x')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  await writeFile(join(directory, 'root.crt'), system.certificate.toString())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const login = `umask 022; '${CLASSIC_PYTHON}' "$0" login ${url} root.crt me user1 password1`
  const double = fileURLToPath(new URL('../fixtures/classic_peer.py', import.meta.url))
  const { code, stderr } = await new Shell(t, directory).run(['-c', login, double], { program: 'sh' })
  t.equal(code, 0, stderr)
  t.equal((await stat(join(directory, 'me', 'key.pem'))).mode & 0o777, 0o644)
})

t.test('A24: no passphrase and no password stands in the sources, but for those of the demo users', async t => {
  const src = join(TESTS, '..', 'src')
  const literal = /\b(passphrase|password)['"]?\s*[:=]\s*(b|Buffer\.from\()?['"][^'"$]+['"]/i
  const found: string[] = []
  for (const name of (await readdir(src, { recursive: true })).filter(each => each.endsWith('.ts'))) {
    const lines = (await readFile(join(src, name), 'utf8')).split('\n')
    found.push(...lines.filter(line => literal.test(line)).map(line => `${name}: ${line.trim()}`))
  }
  t.same(found, ["bin/commands/proof/texts.ts: password: 'password',"], 'a word for a kind of text')
  t.match('key_passphrase = b"passphrase", passphrase: "x"', literal, 'the pattern finds one')
})

t.test('A25: the published key opens every login, and certifies anybody', async t => {
  const data = new URL('../data/classic/', import.meta.url)
  const certificate = parseClassicRoot(readFileSync(new URL('root.crt', data)))
  const privateKey = createPrivateKey({
    key: readFileSync(new URL('root.key.der', data)),
    format: 'der',
    type: 'pkcs1'
  })
  const { connections } = await readCapture(fileURLToPath(new URL('capture.pcap', data)))
  const passwords = connections.slice(0, 2).map(({ up }) => {
    const request = Buffer.from(up.bytes)
    const login = parseLogin(request.subarray(request.indexOf('\r\n\r\n') + 4))
    return login && openLogin(privateKey, login.payload)?.password
  })
  t.same(passwords, ['password1', 'password3'])
  const forged = issueClassicLeaf({ certificate, privateKey }, { alias: 'user1', publicKey: mallory.publicKey })
  t.ok(forged.verify(certificate.publicKey), 'a certificate of user1 for a key of mallory')
  const expired = { root: certificate }
  t.throws(
    () => verifyClassicCertificate(Buffer.from(forged.toString()), expired),
    { code: 'ERR_SFT_CERT_EXPIRED' },
    'that root is over'
  )
})

t.test('A26: any answer is kept as the own certificate', { skip }, async t => {
  const server = createServer((_, response) => response.end('welcome')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const directory = t.testdir({ me: {} })
  await writeFile(join(directory, 'root.crt'), system.certificate.toString())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.match(await runDouble(new Shell(t, directory), ['login', url, 'root.crt', 'me', 'user1', 'password1']), { code: 0 })
  t.equal(await readFile(join(directory, 'me', 'cert.pem'), 'utf8'), 'welcome')
})

t.test('A28: a file that is not there is waited for', { skip }, async t => {
  const { port } = await theirServe(t)
  const peer = (await dialRaw(t, port)).send('SECE', user2.pem)
  t.equal((await peer.read())?.type, 'RSCV')
  t.ok(await isSilent(peer.send('RQFL', nameFor('none'))))
})

t.test('A29: what was there is gone before anything has come', { skip }, async t => {
  const asked = Promise.withResolvers<void>()
  const silent = answering(user2.pem, () => asked.resolve())
  const { shell, args, received } = await theirGet(t, silent, { received_file: 'of before' })
  t.equal((await received())?.toString(), 'of before')
  const running = beginDouble(shell, args)
  await asked.promise
  t.equal(await received(), undefined)
  running.destroy()
})
