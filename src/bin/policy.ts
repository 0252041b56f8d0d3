import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { DeniedEvent, Engine, Policy, Senders } from '../index.ts'
import { say } from './terminal.ts'

/** Who may what, as a file says. */

export interface PolicyFlags {
  policy?: string
}

/** For commands that answer peers. */
export function withPolicy(command: Command): Command {
  return command.option(
    '--policy <file>',
    'who may get or send what; nothing else is allowed (default: $XDG_CONFIG_HOME/sft/policy.json, if it exists)'
  )
}

/** The policy that was named, or the one in its usual place; undefined when there is none. */
export async function policyOf({ policy }: PolicyFlags): Promise<Policy | undefined> {
  const { configDirectory, openPolicy } = await import('../index.ts')
  const usual = join(configDirectory(process.env), 'policy.json')
  const path = policy ?? (existsSync(usual) ? usual : undefined)
  if (path === undefined) return undefined
  return openPolicy(path, { onFault: error => say(`nothing is allowed: ${(error as Error).message}`) })
}

/** From whom files are taken: those named, those whom a policy allows, or oneself. */
export function sendersOf(from: string[] | undefined, policy: Policy | undefined, engine: Engine): Senders {
  return from ?? (policy ? 'members' : [engine.identity.name])
}

export function sayDenied({ peer, action, path }: DeniedEvent): void {
  say(action === 'message' ? `denied: ${peer} may not send messages` : `denied: ${peer} may not ${action} ${path}`)
}
