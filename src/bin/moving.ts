import type { Command } from 'commander'
import { type JsonFlags, withJson } from './json-flags.ts'
import { type EngineFlags, type TimeoutFlags, withEngine, withStreams, withTimeout } from './options.ts'
import { type ProgressFlags, withProgress } from './progress.ts'
import { type RetryFlags, withRetry } from './transfers.ts'
import { type TreeFlags, withTree } from './trees.ts'

/** What `send` and `get` have in common: one transfer of a file or a directory, with a peer that is dialled. */

export interface MoveFlags extends EngineFlags, JsonFlags, TimeoutFlags, ProgressFlags, RetryFlags, TreeFlags {
  streams?: number
  /** ms. */
  connectTimeout?: number
}

export function withMove(command: Command): Command {
  return withJson(withRetry(withTree(withProgress(withTimeout(withStreams(withEngine(command)))))))
}
