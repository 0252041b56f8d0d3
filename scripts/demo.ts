import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Child, Children, type Command, type Usage } from '../bench/children.ts'
import { formatNumber, formatSize, formatTable, parseSize } from '../bench/report.ts'
import { requireSpace } from '../bench/space.ts'
import { WireCounter } from '../bench/wire-counter.ts'

/**
 * `npm run demo`: an auth server certifies two users, and a file moves between them by `send`, by `get` and by pipe, each time compared
 * with what was sent. It runs the command as anybody would, on loopback, in a temporary directory that is gone afterwards.
 */

const SFT = fileURLToPath(new URL('../src/bin/sft.js', import.meta.url))
const PIECE = 1024 * 1024
const SETUP_MS = 60_000
const FILE = 'random.bin'

interface Demo {
  readonly directory: string
  readonly children: Children
  readonly bytes: number
  readonly source: string
  readonly copy: string
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

/** A command line of one user, who has nothing of the caller's identity. */
function sft(demo: Pick<Demo, 'directory'>, user: 'alice' | 'bob' | 'authority', ...args: string[]): Command {
  const home = join(demo.directory, user)
  return { argv: [process.execPath, SFT, ...args], env: { HOME: home, XDG_DATA_HOME: join(home, 'data') } }
}

function ways(demo: Demo): readonly Way[] {
  const { source, copy } = demo
  return [
    {
      name: 'send → recv --listen',
      listener: sft(demo, 'bob', 'recv', '--listen', '127.0.0.1:0', '--from', 'alice', '-o', copy),
      commands: port => [sft(demo, 'alice', 'send', source, `bob@127.0.0.1:${port}`)]
    },
    {
      name: 'get ← serve',
      listener: sft(demo, 'alice', 'serve', join(demo.directory, 'export'), '--listen', '127.0.0.1:0'),
      commands: port => [sft(demo, 'bob', 'get', `alice@127.0.0.1:${port}`, FILE, '-o', copy)],
      serves: true
    },
    {
      name: 'pipe, send to recv',
      commands: () => [
        sft(demo, 'alice', 'send', source, '--to', 'bob'),
        sft(demo, 'bob', 'recv', '--from', 'alice', '-o', copy)
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
    await demo.children.run(sft(demo, 'alice', 'send', demo.source, '--to', 'bob', '-o', sealed))
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
  await requireSame(demo, way, hash)
  const wire = await wireBytes(demo, way)
  if (way.listener) await requireSame(demo, way, hash)
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

async function requireSame({ copy }: Demo, { name }: Way, hash: string): Promise<void> {
  const digest = createHash('sha256')
  await pipeline(createReadStream(copy, { highWaterMark: PIECE }), digest)
  await rm(copy)
  if (digest.digest('hex') !== hash) throw new Error(`${name}: the copy is not what was sent`)
}

/** Makes the organisation with the command itself: authority, users, two logins, and bob's certificate in alice's peer book. */
async function enrol(demo: Demo): Promise<void> {
  const { children, directory } = demo
  const authority = join(directory, 'authority', 'ca')
  const password = join(directory, 'password')
  await mkdir(join(directory, 'authority'))
  await children.run(sft(demo, 'authority', 'auth', 'init', authority, '--org', 'demo.example', '--no-passphrase'))
  for (const user of ['alice', 'bob'] as const) {
    await writeFile(`${password}.${user}`, randomBytes(18).toString('base64url'), { mode: 0o600 })
    const add = ['auth', 'user', 'add', user, '--dir', authority, '--password-file', `${password}.${user}`]
    await children.run(sft(demo, 'authority', ...add))
  }
  const server = children.start(sft(demo, 'authority', 'auth', 'serve', '--dir', authority, '--listen', '127.0.0.1:0'))
  const [, url = ''] = await server.ready(/listening on (https:\S+)/)
  say(`auth server of demo.example on ${url}, users alice and bob`)
  const trust = ['--auth', url, '--ca', join(authority, 'root.crt'), '--no-passphrase']
  for (const user of ['alice', 'bob'] as const) {
    await children.run(sft(demo, user, 'login', user, ...trust, '--password-file', `${password}.${user}`))
  }
  await server.stop()
  const certificate = join(directory, 'bob.crt')
  await children.run({ ...sft(demo, 'bob', 'whoami', '--cert'), stdout: certificate })
  await children.run(sft(demo, 'alice', 'peers', 'add', certificate))
  say('alice and bob logged in; alice knows the certificate of bob')
}

/** Writes random bytes; returns their SHA-256. */
async function writeRandom(path: string, bytes: number): Promise<string> {
  const digest = createHash('sha256')
  await using file = await open(path, 'wx')
  for (let left = bytes; left > 0; left -= PIECE) {
    const piece = randomBytes(Math.min(left, PIECE))
    digest.update(piece)
    await file.writeFile(piece)
  }
  return digest.digest('hex')
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

async function demonstrate(demo: Demo): Promise<void> {
  const { bytes, source, directory } = demo
  await requireSpace(directory, 2 * bytes + 64 * PIECE)
  await enrol(demo)
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
  let interrupted = 0
  const stop = (signal: NodeJS.Signals): void => {
    interrupted = signal === 'SIGINT' ? 130 : 143
    void children[Symbol.asyncDispose]()
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  try {
    const { values } = parseArgs({ options: { size: { type: 'string', default: '256M' } } })
    const source = join(directory, 'export', FILE)
    const copy = join(directory, 'copy.bin')
    await demonstrate({ directory, children, bytes: parseSize(values.size), source, copy })
    return 0
  } catch (error) {
    process.stderr.write(`demo: ${interrupted ? 'interrupted' : (error as Error).message}\n`)
    return interrupted || 1
  } finally {
    await children[Symbol.asyncDispose]()
    await rm(directory, { recursive: true, force: true })
  }
}

process.exit(await main())
