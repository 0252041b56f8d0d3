import { askLine, askOnTerminal, say } from '../../terminal.ts'

interface AddsUsers {
  add(name: string, hash: string): Promise<unknown>
}

/**
 * The way in of the classic system: before it serves, the auth server asks at its terminal for users, one after the other. What can not be added is
 * said, and asked again.
 */
export async function addUsersAtTerminal({ users }: { users: AddsUsers }): Promise<void> {
  const { passwordHasher, SftError } = await import('../../../index.ts')
  const hasher = passwordHasher()
  for (;;) {
    const answer = await askLine('Add new user? (t/f)')
    if (answer === undefined) throw new SftError('ERR_SFT_USAGE', '--interactive needs a terminal')
    if (/^f/i.test(answer)) return
    if (!/^t/i.test(answer)) continue
    const name = (await askLine('alias')) ?? ''
    const password = await askOnTerminal({ prompt: `password for ${name}`, confirm: true }).catch(refused)
    if (!password) continue
    try {
      await users.add(name, await hasher.hash(password))
      say(`added ${name}`)
    } catch (error) {
      await refused(error)
    } finally {
      password.fill(0)
    }
  }
}

/** A name that is taken, or none, and answers that differ: people try again. Everything else ends the command. */
async function refused(error: unknown): Promise<undefined> {
  const { SftError } = await import('../../../index.ts')
  if (!SftError.is(error) || !['ERR_SFT_EXISTS', 'ERR_SFT_USAGE'].includes(error.code)) throw error
  say(error.message)
}
