import { Command, CommanderError } from 'commander'
import { exitCodeOf, report } from './failure.ts'
import { openReader } from './json-flags.ts'
import { reader } from './reader.ts'
import { askNothing } from './terminal.ts'
import { VERSION } from './version.ts'

const EXAMPLES = `
Examples:
  $ sft init && sft send big.bin | sft recv > copy.bin     an organisation of one, a pipe
  $ sft login bob --auth https://auth:12565 --ca root.crt  a certificate from the auth server
  $ sft send report.pdf bob@host:12566                     to a peer that runs sft recv --listen
  $ sft get bob@host:12566 report.pdf                      from a peer that runs sft serve
  $ sft batch jobs.ndjson                                  many of both, each once

Exit codes: 0 ok, 2 usage, 3 not found, 10 not reached, 11 file or disk, 12 protocol, 23 some left out, 24 source changed, 25 pipe no longer kept, 30 timeout, 40 integrity,
41 certificate, 42 revoked, 43 login refused, 44 push refused, 45 exists, 46 classic and unauthenticated, 47 proof fails, 75 connection lost, 129, 130 and 143 signals, 141 output closed.`

/** Each file of commands, in the order of the help, and what it defines. */
const COMMANDS: readonly { names: readonly string[]; load: () => Promise<(program: Command) => void> }[] = [
  {
    names: ['init', 'login', 'renew', 'whoami'],
    load: async () => (await import('./commands/identity.ts')).registerIdentity
  },
  { names: ['peers'], load: async () => (await import('./commands/peers.ts')).registerPeers },
  { names: ['auth'], load: async () => (await import('./commands/auth/auth.ts')).registerAuth },
  { names: ['send'], load: async () => (await import('./commands/send.ts')).registerSend },
  { names: ['recv'], load: async () => (await import('./commands/recv.ts')).registerRecv },
  { names: ['serve'], load: async () => (await import('./commands/serve.ts')).registerServe },
  { names: ['get'], load: async () => (await import('./commands/get.ts')).registerGet },
  { names: ['batch'], load: async () => (await import('./commands/batch.ts')).registerBatch },
  { names: ['msg'], load: async () => (await import('./commands/msg.ts')).registerMsg },
  { names: ['shell'], load: async () => (await import('./commands/shell.ts')).registerShell },
  { names: ['receipt'], load: async () => (await import('./commands/receipt.ts')).registerReceipt },
  { names: ['gc'], load: async () => (await import('./commands/gc.ts')).registerGc },
  { names: ['audit'], load: async () => (await import('./commands/audit.ts')).registerAuditFile },
  { names: ['doctor'], load: async () => (await import('./commands/doctor.ts')).registerDoctor },
  { names: ['proof'], load: async () => (await import('./commands/proof/proof.ts')).registerProof },
  { names: ['classic'], load: async () => (await import('./commands/classic/classic.ts')).registerClassic },
  { names: ['build-native'], load: async () => (await import('./commands/build-native.ts')).registerBuildNative }
]

/** Runs one command line; resolves with the exit code. Standard output carries data only, everything else goes to standard error. */
export async function main(args: readonly string[]): Promise<number> {
  const program = new Command('sft')
    .description('move files securely inside an organisation')
    .version(VERSION, '-V, --version')
    .addHelpText('after', EXAMPLES)
    .enablePositionalOptions()
    .exitOverride()
    .hook('preAction', async (_, command) => {
      if (command.opts().input === false) askNothing()
      await openReader(command)
    })
    // it is told as any other error is
    .configureOutput({ outputError: () => {} })
  await register(program, args[0])
  try {
    if (args.length === 0) {
      program.outputHelp({ error: true })
      return 2
    }
    await program.parseAsync(args, { from: 'user' })
    await reader()?.end(0)
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return await unread(program, args, error)
    const exitCode = exitCodeOf(error)
    // where lines for a program have the place of those for a person, the last of them says it
    if (!reader()?.note) report(error)
    await reader()?.end(exitCode, error)
    return exitCode
  }
}

/** What is no command line, or asks for help: the exit code. */
async function unread(program: Command, args: readonly string[], { code, exitCode, message }: CommanderError) {
  if (exitCode === 0) return 0
  // it has printed what there is
  if (code === 'commander.help') return 2
  const { SftError } = await import('../index.ts')
  const [what = '', meant] = message.replace(/^error: /, '').split('\n')
  const closest = meant === undefined ? '' : `${meant.replace(/^\((.*)\)$/, '$1').replace(/^D/, 'd')} `
  const sentence = what.replace(/\.$/, '').replace(' is invalid. ', ' is invalid: ')
  report(new SftError('ERR_SFT_USAGE', sentence, { hint: `${closest}${commandIn(program, args)} --help` }))
  return 2
}

/** The command that these arguments name, as far as they do. */
function commandIn(program: Command, args: readonly string[]): string {
  const names = ['sft']
  let command = program
  for (const arg of args) {
    const found = command.commands.find(each => each.name() === arg)
    if (!found) break
    command = found
    names.push(arg)
  }
  return names.join(' ')
}

/** Defines the command that is asked for; anything else, such as help or a name that is mistyped, needs to know all of them. */
async function register(program: Command, name: string | undefined): Promise<void> {
  const asked = COMMANDS.filter(({ names }) => names.some(each => each === name))
  for (const { load } of asked.length > 0 ? asked : COMMANDS) (await load())(program)
}
