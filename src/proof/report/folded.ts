import type { ConnectionPicture } from '../model.ts'

/** Frames as the diagram shows them: a long run of one kind (the chunks of a file) is shown by its ends, and what stands between is summed up. */

export type Shown = ConnectionPicture['sequence'][number]

export interface Row {
  readonly frame: Shown
  /** Frames that this row stands for; all are like `frame`. */
  readonly run?: readonly Shown[]
}

/** Shorter runs are shown whole: a row that stands for two saves nothing. */
const LEAST_FOLDED = 6
const FIRST = 2
const LAST = 1

export function folded(frames: readonly Shown[]): Row[] {
  const rows: Row[] = []
  for (let from = 0; from < frames.length; ) {
    const frame = frames[from] as Shown
    let to = from + 1
    while (to < frames.length && alike(frame, frames[to] as Shown)) to++
    rows.push(...rowsOf(frames.slice(from, to)))
    from = to
  }
  return rows
}

function alike(one: Shown, other: Shown): boolean {
  return (
    one.direction === other.direction &&
    one.label === other.label &&
    one.content === other.content &&
    (one.sealed === undefined) === (other.sealed === undefined)
  )
}

function rowsOf(run: readonly Shown[]): Row[] {
  if (run.length < LEAST_FOLDED) return run.map(frame => ({ frame }))
  const between = run.slice(FIRST, -LAST)
  const single = (frame: Shown): Row => ({ frame })
  return [
    ...run.slice(0, FIRST).map(single),
    { frame: between[0] as Shown, run: between },
    ...run.slice(-LAST).map(single)
  ]
}
