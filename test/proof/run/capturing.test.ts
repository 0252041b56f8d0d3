import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { type CaptureOptions, startCapture, TOOLS, type Tool } from '../../../src/proof/run/capturing.ts'
import { freePorts, LOOPBACK } from '../../../src/proof/run/ports.ts'
import { Programs } from '../../../src/proof/run/programs.ts'

const env = { PATH: process.env.PATH ?? '', HOME: t.testdir({}) }
const isThere = (name: string): boolean => spawnSync(name, ['--version'], { env }).status === 0
const isRoot = process.getuid?.() === 0

async function optionsFor(directory: string, tools?: readonly Tool[]): Promise<CaptureOptions> {
  const [port = 0, probe = 0] = await freePorts(2)
  return { directory, device: 'lo', ports: [port], probe, deadline: 60_000, env, ...(tools && { tools }) }
}

async function talk(port: number, bytes: Uint8Array): Promise<void> {
  const server = createServer().listen(port, LOOPBACK)
  await once(server, 'listening')
  const dialler = connect(port, LOOPBACK)
  const [listener] = (await once(server, 'connection')) as [Socket]
  dialler.end(bytes)
  await buffer(listener)
  server.close()
  await once(server, 'close')
}

for (const tool of TOOLS) {
  const skip = !isRoot ? 'only root may capture' : !isThere(tool.name) && `${tool.name} is not installed`
  t.test(`${tool.name} has every byte, of our ports only`, { skip }, async t => {
    const directory = t.testdir({})
    await using programs = new Programs()
    const options = await optionsFor(directory, [tool])
    using capturing = await startCapture(programs, options)
    t.equal(capturing.by, tool.name)
    const [first, other, last] = [
      Buffer.alloc(20_000, 'first'),
      Buffer.alloc(20_000, 'other'),
      Buffer.alloc(3_000_000, 'last')
    ]
    const [port = 0] = options.ports
    await talk(port, first)
    await talk((await freePorts(1))[0] as number, other)
    await talk(port, last)
    await capturing.stop()
    const file = await readFile(capturing.path)
    const has = (bytes: Buffer): boolean => file.includes(bytes.subarray(0, 500))
    t.same([has(first), has(other), has(last.subarray(-500))], [true, false, true])
    t.ok(file.byteLength > 3_020_000)
  })
}

t.test('no program at all: which package brings one', async t => {
  await using programs = new Programs()
  const options = await optionsFor(t.testdir({}))
  await t.rejects(startCapture(programs, { ...options, env: { PATH: options.directory } }), {
    code: 'ERR_SFT_CAPTURE',
    exitCode: 2,
    message: /dumpcap, tshark, tcpdump/,
    hint: /apt install tshark/
  })
})

const dumpcap = TOOLS.slice(0, 1)
const withoutDumpcap = !isThere('dumpcap') && 'dumpcap is not installed'

t.test(
  'no rights: how to get them',
  { skip: withoutDumpcap || (!isRoot && 'only root can be somebody else') },
  async t => {
    await using programs = new Programs()
    const asNobody = dumpcap.map((tool): Tool => {
      const before = ['--reuid=65534', '--regid=65534', '--clear-groups', tool.name]
      return { ...tool, name: 'setpriv', args: where => [...before, ...tool.args(where)] }
    })
    await t.rejects(startCapture(programs, await optionsFor(t.testdir({}), asNobody)), {
      code: 'ERR_SFT_CAPTURE',
      message: /permission/,
      hint: /root.*wireshark.*setcap cap_net_raw,cap_net_admin\+eip/
    })
  }
)

t.test('an interface that is not there', { skip: withoutDumpcap || (!isRoot && 'only root may capture') }, async t => {
  await using programs = new Programs()
  const options = { ...(await optionsFor(t.testdir({}), dumpcap)), device: 'none0' }
  await t.rejects(startCapture(programs, options), { code: 'ERR_SFT_CAPTURE', message: /none0/, hint: /--interface/ })
})

t.test('packets that were lost, and an end that says nothing of them', async t => {
  const [first, second, third] = TOOLS as [Tool, Tool, Tool]
  const said =
    "Packets received/dropped on interface 'Loopback: lo': 20/3 (pcap:3/dumpcap:0/flushed:0/ps_ifdrop:0) (87.0%)"
  t.same([first.lost(said), first.lost(said.replace('/3', '/0')), first.lost('')], [3, 0, undefined])
  t.same([second.lost('2 packets captured\n1 packet dropped'), second.lost('2 packets captured')], [1, 0])
  t.same([third.lost('5 packets captured\n4 packets dropped by kernel'), third.lost('')], [4, undefined])
})

t.test(
  'a capture that misses packets does not count',
  { skip: withoutDumpcap || (!isRoot && 'only root may capture') },
  async t => {
    await using programs = new Programs()
    const lossy = dumpcap.map((tool): Tool => ({ ...tool, lost: () => 5 }))
    using capturing = await startCapture(programs, await optionsFor(t.testdir({}), lossy))
    await t.rejects(capturing.stop(), { code: 'ERR_SFT_CAPTURE', message: /lost 5 packets/ })
  }
)
