import { randomBytes } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { SftError } from '../../streams/errors.ts'
import { LOOPBACK } from './ports.ts'
import { lastLine, type Program, type Programs } from './programs.ts'

/**
 * A capture of some ports of loopback, taken by a program that is made for it. It is under way once a datagram of our own is in its file, and whole once another is,
 * sent after all else (M180).
 */

const PROBE_BYTES = 16
const PROBE_MS = 50
/** ms until the first datagram must be seen, and the last. */
const BEGIN_MS = 20_000
const END_MS = 60_000
/** Of the end of the file, where a datagram of ours is looked for. */
const TAIL = 256 * 1024
/** MiB that the kernel keeps until the program has read them, at least. */
const MIN_BUFFER = 64
const MIB = 1024 * 1024

export interface CaptureOptions {
  /** Where the file goes. */
  readonly directory: string
  /** Name of the loopback interface. */
  readonly device: string
  /** TCP ports. */
  readonly ports: readonly number[]
  /** UDP port of our own datagrams. */
  readonly probe: number
  /** That will pass, about: the kernel has room for as many, so that a program that is late loses nothing. Default: 0. */
  readonly bytes?: number | undefined
  /** ms that the whole may take: the program ends itself then. */
  readonly deadline: number
  readonly env: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  /** Programs to take it with, in the order of preference (default: those that are known). */
  readonly tools?: readonly Tool[]
}

/** A program that captures. */
export interface Tool {
  readonly name: string
  readonly file: string
  /** @param where `buffer` in MiB */
  args(where: { device: string; filter: string; path: string; seconds: number; buffer: number }): readonly string[]
  /** What it says at its end of packets that it lost; undefined where it says nothing. */
  lost(said: string): number | undefined
}

const wireshark = {
  file: 'capture.pcapng',
  args: ({ device, filter, path, seconds, buffer }: Parameters<Tool['args']>[0]) => [
    ...['-i', device, '-f', filter, '-B', String(buffer), '-a', `duration:${seconds}`, '-w', path]
  ]
}

export const TOOLS: readonly Tool[] = [
  {
    name: 'dumpcap',
    ...wireshark,
    lost: said => figure(/received\/dropped on interface .*: \d+\/(\d+) /, said)
  },
  {
    name: 'tshark',
    ...wireshark,
    // it speaks of them only where there are some
    lost: said => figure(/(\d+) packets? dropped/, said) ?? (/\d+ packets? captured/.test(said) ? 0 : undefined)
  },
  {
    name: 'tcpdump',
    file: 'capture.pcap',
    // -Z: as root it would go on as somebody who may not write here
    args: ({ device, filter, path, buffer }) => [
      ...['-i', device, '-U', '-s', '0', '-B', String(buffer * 1024), '-Z', userInfo().username, '-w', path, filter]
    ],
    lost: said => figure(/(\d+) packets? dropped by kernel/, said)
  }
]

function figure(pattern: RegExp, said: string): number | undefined {
  const [, number] = pattern.exec(said) ?? []
  return number === undefined ? undefined : Number(number)
}

/** Under way; disposed of, it is given up. */
export interface Capturing extends Disposable {
  readonly path: string
  /** The program that takes it. */
  readonly by: string
  /** Waits until all is written that passed before. @throws SftError ERR_SFT_CAPTURE if not all of it is there. */
  stop(): Promise<void>
}

/** Begins to capture. @throws SftError ERR_SFT_CAPTURE with what to do, where nothing can or nothing may. */
export async function startCapture(programs: Programs, options: CaptureOptions): Promise<Capturing> {
  const refusals: { name: string; why: string }[] = []
  for (const tool of options.tools ?? TOOLS) {
    options.signal?.throwIfAborted()
    const path = join(options.directory, tool.file)
    const program = programs.start([tool.name, ...tool.args(placeOf(options, path))], {
      cwd: options.directory,
      env: options.env,
      deadline: options.deadline + END_MS
    })
    const under = { ...options, tool, program, path, socket: await openProbe(options.probe) }
    const giveUp = (): void => {
      under.socket.close()
      program.kill()
    }
    try {
      await seen(under, BEGIN_MS)
      return { path, by: tool.name, stop: () => stop(under), [Symbol.dispose]: giveUp }
    } catch (error) {
      giveUp()
      options.signal?.throwIfAborted()
      refusals.push({ name: tool.name, why: reasonOf(error) })
    }
  }
  throw refusal(refusals, options.device)
}

