import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Engine, Identity, Listener, PassphraseSource, Suite } from '../index.ts'
import { freshenLists, keepCurrent, sayNotKept } from './keep-current.ts'
import { isTerminal, readSecret, say } from './terminal.ts'
import { keepYoungGenerationSmall } from './young-generation.ts'

/** Options that several commands share, and what they turn into. */

export interface PassphraseOptions {
  passphraseFile?: string
  passphraseFd?: number
}

export interface EngineFlags extends PassphraseOptions {
  threads?: number
  chunkSize?: number
  suite?: Suite
  bwlimit?: number
  stats?: boolean
}

export function withPassphrase(command: Command): Command {
  return command
    .option('--passphrase-file <file>', "read the key's passphrase from a file (or SFT_PASSPHRASE_FILE)")
    .option('--passphrase-fd <n>', "read the key's passphrase from a descriptor", parseCount)
    .addOption(noInput())
}

export function withEngine(command: Command): Command {
  return withPassphrase(command)
    .option(
      '--threads <n>',
      'worker threads; 0 works in the main thread (default: what the first chunks call for)',
      parseCount
    )
    .option('--chunk-size <bytes>', 'bytes a chunk, 16K to 1M, a power of two', parseSize)
    .addOption(
      new Option(
        '--suite <name>',
        'cipher; rsa-oaep puts every byte into RSA blocks under the key of the receiver, who needs about a second a processor for 0.7 MiB (RSA-2048), or 0.4 MiB (RSA-3072)'
      ).choices(['aes-256-gcm', 'chacha20-poly1305', 'rsa-oaep'])
    )
    .addOption(bandwidthLimit())
    .option(
      '--stats',
      'say at the end what bound the transfer: what each stage worked and waited, and where chunks were sealed'
    )
}

export function bandwidthLimit(): Option {
  const what = 'bytes a second for everything together, each way: 10M, 1.5M, 500K (default: 0, none)'
  return new Option('--bwlimit <rate>', what).argParser(parseRate)
}

/** What main looks for, whatever the command. */
function noInput(): Option {
  return new Option(
    '--no-input',
    'ask nothing, even at a terminal: what would be asked for is an error that says how to give it'
  )
}

/** For commands that dial a peer. */
export function withConnectTimeout(command: Command): Command {
  return command.option(
    '--connect-timeout <time>',
    'give up a host that is not reached by then (default: 10s)',
    parseDuration
  )
}

/** For commands that move a file with a peer that they dial. */
export function withStreams(command: Command): Command {
  return withConnectTimeout(command).option(
    '--streams <n>',
    'connections to use, 1 to 16: more than one for a long round trip',
    parseCount
  )
}

export interface TimeoutFlags {
  /** ms. */
  timeout?: number
}

/** For commands that are one transfer. */
export function withTimeout(command: Command): Command {
  return command.option('--timeout <time>', 'give up what is not done by then: 30s, 5m, 2h', parseDuration)
}

/** For commands that listen. */
export function withAnnounce(command: Command): Command {
  return command
    .option('--announce <host:port>', 'where the directory says that you are (default: what it sees, and this port)')
    .option('--no-announce', 'tell the directory nothing')
}

const PASSPHRASE_SOURCES = '--passphrase-file, --passphrase-fd or SFT_PASSPHRASE_FILE'

/** The passphrase of a stored key: asked for only when the key needs one. */
export function passphraseSource(options: PassphraseOptions, prompt = 'passphrase of your key'): PassphraseSource {
  return async () => {
    const passphrase = await readPassphrase(options, prompt, false)
    if (passphrase) return passphrase
    throw await noPassphrase(`the ${prompt} is needed and there is nobody to ask`, PASSPHRASE_SOURCES)
  }
}

/** The passphrase for a new key; `undefined` with `--no-passphrase`. */
export async function newPassphrase(
  options: PassphraseOptions & { passphrase?: boolean }
): Promise<Buffer | undefined> {
  if (options.passphrase === false) return undefined
  const hint = `${PASSPHRASE_SOURCES}, or --no-passphrase`
  const passphrase = await readPassphrase(options, 'new passphrase for the key', true)
  if (!passphrase) throw await noPassphrase('a passphrase for the key is needed and there is nobody to ask', hint)
  if (passphrase.byteLength === 0) throw await noPassphrase('the passphrase for the key is empty', hint)
  return passphrase
}

export interface PasswordOptions {
  passwordFile?: string
  passwordFd?: number
}

