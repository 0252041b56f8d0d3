import { type Command, InvalidArgumentError } from 'commander'
import type { ClassicExpectation } from '../../../classic.ts'
import { type ExistingFlags, existingOf, withExisting } from '../../existing.ts'
import { interruptible } from '../../interrupt.ts'
import {
  bandwidthLimit,
  type PassphraseOptions,
  parseCount,
  parseSize,
  passphraseSource,
  type TimeoutFlags,
  withPassphrase,
  withTimeout
} from '../../options.ts'
import { type ProgressFlags, showsProgress, withCounted, withProgress } from '../../progress.ts'
import { requireExpected, sayClassic } from './result.ts'
import { placesOf, type StateFlags, withState } from './state.ts'

interface GetFlags extends StateFlags, PassphraseOptions, ExistingFlags, TimeoutFlags, ProgressFlags {
  alias?: string
  output?: string
  expectSha256?: Uint8Array
  expectSize?: number
  bwlimit?: number
  threads?: number
}

/** `sft classic get HOST:PORT NAME`: a file from a classic client that listens, theirs or ours. */
export function registerClassicGet(classic: Command): void {
  withTimeout(withProgress(withExisting(withPassphrase(withState(classic.command('get'))))))
    .description('get a file from a classic client that listens; exit 46 unless it is what was expected')
    .argument('<peer>', 'HOST:PORT, or ALIAS@HOST:PORT: who has to answer there')
    .argument('<name>', 'of the file, as it is called there')
    .option('-o, --output <path>', 'file or directory (default: received_<base name>)')
    .option('--alias <name>', 'as whom to ask, where there is more than one classic identity')
    .option('--expect-sha256 <hex>', 'what it is: another file is refused', parseHash)
    .option('--expect-size <bytes>', 'how long it is: another length is refused', parseSize)
    .addOption(bandwidthLimit())
    .option('--threads <n>', 'worker threads; 0 works in the main thread (default: one a processor)', parseCount)
    .action(get)
}

async function get(peer: string, name: string, options: GetFlags): Promise<void> {
  const { createClassicPool, getClassic, loadClassicIdentity, parseClassicAddress } = await import(
    '../../../classic.ts'
  )
  const { receivedName } = await import('../../../index.ts')
  const address = parseClassicAddress(peer)
  const existing = await existingOf(options)
  const { clients } = await placesOf(options)
  const identity = await loadClassicIdentity(clients, { alias: options.alias, passphrase: passphraseSource(options) })
  const expect: ClassicExpectation = { sha256: options.expectSha256, size: options.expectSize }
  const { output, threads, timeout, bwlimit } = options
  await using pool = createClassicPool({ threads })
  const asked = { ...address, identity, pool, name, output, existing, expect, bwlimit }
  const told = { name, size: options.expectSize }
  const got = await interruptible(
    signal => withCounted(showsProgress(options), told, onBytes => getClassic({ ...asked, onBytes, signal })),
    timeout
  )
  if (!(options.quiet && got.asExpected)) sayClassic(output ?? receivedName(name), got)
  await requireExpected(got)
}

function parseHash(text: string): Uint8Array {
  if (!/^[0-9a-f]{64}$/i.test(text)) throw new InvalidArgumentError('write 64 hexadecimal digits.')
  return Buffer.from(text, 'hex')
}
