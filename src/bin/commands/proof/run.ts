import type { Command } from 'commander'
import type { Step } from '../../../proof.ts'
import { interruptible } from '../../interrupt.ts'
import { parseSize } from '../../options.ts'
import { say } from '../../terminal.ts'
import { VERSION } from '../../version.ts'
import { keeperOf, tellVerdict, type VerdictFlags, withVerdict } from './verdict.ts'

interface RunFlags extends VerdictFlags {
  size?: number
  keep?: string
  interface?: string
  quiet?: boolean
}

const EXAMPLES = `
It makes an organisation, two users and a file of its own, in a temporary directory that is gone at the end; your identity and your files are not touched. To capture takes
dumpcap, tshark or tcpdump, and the right to: root, or the group wireshark.

Examples:
  $ sft proof run
  $ sft proof run --report proof.html --keep proof.pcapng && wireshark proof.pcapng`

/** `sft proof run`. */
export function registerProofRun(proof: Command): void {
  const run = proof
    .command('run')
    .description('capture logins, a get, a send and a pipe on the loopback interface, and judge what is seen of them')
    .option('--size <bytes>', 'size of the file that is moved, 64K to 64M (default: 4M)', parseSize)
    .option('--keep <file>', 'keep the capture, FILE.pcapng')
    .option('--interface <name>', 'the loopback interface (default: lo)')
    .option('-q, --quiet', 'no word of what is done')
    .addHelpText('after', EXAMPLES)
  withVerdict(run).action(prove)
}

async function prove(options: RunFlags): Promise<void> {
  const { size, keep, interface: device, quiet, force } = options
  // the run writes it itself: here it is seen whether that can be
  await keeperOf(keep, force)
  const keepReport = await keeperOf(options.report, force)
  const { proveRun } = await import('../../../proof.ts')
  const onStep = ({ command, exit, expected }: Step): void => {
    const as = exit !== expected ? `, not ${expected}` : exit === 0 ? '' : ', as expected'
    if (!quiet) say(`${command}: exit ${exit}${as}`)
  }
  const onNote = quiet ? undefined : say
  const by = `sft ${VERSION}`
  const verdict = await interruptible(signal => proveRun({ size, keep, device, force, by, signal, onStep, onNote }))
  await tellVerdict(verdict, { ...options, keepReport })
}
