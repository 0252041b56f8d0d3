import type { Claim, Dissected, Known, Stray } from '../model.ts'
import { CertificatesSearch } from './certificates.ts'
import { withMore } from './claim.ts'
import { Budget } from './inflations.ts'
import { joinedOf } from './joined.ts'
import { NamesSearch } from './names.ts'
import { type Side, sidesOf, sum } from './parts.ts'
import { PlaintextSearch } from './plaintext.ts'
import { searchedIn, strayed } from './strays.ts'
import { type View, viewsOf } from './views.ts'

/** The claims `certificates`, `names` and `plaintext`: every reading of every flow, and of what is in none, is made once, and all three look through it. */
export async function judgeContents(
  all: readonly Dissected[],
  known: Known,
  strays: readonly Stray[] = []
): Promise<{ certificates: Claim; names: Claim; plaintext: Claim }> {
  const sides = [...sidesOf(all), ...strayed(strays)]
  const certificates = new CertificatesSearch(all)
  const names = new NamesSearch(sides, known)
  const plaintext = new PlaintextSearch(sides, known)
  const budget = new Budget(sum(sides.map(({ flow }) => flow.bytes.byteLength)))
  for (const side of sides)
    for await (const view of readingsOf(side, budget)) {
      certificates.look(side, view)
      names.look(side, view)
      plaintext.look(side, view)
    }
  const { exhausted } = budget
  const beside = searchedIn(strays)
  return {
    certificates: withMore(certificates.claim(exhausted), beside),
    names: withMore(names.claim(exhausted), beside),
    plaintext: withMore(plaintext.claim(exhausted), beside)
  }
}

async function* readingsOf(side: Side, budget: Budget): AsyncGenerator<View> {
  yield* viewsOf(side.flow.bytes, startsOf(side), budget)
  for (const { bytes, how, origin } of joinedOf(side))
    for await (const view of viewsOf(bytes, [0], budget))
      yield { ...view, how: `${view.how} in ${how}`, origin: at => origin(view.origin(at)) }
}

/** Where a message begins, and what is in it. */
function startsOf({ frames }: Side): number[] {
  return [...new Set(frames.flatMap(({ at, sealed }) => (sealed ? [at, sealed.at] : [at])))]
}
