import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { encodeClassic } from '../../../src/auth/classic/wire.ts'
import { pattern } from '../../fixtures/bytes.ts'
import {
  classicIdentity,
  keepForCommand,
  keepForDouble,
  listenDouble,
  makeClassicSystem,
  noDouble,
  runDouble
} from '../../fixtures/classic.ts'
import { blocksFor, hostileServer } from '../../fixtures/classic-hostile.ts'
import { Shell } from '../../fixtures/command.ts'

/** `sft classic serve` and `sft classic get`, between processes. */

const system = await makeClassicSystem()
const [user1, user2] = [await classicIdentity(system, 'user1'), await classicIdentity(system, 'user2')]
const BYTES = pattern(1234)
const sha256 = createHash('sha256').update(BYTES).digest('hex')
const home = t.testdir({ one: { served: { 'a file.txt': BYTES, empty: '' } }, two: {}, theirs: {} })
const one = new Shell(t, join(home, 'one'))
const two = new Shell(t, join(home, 'two'))
await keepForCommand(one, user1)
await keepForCommand(two, user2)
await keepForDouble(join(home, 'theirs'), user2)

t.test(
  'ours to ours: what comes is marked, and exit 46, unless it is what was expected',
  { timeout: 170_000 },
  async t => {
    const server = await one.listen(['classic', 'serve', 'served', '--port', '0', '--audit', 'audit'], {
      timeout: 170_000
    })
    t.match(server.address, /^127\.0\.0\.1:\d+$/)
    const get = (...args: string[]) => two.run(['classic', 'get', server.address, ...args])
    const first = await get('a file.txt')
    t.match(first, { code: 46, bytes: 0 })
    t.match(
      first.stderr,
      new RegExp(
        `^sft: UNAUTHENTICATED: received_a file\\.txt, 1234 bytes, from whoever showed the certificate of user1; nobody vouches for them, or that they are all; sha256 ${sha256}\\nsft: [^\\n]+ \\[ERR_SFT_UNAUTHENTICATED\\]\\n$`
      )
    )
    t.ok((await readFile(join(two.directory, 'received_a file.txt'))).equals(BYTES))
    t.match(await get('a file.txt'), { code: 45 })
    const expected = await get('a file.txt', '--force', '--expect-sha256', sha256)
    t.match(expected, {
      code: 0,
      stderr:
        'sft: received, as expected: received_a file.txt, 1234 bytes, from whoever showed the certificate of user1\n'
    })
    t.match(await get('a file.txt', '--rename', '--expect-size', '1234'), {
      code: 0,
      stderr: /as received_a file \(1\)\.txt/
    })
    t.match(await get('a file.txt', '-o', 'x', '--expect-size', '1235'), { code: 40, stderr: /ERR_SFT_EXPECTED/ })
    t.match(await get('a file.txt', '-o', 'x', '--expect-sha256', '0'.repeat(64)), {
      code: 40,
      stderr: /ERR_SFT_EXPECTED/
    })
    t.match(await get('empty'), { code: 3, stderr: /--expect-size 0/ })
    t.match(await get('empty', '--expect-size', '0'), { code: 0 })
    t.match(await get('../audit'), { code: 3 })
    t.same((await readdir(two.directory)).filter(name => name !== 'data').sort(), [
      'received_a file (1).txt',
      'received_a file.txt',
      'received_empty'
    ])
    t.match(
      await two.run([
        'classic',
        'get',
        `user1@${server.address}`,
        'a file.txt',
        '-o',
        'named',
        '--expect-size',
        '1234'
      ]),
      { code: 0 }
    )
    t.match(await two.run(['classic', 'get', `user3@${server.address}`, 'a file.txt', '-o', 'x']), {
      code: 41,
      stderr: /another name/
    })
    server.kill('SIGTERM')
    const { code, stderr } = await server.ended
    t.equal(code, 143)
    t.match(stderr, /sent a file\.txt, 1234 bytes, to whoever showed the certificate of user2\n/)
    t.match(stderr, /denied: \.\.\/audit, to whoever showed the certificate of user2\n/)
    t.match(await one.run(['audit', 'audit']), { code: 0 })
    t.match(await readFile(join(one.directory, 'audit'), 'utf8'), /"type":"classic\.denied"[^\n]*"path":"\.\.\/audit"/)
  }
)

t.test('ours to theirs, and theirs to ours', { skip: noDouble, timeout: 170_000 }, async t => {
  const server = await one.listen(['classic', 'serve', 'served', '--port', '0', '--threads', '0', '--to', 'user2'])
  const theirs = new Shell(t, join(home, 'theirs'))
  const port = server.address.split(':')[1] as string
  t.match(await runDouble(theirs, ['get', 'root.crt', '.', port, 'a file.txt']), {
    code: 0,
    stdout: Buffer.from('File received\n')
  })
  t.ok((await readFile(join(theirs.directory, 'received_a file.txt'))).equals(BYTES))
  server.kill('SIGTERM')
  await server.ended

  await mkdir(join(home, 'theirs', 'files'))
  await writeFile(join(home, 'theirs', 'files', 'b.c d'), BYTES)
  const listening = await listenDouble(theirs, ['serve', '../root.crt', '..', '0'], {
    cwd: join(home, 'theirs', 'files')
  })
  const got = await one.run([
    'classic',
    'get',
    `localhost:${listening.port}`,
    'b.c d',
    '--threads',
    '2',
    '--expect-sha256',
    sha256
  ])
  t.match(got, { code: 0 })
  t.ok((await readFile(join(one.directory, 'received_b.c d'))).equals(BYTES))
  t.match(
    await one.run(['classic', 'get', `localhost:${listening.port}`, 'none', '--timeout', '1s']),
    { code: 30 },
    'A28: it does not answer'
  )
  listening.destroy()
})

