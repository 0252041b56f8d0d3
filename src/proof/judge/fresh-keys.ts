import type { Claim, Dissected } from '../model.ts'
import { WINDOW } from './anchors.ts'
import { count, Findings } from './claim.ts'
import { compareFresh } from './fresh-values.ts'
import { compareInLots } from './lots.ts'
import { type Sealed, sealedOf, sent, sidesOf, sizeOf } from './parts.ts'
import type { Match } from './window-index.ts'

/**
 * The claim `fresh-keys`: nothing that is sealed comes twice, nor what stands in the clear and is new each time (`fresh-values.ts`). What is sealed is compared in lots; so a
 * capture of 512 MiB takes 210 MiB beside it.
 */

const MAX_FOUND = 1000
/** Packets of a pair that are remembered, to be counted. */
const MAX_PACKETS = 100_000

/** Two sealed parts, what they have in common, and how often. */
interface Pair {
  readonly one: Sealed
  readonly other: Sealed
  times: number
  bytes: number
  readonly packets: Set<number>
}

export function judgeFreshKeys(all: readonly Dissected[]): Claim {
  const findings = new Findings()
  const sides = sidesOf(all)
  const parts = sides.flatMap(sealedOf)
  const long = parts.filter(({ from, to }) => to - from >= WINDOW)
  const pairs = new Map<string, Pair>()
  const ends = new Set<Sealed>()
  compareInLots(long, { sizeOf: part => sizeOf([part]), stretchOf: part => part }, (match, part) => {
    if (isSameEnd(match, part)) ends.add(part)
    else if (pairs.size < MAX_FOUND) note(pairs, match, part)
  })
  for (const { one, other, times, bytes, packets } of pairs.values())
    findings.fault(
      `${one.frame.label} in ${sent(one.side)} and ${other.frame.label} in ${sent(other.side)} have ${count(bytes, 'byte')} in common, in ${count(times, 'place')}.`,
      packets
    )
  compareFresh(findings, sides)
  if (long.length === 0) findings.doubt('There are no two sealed parts to compare.')
  else
    findings.note(
      `${count(sizeOf(long), 'byte')} in ${count(long.length, 'sealed part')} compared with each other, every ${WINDOW} bytes in a row. Expected by chance: none.`
    )
  if (ends.size > 0)
    findings.note(
      `${count(ends.size, 'stripe')} ended with the FINL of another: it is sealed once and sent on each (SPEC §8.1).`
    )
  return findings.claim('fresh-keys')
}

/** The end of a stream that went over several connections, which is the same on each of them. */
function isSameEnd({ source: one, length }: Match<Sealed>, other: Sealed): boolean {
  if (one.frame.label !== 'FINL' || other.frame.label !== 'FINL' || one.side.of === other.side.of) return false
  if (one.side.direction !== other.side.direction) return false
  const isStripe = ({ side }: Sealed): boolean => side.of.frames[0]?.label === 'JOIN'
  return (isStripe(one) || isStripe(other)) && length === one.to - one.from && length === other.to - other.from
}

function note(pairs: Map<string, Pair>, { source, at, sourceAt, length }: Match<Sealed>, part: Sealed): void {
  const named = ({ side, frame }: Sealed): string => `${side.of.connection.number} ${side.direction} ${frame.label}`
  const key = [named(source), named(part)].sort().join('\n')
  const pair = pairs.get(key) ?? { one: source, other: part, times: 0, bytes: 0, packets: new Set<number>() }
  pairs.set(key, pair)
  pair.times++
  pair.bytes += length
  if (pair.packets.size >= MAX_PACKETS) return
  pair.packets.add(source.side.flow.packetAt(sourceAt)).add(part.side.flow.packetAt(at))
}
