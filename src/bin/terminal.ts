import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { isatty, ReadStream, WriteStream } from 'node:tty'
import { Interrupted } from './interrupt.ts'
import { reader } from './reader.ts'
import { clearStatus } from './status-line.ts'

/**
 * The rules of the terminal: data on standard output, everything else on standard error; prompts on /dev/tty, because the standard streams
 * carry data; nothing binary to a terminal; no control characters of a peer.
 */

type Write = (line: string) => void

const onStandardError: Write = line => {
  clearStatus()
  process.stderr.write(line)
}
let news = onStandardError

/** One line of news, on standard error unless a line is being typed there, or a program reads there. */
export function say(text: string): void {
  const note = reader()?.note
  if (note) note(text)
  else news(`sft: ${printable(text)}\n`)
}

/** Has somebody else write the news, who knows where the line stands that is being typed; until the function is called that this returns. */
export function newsTo(write: Write): () => void {
  news = write
  return () => {
    news = onStandardError
  }
}

/** What a line says of a fault. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The result that was asked for, on standard output; fails when it does not get there. Once a run: it closes the output behind itself. */
export async function print(text: string): Promise<void> {
  const { writeDescriptor } = await import('../index.ts')
  await writeDescriptor(1)([Buffer.from(text)])
}

/** Text of a peer or the disk with control and direction-changing characters escaped, so that it can not drive the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, char =>
    char === '\n' ? ' ' : `\\u{${(char.codePointAt(0) as number).toString(16)}}`
  )
}

/** A line of JSON that drives no terminal either: what is escaped is the same text to who parses it. */
export function jsonLine(value: object): string {
  const escaped = (char: string): string =>
    Array.from(char.split(''), unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')
  return `${JSON.stringify(value).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escaped)}\n`
}

/** Asked of the descriptor: `process.stdin` and `process.stdout` would open streams on it, beside those that carry the data. */
export function isTerminal(fd: 0 | 1): boolean {
  return isatty(fd)
}

export interface SecretOptions {
  /** Path of a file whose first line is the secret. */
  file?: string | undefined
  /** Descriptor to read it from. */
  fd?: number | undefined
  /** Variable that names such a file. */
  variable: string
  /** Name below `$CREDENTIALS_DIRECTORY` (systemd). */
  credential: string
  /** Question on the terminal, e.g. `passphrase of your key`. */
  prompt: string
  /** A new secret is asked for twice. */
  confirm?: boolean
}

const MAX_SECRET_BYTES = 4096

/**
 * Gets a secret: descriptor, file, variable, credential, terminal, in this order; never from the command line. The bytes are the caller's, who
 * zeroes them. `undefined` when there is no source and no terminal.
 */
export async function readSecret(options: SecretOptions): Promise<Buffer | undefined> {
  const { fd } = options
  if (fd !== undefined) return readSecretWith(() => readDescriptorSync(fd))
  const file = options.file ?? process.env[options.variable] ?? credentialFile(options.credential)
  if (file !== undefined) return readSecretWith(() => readFileSync(file))
  return askOnTerminal(options)
}

function credentialFile(name: string): string | undefined {
  const directory = process.env.CREDENTIALS_DIRECTORY
  const path = directory && join(directory, name)
  return path && existsSync(path) ? path : undefined
}

async function readSecretWith(read: () => Buffer): Promise<Buffer> {
  const { SftError } = await import('../index.ts')
  try {
    return firstLine(read())
  } catch (cause) {
    throw new SftError('ERR_SFT_SECRET_UNAVAILABLE', `can not read the secret: ${(cause as Error).message}`, { cause })
  }
}

function readFileSync(file: string): Buffer {
  const fd = openSync(file, 'r')
  try {
    return readDescriptorSync(fd)
  } finally {
    closeSync(fd)
  }
}

function readDescriptorSync(fd: number): Buffer {
  const buffer = Buffer.alloc(MAX_SECRET_BYTES)
  let used = 0
  for (let bytes = -1; bytes !== 0; used += bytes) {
    if (used === buffer.byteLength) throw new Error(`longer than ${MAX_SECRET_BYTES} bytes`)
    bytes = readSync(fd, buffer, used, buffer.byteLength - used, null)
  }
  return buffer.subarray(0, used)
}

function firstLine(bytes: Buffer): Buffer {
  const end = bytes.findIndex(byte => byte === 10 || byte === 13)
  return end < 0 ? bytes : bytes.subarray(0, end)
}

/** Asks for a secret on the terminal, twice if it is a new one; `undefined` when there is nobody to ask. */
export function askOnTerminal({
  prompt,
  confirm
}: Pick<SecretOptions, 'prompt' | 'confirm'>): Promise<Buffer | undefined> {
  return withTerminal(async tty => {
    const { password } = await import('@clack/prompts')
    const ask = async (message: string): Promise<string> => answered(await password({ message, ...tty }))
    const answer = await ask(prompt)
    if (confirm && (await ask(`${prompt}, again`)) !== answer) {
      const { SftError } = await import('../index.ts')
      throw new SftError('ERR_SFT_USAGE', 'the two answers differ')
    }
    return Buffer.from(answer, 'utf8')
  })
}

/** Asks for a line that is no secret, `usual` if it is left empty; `undefined` when there is nobody to ask. */
export function askLine(message: string, usual?: string): Promise<string | undefined> {
  return withTerminal(async tty => {
    const { text } = await import('@clack/prompts')
    const left = usual === undefined ? {} : { placeholder: usual, defaultValue: usual }
    return answered(await text({ message, ...left, ...tty }))
  })
}

/** The terminal is in raw mode: Ctrl-C comes as a key, and what a prompt gives then is no text. */
function answered(answer: string | symbol | undefined): string {
  if (typeof answer === 'symbol') throw new Interrupted('SIGINT')
  return answer ?? ''
}

interface Terminal {
  readonly input: ReadStream
  readonly output: WriteStream
}

async function withTerminal<T>(work: (tty: Terminal) => Promise<T>): Promise<T | undefined> {
  const tty = openTerminal()
  if (!tty) return undefined
  try {
    return await work(tty)
  } finally {
    tty.input.destroy()
    tty.output.destroy()
  }
}

let mayAsk = true

/** From now on there is nobody to ask, whatever terminal there is. */
export function askNothing(): void {
  mayAsk = false
}

function openTerminal(): Terminal | undefined {
  if (!mayAsk) return undefined
  try {
    const tty = { input: new ReadStream(openSync('/dev/tty', 'r')), output: new WriteStream(openSync('/dev/tty', 'w')) }
    // a pseudo terminal may have no size; the prompt would break its line after every character
    if (tty.output.columns === 0) Object.assign(tty.output, { columns: 80, rows: 24 })
    return tty
  } catch {
    return undefined
  }
}