type UnderWay = CaptureOptions & { tool: Tool; program: Program; path: string; socket: Socket }

function placeOf(
  { device, ports, probe, deadline, bytes = 0 }: CaptureOptions,
  path: string
): Parameters<Tool['args']>[0] {
  const filter = [...ports.map(port => `tcp port ${port}`), `udp port ${probe}`].join(' or ')
  const buffer = Math.max(MIN_BUFFER, Math.ceil(bytes / MIB))
  return { device, filter, path, seconds: Math.ceil(deadline / 1000), buffer }
}

async function openProbe(port: number): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.bind(port, LOOPBACK)
  await once(socket, 'listening')
  return socket
}

/** Sends a datagram again and again until the file has it. */
async function seen({ program, path, socket, probe, signal }: UnderWay, within: number): Promise<void> {
  const mark = randomBytes(PROBE_BYTES)
  const over = program.ended.then(ended => {
    throw new Error(ended.stderr.trim() || `it ended with exit ${ended.exit}`)
  })
  over.catch(() => undefined)
  for (const end = performance.now() + within; performance.now() < end; ) {
    signal?.throwIfAborted()
    socket.send(mark, probe, LOOPBACK)
    await Promise.race([over, delay(PROBE_MS)])
    if ((await readTail(path)).includes(mark)) return
  }
  throw new Error(`nothing was captured within ${within / 1000} s`)
}

async function readTail(path: string): Promise<Buffer> {
  try {
    await using file = await open(path)
    const { size } = await file.stat()
    const from = Math.max(0, size - TAIL)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from)
    return buffer.subarray(0, bytesRead)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}

async function stop(under: UnderWay): Promise<void> {
  const { program, tool } = under
  try {
    await seen(under, END_MS)
  } catch (cause) {
    under.signal?.throwIfAborted()
    throw new SftError('ERR_SFT_CAPTURE', `${tool.name} did not write all that passed: ${reasonOf(cause)}`, { cause })
  }
  const ended = await program.stop('SIGINT')
  const lost = tool.lost(ended.stderr)
  if (ended.exit !== 0 || lost === undefined)
    throw new SftError('ERR_SFT_CAPTURE', `${tool.name} ended with exit ${ended.exit}: ${lastLine(ended)}`)
  if (lost > 0)
    throw new SftError('ERR_SFT_CAPTURE', `${tool.name} lost ${lost} packets`, {
      hint: 'try again, with a smaller --size'
    })
}

/** Of what a program says, the line that names it. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'not installed'
  if (code === 'EACCES') return 'permission denied'
  const lines = message
    .split('\n')
    .filter(line => !/^(Capturing on|File:|Running as|tshark: (Error loading|You don't|Can))/.test(line))
  return (lines.find(line => /permission|permitted|device|interface/i.test(line)) ?? lines[0] ?? message)
    .replace(/^\w+: /, '')
    .trim()
}

function refusal(refusals: readonly { name: string; why: string }[], device: string): SftError {
  const there = refusals.filter(({ why }) => why !== 'not installed')
  const [first] = there
  if (first === undefined)
    return new SftError(
      'ERR_SFT_CAPTURE',
      `no program to capture with: ${refusals.map(({ name }) => name).join(', ')}`,
      {
        hint: 'apt install tshark (or tcpdump)'
      }
    )
  const message = `${first.name} can not capture on ${device}: ${first.why}`
  const program = first.name === 'tcpdump' ? first.name : 'dumpcap'
  if (!there.some(({ why }) => /permission|permitted/i.test(why)))
    return new SftError('ERR_SFT_CAPTURE', message, {
      hint: `--interface names the loopback; ${program} -D lists what there is`
    })
  const group = 'dpkg-reconfigure wireshark-common (Yes), usermod -aG wireshark USER, and log in again; or: '
  return new SftError('ERR_SFT_CAPTURE', message, {
    hint: `run it as root; or: ${program === 'dumpcap' ? group : ''}setcap cap_net_raw,cap_net_admin+eip "$(command -v ${program})"`
  })
}
