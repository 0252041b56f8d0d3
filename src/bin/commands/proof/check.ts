import { basename } from 'node:path'
import type { Command } from 'commander'
import type { Known } from '../../../proof.ts'
import { isTerminal } from '../../terminal.ts'
import { VERSION } from '../../version.ts'
import { keeperOf, tellVerdict, type VerdictFlags, withVerdict } from './verdict.ts'

interface CheckFlags extends VerdictFlags {
  plain?: string[]
  texts?: string
}

const TEXTS_LIMIT = { bytes: 1 << 20, tooLarge: 'texts of more than 1 MiB' }

const EXAMPLES = `
A claim that cannot be judged without a file or a name is unknown, and no failure: give it the files that went over the wire, and who sent them. Every line of --texts is one
text in UTF-8, with what it is in front of it (user:, file:, password:, text:), if that matters; blanks around it are no part of it:

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
  const keepReport = await keeperOf(options.report, options.force)
  const { judgeCapture } = await import('../../../proof.ts')
  const plain = await plainFiles(options.plain ?? [])
  const texts = options.texts === undefined ? [] : await textsOf(options.texts)
  const source = path === '-' ? await standardInput() : path
  const name = path === '-' ? 'standard input' : basename(path)
  const { verdict } = await judgeCapture(source, { name, by: `sft ${VERSION}`, plain, texts })
  await tellVerdict(verdict, { ...options, keepReport, detail: 'all' })
}

/** @throws SftError ERR_SFT_LIMIT, counted while they are read (M170). */
async function plainFiles(paths: readonly string[]): Promise<NonNullable<Known['plain']>> {
  const { PLAIN_LIMIT, wholeFile } = await import('../../../proof.ts')
  const files: { name: string; bytes: Uint8Array }[] = []
  let left = PLAIN_LIMIT.bytes
  for (const path of paths) {
    const bytes = await wholeFile(path, { ...PLAIN_LIMIT, bytes: left })
    left -= bytes.byteLength
    files.push({ name: basename(path), bytes })
  }
  return files
}

async function textsOf(path: string): Promise<NonNullable<Known['texts']>> {
  const { wholeFile } = await import('../../../proof.ts')
  const { textsIn } = await import('./texts.ts')
  return textsIn(await wholeFile(path, TEXTS_LIMIT), path)
}

async function standardInput(): Promise<AsyncIterable<Uint8Array>> {
  const { readDescriptor, SftError } = await import('../../../index.ts')
  if (isTerminal(0))
    throw new SftError('ERR_SFT_USAGE', 'a capture is not typed', { hint: 'tcpdump -w - | sft proof check -' })
  return readDescriptor(0)
}