t.test('what a hostile server says is escaped, and what it cuts is no file', async t => {
  const port = await hostileServer(t, async peer => {
    await peer.read()
    peer.send('RSCV', user1.pem)
    await peer.read()
    peer.raw((blocksFor(user2.publicKey, BYTES)[0] as Buffer).subarray(0, 200)).end()
  })
  t.match(await two.run(['classic', 'get', `127.0.0.1:${port}`, 'x\u001b[31m', '-o', 'cut']), {
    code: 40,
    stderr: /ERR_SFT_TRUNCATED/
  })
  t.notOk((await readdir(two.directory)).some(name => name.includes('cut')))
  const stranger = await hostileServer(t, peer => peer.raw(encodeClassic('RSFL')).end())
  t.match(await two.run(['classic', 'get', `127.0.0.1:${stranger}`, 'x', '-o', 'y']), {
    code: 12,
    stderr: /ERR_SFT_FRAME_TYPE/
  })
})

t.test('how far it is, when it is asked', async t => {
  const more = Promise.withResolvers<void>()
  const port = await hostileServer(t, async peer => {
    await peer.read()
    peer.send('RSCV', user1.pem)
    await peer.read()
    const [first, ...rest] = blocksFor(user2.publicKey, BYTES) as [Buffer, ...Buffer[]]
    peer.raw(first)
    await more.promise
    for (const block of rest) peer.raw(block)
    peer.end()
  })
  const getting = two.begin(['classic', 'get', `127.0.0.1:${port}`, 'x', '-o', 'asked', '--expect-size', '1234', '-q'])
  const asked = async (): Promise<void> => {
    while (!/x: 100 B of 1\.2 KiB, 8 %/.test(getting.stderr)) {
      if ((await readdir(two.directory)).some(name => name.startsWith('.asked.'))) getting.kill('SIGUSR1')
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
  await asked()
  more.resolve()
  const { code, stderr } = await getting.ended
  t.equal(code, 0)
  t.notMatch(stderr, /received/, 'quiet about what went well')
})

t.test('A29: kill -9 on the way leaves the old file as it was', async t => {
  const half = Promise.withResolvers<void>()
  const port = await hostileServer(t, async peer => {
    await peer.read()
    peer.send('RSCV', user1.pem)
    await peer.read()
    peer.raw(blocksFor(user2.publicKey, BYTES)[0] as Buffer)
    half.resolve()
  })
  await writeFile(join(two.directory, 'old'), 'of before')
  const getting = two.begin(['classic', 'get', `127.0.0.1:${port}`, 'x', '-o', 'old', '--force'])
  await half.promise
  const parts = async () => (await readdir(two.directory)).filter(name => name.endsWith('.part'))
  while ((await parts()).length === 0) await new Promise(resolve => setTimeout(resolve, 20))
  getting.destroy()
  await getting.ended
  t.equal(await readFile(join(two.directory, 'old'), 'utf8'), 'of before')
})

t.test('what is no command line', async t => {
  const nobody = new Shell(t, t.testdir())
  const refused = async (shell: Shell, args: string[], expected: object) =>
    t.match(await shell.run(['classic', ...args]), expected, args.join(' '))
  await refused(nobody, ['get', '127.0.0.1:1', 'x'], { code: 2, stderr: /sft classic login/ })
  await refused(nobody, ['serve', '.', '--port', '0'], { code: 2, stderr: /ERR_SFT_NO_IDENTITY/ })
  await refused(two, ['serve', '.'], { code: 2, stderr: /--port/ })
  await refused(two, ['serve', 'none', '--port', '0'], { code: 3 })
  await refused(two, ['get', 'host', 'x'], { code: 2, stderr: /ALIAS@HOST:PORT/ })
  await refused(two, ['get', '127.0.0.1:1'], { code: 2, stderr: /missing required argument/ })
  await refused(two, ['get', '127.0.0.1:1', 'x'], { code: 10 })
  await refused(two, ['get', '127.0.0.1:1', 'x', '-o', '/dev/null'], { code: 2, stderr: /goes into a file/ })
  await refused(two, ['get', '127.0.0.1:1', 'x', '--expect-sha256', 'abc'], { code: 2, stderr: /64 hexadecimal/ })
})

t.test('--bwlimit: no more goes than the limit allows, of a server and of who gets', { timeout: 170_000 }, async t => {
  const file = pattern(60_000)
  await writeFile(join(home, 'one/served/large'), file)
  const [blocks, rate] = [(file.byteLength / 100) * 256, 40 * 1024]
  const serve = (...more: string[]) => one.listen(['classic', 'serve', 'served', '--port', '0', ...more])
  const [slow, fast] = [await serve('--bwlimit', '40K'), await serve()]
  const get = (address: string, output: string, ...more: string[]) =>
    two.run(['classic', 'get', address, 'large', '-o', output, '--expect-size', '60000', ...more])
  const within = async (output: string, run: Promise<{ code: number | null }>): Promise<void> => {
    const start = performance.now()
    t.match(await run, { code: 0 }, output)
    const seconds = (performance.now() - start) / 1000
    t.ok((await readFile(join(home, 'two', output))).equals(file))
    // what 100 ms bring goes at once, and nobody waits behind the last piece
    t.ok(blocks <= rate * (seconds + 0.2) + 4096, `${output}: ${blocks} bytes in ${seconds.toFixed(1)} s`)
  }
  await within('of a server', get(slow.address, 'of a server'))
  await within('of who gets', get(fast.address, 'of who gets', '--bwlimit', '40K'))
  t.match(await get(fast.address, 'x', '--bwlimit', '5'), { code: 2 })
})