/** For commands that take the password of a user. */
export function withPassword(command: Command): Command {
  const asks = command.options.some(({ long }) => long === '--no-input')
  return (asks ? command : command.addOption(noInput()))
    .option('--password-file <file>', 'read the password from a file (or SFT_PASSWORD_FILE)')
    .option('--password-fd <n>', 'read the password from a descriptor', parseCount)
}

/** A password; a new one is asked for twice. The bytes are the caller's, who zeroes them. */
export async function readPassword(options: PasswordOptions, prompt: string, confirm = false): Promise<Buffer> {
  const { passwordFile: file, passwordFd: fd } = options
  const source = { file, fd, variable: 'SFT_PASSWORD_FILE', credential: 'sft-password' }
  const password = await readSecret({ ...source, prompt, confirm })
  if (password) return password
  const { SftError } = await import('../index.ts')
  const hint = '--password-file, --password-fd, or SFT_PASSWORD_FILE'
  throw new SftError('ERR_SFT_SECRET_UNAVAILABLE', 'a password is needed and there is nobody to ask', { hint })
}

function readPassphrase(options: PassphraseOptions, prompt: string, confirm: boolean): Promise<Buffer | undefined> {
  const { passphraseFile: file, passphraseFd: fd } = options
  return readSecret({ file, fd, variable: 'SFT_PASSPHRASE_FILE', credential: 'sft-passphrase', prompt, confirm })
}

async function noPassphrase(message: string, hint: string): Promise<Error> {
  const { SftError } = await import('../index.ts')
  return new SftError('ERR_SFT_SECRET_UNAVAILABLE', message, { hint })
}

export async function loadOwnIdentity(options: PassphraseOptions): Promise<Identity> {
  const { dataDirectory, loadIdentity } = await import('../index.ts')
  const passphrase = passphraseSource(options)
  const identity = await loadIdentity(dataDirectory(process.env), { passphrase, onFault: sayNotKept })
  await freshenLists(identity)
  return identity
}

/**
 * @param measured also when nobody has asked for the figures at the end
 * @param given whose it is; default: who is stored here
 */
export async function openEngine(options: EngineFlags, measured = false, given?: Identity): Promise<Engine> {
  const { Engine } = await import('../index.ts')
  const { threads, chunkSize, suite, bwlimit } = options
  const stats = options.stats || measured
  keepYoungGenerationSmall()
  const identity = given ?? (await loadOwnIdentity(options))
  const engine = new Engine({ identity, threads, chunkSize, suite, bwlimit, stats })
  keepCurrent(engine)
  return engine
}

/** Bytes a second: `10M`, `1.5MiB/s`; as sizes, and in parts of them. */
export function parseRate(text: string): number {
  const [, whole = '', part = '', unit = ''] = /^(\d{1,9})(\.\d{1,6})?([KMGT]?(?:i?B)?)(?:\/s)?$/i.exec(text) ?? []
  if (whole === '') throw new InvalidArgumentError('write bytes a second: 500K, 10M, 1.5M.')
  return Number(whole + part) * parseSize(`1${unit}`)
}

/** Bytes: `1M`, `64KiB`, `1000`. K, M, G, T are 1024-based. */
export function parseSize(text: string): number {
  const match = /^(\d+)([KMGT]?)(?:i?B)?$/i.exec(text)
  const power = ' KMGT'.indexOf((match?.[2] || ' ').toUpperCase())
  const size = Number(match?.[1]) * 1024 ** power
  if (!match || !Number.isSafeInteger(size))
    throw new InvalidArgumentError('write bytes, or a number with K, M, G or T.')
  return size
}

export function parseCount(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('not a whole number.')
  return Number(text)
}

/** A span of time in ms: `5m`, `10d`, `90s`. */
export function parseDuration(text: string): number {
  const match = /^(\d{1,6})([smhd])$/.exec(text)
  if (!match) throw new InvalidArgumentError('write a number with s, m, h or d.')
  const units = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
  return Number(match[1]) * units[match[2] as keyof typeof units]
}

/** Collects a repeatable option. */
export function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value]
}

/** Refuses to write what is not text to a terminal. */
export async function refuseTerminal(what: string): Promise<void> {
  if (!isTerminal(1)) return
  const { SftError } = await import('../index.ts')
  throw new SftError('ERR_SFT_USAGE', `not writing ${what} to the terminal`, {
    hint: 'redirect the output, or force it with -o -'
  })
}

/** `1.5 MiB` and the like. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1)
  return power === 0 ? `${bytes} B` : `${(bytes / 1024 ** power).toFixed(1)} ${units[power]}`
}

/** The one line that says where we listen, once we do. */
export function sayListening({ host, port }: Listener): void {
  say(`listening on ${host.includes(':') ? `[${host}]` : host}:${port}`)
}
