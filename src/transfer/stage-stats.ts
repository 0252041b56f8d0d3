/** What each stage of a pipeline did with its time (SPEC §8.9). */

export interface StageStats {
  /** Of what is sent: `read` (the source), `seal` (chunks, and the cipher), `send` (frames, and the connection or the pipe). Of what comes: `receive`, `open`, `write`. */
  readonly stage: StageName
  /** ms in which it had nothing to do: it waited for the stage before it. Absent for the first, whose waiting for a disk, a pipe or the network is its work. */
  readonly waitingForInput?: number
  /** ms of its work, that of the system on its behalf among it. */
  readonly working: number
  /** ms in which what it had done was not taken: it waited for the stage behind it. Absent for the last, whose waiting for a disk, a pipe or the network is its work. */
  readonly waitingForOutput?: number
  /** Plaintext that it has passed on; of `send` into a pipe, what went there. */
  readonly bytes: number
}

export type StageName = 'read' | 'seal' | 'send' | 'receive' | 'open' | 'write'

/** The place between two stages, where one can see which of them waits for the other. */
export class Between {
  /** ms in which the stage behind it waited for what is next. */
  pulled = 0
  /** ms in which the stage before it waited to be asked for more. */
  held = 0
  bytes = 0
}

/** The work of a cipher. */
export class Work {
  ms = 0
  bytes = 0
}

/** What is seen of the way out: source, chunks that are sealed, frames that leave. */
export interface OutboundFigures {
  readonly read: Between
  readonly seal: Work
  readonly sent: Between
}

/** What is seen of the way in: what is opened, and is then written. */
export interface InboundFigures {
  readonly open: Work
  readonly written: Between
  /** ms of flushes behind the last byte. */
  readonly flushed: number
}

/** In the order in which bytes go through them; nothing of a way that nothing went. */
export function stagesOf(out: OutboundFigures, into: InboundFigures): readonly StageStats[] {
  return [...outbound(out), ...inbound(into)]
}

function outbound({ read, seal, sent }: OutboundFigures): StageStats[] {
  if (read.pulled + read.held === 0) return []
  // whoever sends waits for the sealing, which works then, or waits itself
  const starved = Math.max(0, sent.pulled - seal.ms)
  return [
    { stage: 'read', working: read.pulled, waitingForOutput: read.held, bytes: read.bytes },
    { stage: 'seal', waitingForInput: starved, working: seal.ms, waitingForOutput: sent.held, bytes: seal.bytes },
    { stage: 'send', waitingForInput: sent.pulled, working: sent.held, bytes: sent.bytes }
  ]
}

function inbound({ open, written, flushed }: InboundFigures): StageStats[] {
  const { pulled, held, bytes } = written
  if (pulled + held === 0) return []
  // whoever writes waits for the opening, which works then, or waits itself
  const starved = Math.max(0, pulled - open.ms)
  return [
    { stage: 'receive', working: starved, waitingForOutput: Math.min(pulled, open.ms) + held, bytes: open.bytes },
    { stage: 'open', waitingForInput: starved, working: open.ms, waitingForOutput: held, bytes: open.bytes },
    { stage: 'write', waitingForInput: pulled, working: held + flushed, bytes }
  ]
}
