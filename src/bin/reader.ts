import type { EngineStats, PreviewEntry, TransferEvent } from '../index.ts'
import type { Plan } from './json-lines.ts'

/** The program that reads what happens, if there is one (`--json`, SPEC §8.9). There is one command in a process, and so one of these. */
export interface Reader {
  readonly descriptor: number
  /** Tells of a transfer. */
  event(event: TransferEvent): void
  /** Resolves once it is written; rejects when nobody reads any more. */
  message(text: string, peer: string): Promise<void>
  /** There where a person would read otherwise: what that person is told goes here. */
  readonly note?: ((text: string) => void) | undefined
  /** Tells of what would be moved. */
  entry(entry: PreviewEntry): void
  /** Goes into the last line. */
  plan(plan: Plan): void
  /** Goes into the last line. */
  stats(stats: EngineStats): void
  /** The last line; waits until all is read, within limits. Never rejects. */
  end(exitCode: number, error?: unknown): Promise<void>
}

let current: Reader | undefined

export function reader(): Reader | undefined {
  return current
}

/** `undefined`: from now on there is none. */
export function setReader(next: Reader | undefined): void {
  current = next
}
