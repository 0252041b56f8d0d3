import type { Command } from 'commander'
import type { ClassicIdentity, ClassicPool } from '../../../classic.ts'
import { report } from '../../failure.ts'
import { Interrupted, interruptible, interruption } from '../../interrupt.ts'
import { parseCount, sayListening } from '../../options.ts'
import { askLine } from '../../terminal.ts'
import { type LoginFlags, logIn, withLogin } from './login.ts'
import { sayClassic } from './result.ts'
import { sayServed } from './serve.ts'

interface ClientFlags extends LoginFlags {
  alias?: string
  port?: number
  bind: string
  threads?: number
}

/** `sft classic client`: logs in, listens, and asks at the terminal what to request, as the classic client does. */
export function registerClassicClient(classic: Command): void {
  withLogin(classic.command('client'))
    .description('log in, let classic clients get files below a directory, and request theirs at the terminal')
    .argument('[dir]', 'whose regular files others may get; no name with a point in front', '.')
    .option('--alias <name>', 'who logs in (default: asks)')
    .option('--port <n>', 'port to listen on (default: asks)', parseCount)
    .option('--bind <host>', 'address to listen on', '127.0.0.1')
    .option('--threads <n>', 'worker threads; 0 works in the main thread (default: one a processor)', parseCount)
    .action(client)
}

async function client(directory: string, options: ClientFlags): Promise<void> {
  const { createClassicPool, serveClassic } = await import('../../../classic.ts')
  const alias = options.alias ?? (await asked('Enter Alias:', '--alias'))
  const identity = await logIn(alias, options)
  const port = options.port ?? parseCount(await asked('Enter port to listen on:', '--port'))
  await using pool = createClassicPool({ threads: options.threads })
  await interruptible(async signal => {
    const served = { identity: () => identity, pool, directory, host: options.bind, port, hidden: false }
    await using listener = await serveClassic({ ...served, onEvent: sayServed })
    sayListening(listener)
    await requestAtTerminal({ identity, pool, signal })
    throw await interruption(signal)
  })
}

interface Requester {
  readonly identity: ClassicIdentity
  readonly pool: ClassicPool
  readonly signal: AbortSignal
}

/** Until somebody says `f`, or where there is nobody to ask: then it goes on listening. */
async function requestAtTerminal(requester: Requester): Promise<void> {
  for (;;) {
    const answer = await askLine('Do you like to request a file? t/f?')
    if (answer === undefined || /^f/i.test(answer)) return
    if (!/^t/i.test(answer)) continue
    const peer = (await askLine("Enter peer's port:")) ?? ''
    const name = (await askLine('Enter the file name:')) ?? ''
    await request(requester, peer, name).catch(error => {
      if (error instanceof Interrupted || requester.signal.aborted) throw error
      report(error)
    })
  }
}

/** What has the name already stays: what comes is not known to be better. */
async function request({ identity, pool, signal }: Requester, peer: string, name: string): Promise<void> {
  const { getClassic, parseClassicAddress } = await import('../../../classic.ts')
  const { receivedName } = await import('../../../index.ts')
  const address = parseClassicAddress(peer)
  sayClassic(receivedName(name), await getClassic({ ...address, identity, pool, name, existing: 'rename', signal }))
}

async function asked(question: string, option: string): Promise<string> {
  const answer = await askLine(question)
  if (answer !== undefined) return answer
  const { SftError } = await import('../../../index.ts')
  throw new SftError('ERR_SFT_USAGE', `there is nobody to ask: ${question}`, { hint: option })
}
