import type { Command } from 'commander'
import { registerClassicAuth } from './auth.ts'
import { registerClassicClient } from './client.ts'
import { registerClassicGet } from './get.ts'
import { registerClassicLogin } from './login.ts'
import { registerClassicServe } from './serve.ts'
import { registerClassicUsers } from './user.ts'

const WARNING = `
What the classic mode does not protect: files are not authenticated, whoever has your certificate can make blocks for you; a connection that is cut
looks like a whole file; a certificate that is shown is no proof of who shows it; passwords go to whoever has the key of the root; sizes and who talks
to whom are in clear. One RSA private operation for every 100 bytes: some hundred KB a second for each processor.`

/** `sft classic …`: the classic system (SPEC §14). */
export function registerClassic(program: Command): void {
  const classic = program
    .command('classic')
    .description('talk to peers of the classic system, which protects less: see the end of this help')
    .addHelpText('after', WARNING)
  registerClassicAuth(classic)
  registerClassicUsers(classic)
  registerClassicLogin(classic)
  registerClassicClient(classic)
  registerClassicServe(classic)
  registerClassicGet(classic)
}
