import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Child, Children, type Command, type Usage } from '../bench/children.ts'
import { exitCode } from '../bench/exit-code.ts'
import { PIECE, requireCopy, writeRandom } from '../bench/files.ts'
import { formatNumber, formatSize, formatTable, parseSize } from '../bench/report.ts'
import { requireSpace } from '../bench/space.ts'
import { organisation, sftCommand, type UserEnvironment } from '../bench/users.ts'
import { WireCounter } from '../bench/wire-counter.ts'

/**
 * `npm run demo`: an auth server certifies two users, and a file moves between them by `send`, by `get` and by pipe, each time compared
 * with what was sent. It runs the command as anybody would, on loopback, in a temporary directory that is gone afterwards.
 */

const SETUP_MS = 60_000
const FILE = 'random.bin'

interface Demo {
  readonly directory: string
  readonly children: Children
  readonly bytes: number
  readonly source: string
  readonly copy: string
  readonly alice: UserEnvironment
  readonly bob: UserEnvironment
}

/** One way from alice to bob. Without a listening side it is a pipeline. */
interface Way {
  readonly name: string
  readonly listener?: Command
  /** Who dials `port`, or the pipeline with the sender first. */
  readonly commands: (port: number) => readonly Command[]
  /** The listening side is the sender, and serves until it is stopped. */
  readonly serves?: boolean
}

interface Run {
  readonly seconds: number
  readonly sender: Usage
  readonly receiver: Usage
}

function ways(demo: Demo): readonly Way[] {
  const { source, copy, alice, bob } = demo
  return [
    {
      name: 'send → recv --listen',
      listener: sftCommand(bob, 'recv', '--listen', '127.0.0.1:0', '--from', 'alice', '-o', copy),
      commands: port => [sftCommand(alice, 'send', source, `bob@127.0.0.1:${port}`)]
    },
    {
      name: 'get ← serve',
      listener: sftCommand(alice, 'serve', join(demo.directory, 'export'), '--listen', '127.0.0.1:0'),
      commands: port => [sftCommand(bob, 'get', `alice@127.0.0.1:${port}`, FILE, '-o', copy)],
      serves: true
    },
    {
      name: 'pipe, send to recv',
      commands: () => [
        sftCommand(alice, 'send', source, '--to', 'bob'),
        sftCommand(bob, 'recv', '--from', 'alice', '-o', copy)
      ]
    }
  ]
}

/** Runs one way; the time is that of the dialling side and of what has to end with it, start of the programs included. */
async function run({ children, bytes }: Demo, way: Way, route = async (port: number) => port): Promise<Run> {
  const deadline = SETUP_MS + bytes / 10_000
  const listener = way.listener && children.start(way.listener, { deadline })
  const port = listener ? await route(await portOf(listener)) : 0
  const start = performance.now()
  const used = [...(await children.run(way.commands(port), { deadline }))]
  if (listener && !way.serves) used.push(...(await listener.ended))
  const seconds = (performance.now() - start) / 1000
  if (listener && way.serves) used.unshift(...(await listener.stop()))
  const [sender, receiver] = used as [Usage, Usage]
  return { seconds, sender, receiver }
}

async function portOf(listener: Child): Promise<number> {
  return Number((await listener.ready(/listening on \S+:(\d+)/))[1])
}

/** Bytes on the wire: a second run through a counting proxy, or the size of the sealed stream. */
async function wireBytes(demo: Demo, way: Way): Promise<number> {
  if (!way.listener) {
    const sealed = join(demo.directory, 'sealed')
    await demo.children.run(sftCommand(demo.alice, 'send', demo.source, '--to', 'bob', '-o', sealed))
    const { size } = await stat(sealed)
    await rm(sealed)
    return size
  }
  let counter: WireCounter | undefined
  try {
    await run(demo, way, async port => {
      counter = await WireCounter.to(port)
      return counter.port
    })
    return counter?.bytes ?? 0
  } finally {
    await counter?.[Symbol.asyncDispose]()
  }
}

/** One row of the table: the timed run, its copy compared; then the counted run, its copy compared. */
async function measure(demo: Demo, way: Way, hash: string): Promise<string[]> {
  const { seconds, sender, receiver } = await run(demo, way)
  await requireSame(demo, hash)
  const wire = await wireBytes(demo, way)
  if (way.listener) await requireSame(demo, hash)
  const overhead = ((wire - demo.bytes) / demo.bytes) * 100
  const cpu = ((sender.cpu ?? Number.NaN) + (receiver.cpu ?? Number.NaN)) / (demo.bytes / 2 ** 30)
  return [
    way.name,
    demo.bytes.toLocaleString('en-US'),
    overhead.toPrecision(3),
    formatNumber(demo.bytes / 1e6 / seconds),
    formatNumber(cpu),
    formatNumber(sender.memory),
    formatNumber(receiver.memory)
  ]
}

async function requireSame({ copy, bytes }: Demo, hash: string): Promise<void> {
  await requireCopy(copy, { bytes, hash })
  await rm(copy)
}

/** Two users of one organisation; alice, who sends without asking anybody, has bob's certificate in her peer book. */
async function enrol(children: Children, directory: string): Promise<Pick<Demo, 'alice' | 'bob'>> {
  const { name, url, users } = await organisation(children, directory, 'demo.example', ['alice', 'bob'])
  say(`auth server of ${name} on ${url}, users ${Object.keys(users).join(' and ')}`)
  const { alice, bob } = users as Record<'alice' | 'bob', UserEnvironment>
  const certificate = join(directory, 'bob.crt')
  await children.run({ ...sftCommand(bob, 'whoami', '--cert'), stdout: certificate })
  await children.run(sftCommand(alice, 'peers', 'add', certificate))
  say('alice and bob logged in; alice knows the certificate of bob')
  return { alice, bob }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

async function demonstrate(directory: string, children: Children, bytes: number): Promise<void> {
  await requireSpace(directory, 2 * bytes + 64 * PIECE)
  const users = await enrol(children, directory)
  const source = join(directory, 'export', FILE)
  const demo: Demo = { directory, children, bytes, source, copy: join(directory, 'copy.bin'), ...users }
  await mkdir(join(directory, 'export'))
  const hash = await writeRandom(source, bytes)
  say(`${formatSize(bytes)} of random bytes, SHA-256 ${hash.slice(0, 16)}…\n`)
  const rows: string[][] = []
  for (const way of ways(demo)) rows.push(await measure(demo, way, hash))
  const head = ['path', 'bytes', 'overhead %', 'MB/s', 'CPU s/GiB', 'sender MiB', 'receiver MiB']
  say(formatTable(head, rows))
  say('\nevery copy has the SHA-256 of the source; overhead is what both directions put on the wire beyond the file,')
  say('times are of whole processes, up to the copy being durable on disk; CPU is of both sides, MiB are peaks')
}

/** Resolves with the exit code. */
async function main(): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'sft-demo-'))
  const children = new Children(directory)
  try {
    return await exitCode('demo', children, async () => {
      const { values } = parseArgs({ options: { size: { type: 'string', default: '256M' } } })
      await demonstrate(directory, children, parseSize(values.size))
    })
  } finally {
    await children[Symbol.asyncDispose]()
    await rm(directory, { recursive: true, force: true })
  }
}

process.exit(await main())
