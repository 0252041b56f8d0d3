import { open, readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Command } from 'commander'
import type { Known } from '../../../proof.ts'
import { VERSION } from '../../version.ts'
import { requireWritable, tellVerdict, type VerdictFlags, withVerdict } from './verdict.ts'

interface CheckFlags extends VerdictFlags {
  plain?: string[]
  texts?: string
}

type Texts = NonNullable<Known['texts']>

/** What a line of --texts may begin with. */
const KINDS: Readonly<Record<string, Texts[number]['kind']>> = {
  user: 'user name',
  file: 'file name',
  password: 'password',
  text: 'text'
}
const MAX_CAPTURE_MIB = 512
const MAX_PLAIN_MIB = 64
const MAX_TEXTS_BYTES = 1 << 20

const EXAMPLES = `
A claim that cannot be judged without a file or a name is unknown, and no failure: give it the files that went over the wire, and who sent them. Every line of --texts is one
text, with what it is in front of it, if that matters:

  user: alice
  password: correct horse battery staple
  project nightingale

Examples:
  $ sft proof check capture.pcapng --plain report.pdf --texts names.txt
  $ tcpdump -i lo -w - tcp port 12566 | sft proof check - --report proof.html`

/** `sft proof check`. */
export function registerProofCheck(proof: Command): void {
  const check = proof
    .command('check')
    .description(
      'judge a capture that was taken elsewhere, also of other systems: what is visible in it, and what is not'
    )
    .argument('<capture>', 'pcap or pcapng, at most 512 MiB; - is standard input')
    .option(
      '--plain <file>',
      'a file that went over the wire, none of which may be seen; may be repeated, 64 MiB in all',
      add
    )
    .option('--texts <file>', 'user names, file names, passwords that may not be seen, a line each')
    .addHelpText('after', EXAMPLES)
  withVerdict(check).action(judged)
}

const add = (path: string, before: readonly string[] = []): string[] => [...before, path]

async function judged(path: string, options: CheckFlags): Promise<void> {
  await requireWritable([options.report], options.force)
  const { judgeCapture } = await import('../../../proof.ts')
  const plain = await plainFiles(options.plain ?? [])
  const texts = options.texts === undefined ? [] : await textsIn(options.texts)
  const source = path === '-' ? await standardInput() : path
  const name = path === '-' ? 'standard input' : basename(path)
  const { verdict } = await judgeCapture(source, { name, by: `sft ${VERSION}`, plain, texts })
  await tellVerdict(verdict, options, 'all')
}

/** @throws SftError ERR_SFT_LIMIT before memory is taken (M170). */
async function plainFiles(paths: readonly string[]): Promise<NonNullable<Known['plain']>> {
  const files: { name: string; bytes: Uint8Array }[] = []
  let left = MAX_PLAIN_MIB << 20
  for (const path of paths) {
    const bytes = await wholeFile(path, left, `files of more than ${MAX_PLAIN_MIB} MiB to compare with`)
    left -= bytes.byteLength
    files.push({ name: basename(path), bytes })
  }
  return files
}

async function textsIn(path: string): Promise<Texts> {
  const { SftError } = await import('../../../index.ts')
  const bytes = await wholeFile(path, MAX_TEXTS_BYTES, 'texts of more than 1 MiB')
  const lines = bytes.toString('utf8').split(/\r?\n/)
  const texts = lines.filter(line => line !== '').map(textOf)
  if (texts.length === 0) throw new SftError('ERR_SFT_USAGE', `there is no text in ${path}`)
  return texts
}

function textOf(line: string): Texts[number] {
  const [, word = 'text', text = line] = /^(user|file|password|text):\s*(.+)$/.exec(line) ?? []
  return { kind: KINDS[word] ?? 'text', text }
}

async function wholeFile(path: string, most: number, tooLarge: string): Promise<Buffer> {
  const { SftError } = await import('../../../index.ts')
  try {
    await using file = await open(path)
    const { size } = await file.stat()
    if (size > most) throw new SftError('ERR_SFT_LIMIT', tooLarge)
    return await readFile(file)
  } catch (cause) {
    if (SftError.is(cause)) throw cause
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new SftError('ERR_SFT_NOT_FOUND', `there is no file ${path}`, { cause })
    throw new SftError('ERR_SFT_FILE', `${path} can not be read: ${message}`, { cause })
  }
}

async function standardInput(): Promise<Uint8Array> {
  const { readDescriptor, SftError } = await import('../../../index.ts')
  if (process.stdin.isTTY)
    throw new SftError('ERR_SFT_USAGE', 'a capture is not typed', { hint: 'tcpdump -w - | sft proof check -' })
  const pieces: Uint8Array[] = []
  let left = MAX_CAPTURE_MIB << 20
  for await (const piece of readDescriptor(0)) {
    left -= piece.byteLength
    if (left < 0) throw new SftError('ERR_SFT_LIMIT', `a capture of more than ${MAX_CAPTURE_MIB} MiB`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}
