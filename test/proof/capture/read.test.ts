import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parseCapture, readCapture } from '../../../src/proof/capture/read.ts'
import { writeCapture } from '../../../src/proof/capture/write.ts'
import type { Connection } from '../../../src/proof/model.ts'
import { pattern } from '../../fixtures/bytes.ts'
import { followed, noTshark } from '../../fixtures/tshark.ts'

const CLASSIC = fileURLToPath(new URL('../../data/classic/capture.pcap', import.meta.url))
/** Both flows of a connection, as they are compared. */
const flows = ({ up, down }: Connection) => [up, down].map(({ bytes }) => Buffer.from(bytes).toString('hex'))

t.test('a capture of the classic system: connections, handshakes, packets', async t => {
  const { format, packets, strays, connections } = await readCapture(CLASSIC)
  t.same([format, packets], ['pcap', 540])
  t.match(strays, [{ kind: 'UDP', packets: 480, numbers: { length: 16 }, flow: { lost: 0 } }])
  t.equal(strays.length, 1)
  t.same(
    connections.map(({ number, dialler, listener, handshake }) => [number, dialler, listener, handshake]),
    [
      [1, '127.0.0.1:55990', '127.0.0.1:12565', [9, 10, 11]],
      [2, '127.0.0.1:55992', '127.0.0.1:12565', [23, 24, 25]],
      [3, '127.0.0.1:56686', '127.0.0.1:1991', [49, 50, 51]],
      [4, '127.0.0.1:59594', '127.0.0.1:1990', [327, 328, 329]]
    ]
  )
  for (const { up, down } of connections) t.same([up.lost, up.differing, down.lost, down.differing], [0, 0, 0, 0])
  const [login] = connections as [Connection]
  t.same([0, 174, 175, 1325].map(login.up.packetAt), [12, 12, 14, 14])
  t.equal(Math.round(login.up.timeAt(0) * 1000), 38_604_286)
  t.end()
})

t.test('the same bytes as tshark', { skip: noTshark }, async t => {
  const { connections } = await readCapture(CLASSIC)
  for (const [index, connection] of connections.entries()) {
    const { up, down } = followed(CLASSIC, index)
    t.same(flows(connection), [up, down])
  }
})

t.test('the same in every format', { skip: noTshark }, async t => {
  const directory = t.testdir({})
  const expected = (await readCapture(CLASSIC)).connections
  for (const format of ['pcapng', 'nsecpcap']) {
    const path = join(directory, format)
    t.equal(spawnSync('editcap', ['-F', format, CLASSIC, path]).status, 0)
    const { connections, format: found, packets } = await readCapture(path)
    t.same([found, packets], [format === 'pcapng' ? 'pcapng' : 'pcap', 540])
    t.same(connections.map(flows), expected.map(flows))
    for (const [index, { up, dialler, handshake }] of connections.entries()) {
      const same = expected[index] as Connection
      t.same([dialler, handshake, up.packetAt(0)], [same.dialler, same.handshake, same.up.packetAt(0)])
      t.ok(Math.abs(up.timeAt(0) - same.up.timeAt(0)) < 0.01)
    }
  }
})

t.test('what was written is read, in segments of any size', t => {
  const [a, b, c] = [pattern(1000), pattern(3000, 1), pattern(10, 2)]
  const pieces = [
    { dialler: true, bytes: a },
    { dialler: false, bytes: b },
    { dialler: true, bytes: c }
  ]
  for (const size of [1, 7, 1400, 65_000]) {
    for (const repeat of [false, true]) {
      const { connections, strays } = parseCapture(
        writeCapture(
          [
            { port: 1, pieces },
            { port: 2, pieces: [] }
          ],
          size,
          repeat
        )
      )
      t.same(strays, [])
      t.same(
        connections.map(({ listener, handshake }) => [listener, handshake.length]),
        [
          ['10.0.0.2:1', 3],
          ['10.0.0.2:2', 3]
        ]
      )
      const [first, second] = connections as [Connection, Connection]
      t.same(flows(first), [Buffer.concat([a, c]).toString('hex'), Buffer.from(b).toString('hex')])
      t.same(flows(second), ['', ''])
    }
  }
  t.end()
})

t.test('M170: what is no capture, what is too large, what is not there', async t => {
  const directory = t.testdir({})
  const path = join(directory, 'file')
  for (const bytes of [new Uint8Array(0), pattern(23), pattern(1000), readFileSync(CLASSIC).subarray(0, 23)])
    t.throws(() => parseCapture(bytes), { code: 'ERR_SFT_ENCODING' })
  await writeFile(path, '')
  await truncate(path, 512 * 1024 * 1024 + 1)
  await t.rejects(readCapture(path), { code: 'ERR_SFT_LIMIT' })
  await t.rejects(readCapture(join(directory, 'none')), { code: 'ERR_SFT_NOT_FOUND' })
  await t.rejects(readCapture(directory), { code: 'ERR_SFT_FILE' })
})

t.test('M170: a packet is compared with what is left', t => {
  const whole = readFileSync(CLASSIC)
  for (const length of [24 + 15, 24 + 16, 24 + 16 + 84, whole.byteLength - 1])
    t.throws(() => parseCapture(whole.subarray(0, length)), { code: 'ERR_SFT_ENCODING' })
  t.equal(parseCapture(whole.subarray(0, 24)).packets, 0)
  t.end()
})
