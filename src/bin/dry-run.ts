import type { Command } from 'commander'
import type { Engine, FilterOptions, TreeOptions } from '../index.ts'
import type { Plan } from './json-lines.ts'
import { formatBytes } from './options.ts'
import { reader } from './reader.ts'
import { say } from './terminal.ts'

/** `--dry-run`: everything up to the first byte, which does not move. */

export interface DryRunFlags {
  dryRun?: boolean
}

/** @param how what else is to be known of it */
export function withDryRun(command: Command, how: string): Command {
  return command.option('-n, --dry-run', `move nothing, only say what would be moved, and fail as that would: ${how}`)
}

export interface PlannedInput {
  readonly source: string | 0
  readonly name: string | undefined
  readonly tree: TreeOptions | undefined
}

/** What would leave; fulfils with the number of entries that would be left out. */
export async function planInput(input: PlannedInput, verb: string, peer?: string): Promise<number> {
  const { previewInput } = await import('../index.ts')
  const { source, name, tree } = input
  const program = reader()
  const preview = await previewInput(source, {
    name,
    onEntry: entry => program?.entry(entry),
    tree: tree && {
      ...tree,
      onOmitted: (path, why) => {
        tree.onOmitted?.(path, why)
        program?.event({ type: 'omitted', time: new Date().toISOString(), id: 'plan', path, why })
      }
    }
  })
  sayPlan(verb, { direction: 'sent', peer, ...preview })
  return preview.omitted ?? 0
}

/** The same with a peer, who is dialled and proves who it is, but is offered nothing. */
export async function planSend(
  engine: Engine,
  input: PlannedInput,
  address: string,
  options: { streams?: number | undefined; connectTimeout?: number | undefined; signal: AbortSignal }
): Promise<number> {
  {
    await using files = await engine.connect(address, options)
    await files.session.accepted()
  }
  return planInput(input, `send to ${address}`, nameIn(address))
}

export interface PlannedRequest {
  readonly address: string
  readonly path: string
  readonly tree: FilterOptions | undefined
  /** Where it would go; undefined for a descriptor. */
  readonly place: string | undefined
}

/** What would come from a peer, who is asked for it. */
export async function planGet(
  engine: Engine,
  { address, path, tree, place }: PlannedRequest,
  options: { streams?: number | undefined; connectTimeout?: number | undefined; signal: AbortSignal }
): Promise<void> {
  const { previewRemote } = await import('../index.ts')
  await using files = await engine.connect(address, options)
  const preview = await previewRemote(files, path, { tree })
  const there = { direction: 'received', peer: nameIn(address), name: path, path: place } as const
  sayPlan(`get from ${address}`, { ...preview, ...there })
}

type Known<T> = { readonly [K in keyof T]: T[K] | undefined }

/** Says it to the person, and to the program; what is not known is left out. */
export function sayPlan(verb: string, plan: Known<Plan> & Pick<Plan, 'direction'>): void {
  const known = Object.entries(plan).filter(([, value]) => value !== undefined)
  reader()?.plan(Object.fromEntries(known) as unknown as Plan)
  const { name = 'a stream', entries, bytes, content, path } = plan
  const counted = entries === undefined ? '' : `, ${entries} ${entries === 1 ? 'entry' : 'entries'}`
  const unknown = content === 'directory' ? 'a directory' : 'of unknown size'
  const size = bytes === undefined ? unknown : formatBytes(bytes)
  say(`would ${verb}: ${name}${counted}, ${size}${path === undefined ? '' : `, as ${path}`}`)
}

function nameIn(address: string): string {
  return address.slice(0, address.indexOf('@'))
}
