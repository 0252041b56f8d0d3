import { lutimes, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { shellOf } from '../fixtures/command.ts'
import { drawTurn, KillLane, leftIn, RESUMED_FROM, type Turned } from '../fixtures/kill-turns.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { seeded } from '../fixtures/seeded.ts'

/**
 * Kills of either side and resets of the wire, at any byte of a get or a send (SPEC §8.4): 20, or with `SFT_TEST_LONG=1` 200 and files of up to 2 GiB. A failure is run again with
 * `SFT_SEED`, one turn of it with `SFT_KILL_TURN` beside it.
 */

const MIB = 1024 * 1024
const HOUR = 3_600_000
const LANES = ['first', 'second'] as const
const [hits, largest] = process.env.SFT_TEST_LONG === '1' ? [200, 2048 * MIB] : [20, 40 * MIB]
/** What is sent once more, of the half of all transfers. */
const MOST_AGAIN = 64 * MIB
const { seed } = seeded()
const only = process.env.SFT_KILL_TURN

t.setTimeout(HOUR)
t.comment(`SFT_SEED=${seed}`)
const organisation = await makeOrganisation()
const directory = t.testdir({ alice: {}, bob: {} })
const shellFor = async (name: string) => shellOf(t, join(directory, name), await organisation.issue(name))
const [alice, bob] = await Promise.all([shellFor('alice'), shellFor('bob')])
const { bavail, bsize } = await statfs(directory)
// of each lane a source, what has come of it, and some room
if (bavail * bsize < 5 * LANES.length * largest) t.bailout('not enough room on the disk for these files')
const lanes = LANES.map(name => new KillLane(alice, bob, name, seed))
for (const lane of lanes) await lane.open(t)

const done: Turned[] = []
const drawn = Array(10 * hits).keys()

async function runAll(lane: KillLane): Promise<void> {
  for (const number of only === undefined ? drawn : [Number(only)]) {
    if (done.flatMap(turn => turn.hits).length >= hits) return
    const turn = drawTurn(seed, number, largest)
    try {
      done.push(await lane.run(turn))
    } catch (cause) {
      throw new Error(`SFT_SEED=${seed} SFT_KILL_TURN=${number} ${JSON.stringify(turn)}`, { cause })
    }
  }
}

/** In the middle of them, by value. */
function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

const inMib = (bytes: number): string => (bytes / MIB).toFixed(2)

t.test('M65: kill -9 of either side, or a reset, at any byte loses nothing', { timeout: HOUR }, async t => {
  // most of a turn is waiting
  await Promise.all((only === undefined ? lanes : lanes.slice(0, 1)).map(runAll))
  const hit = done.filter(turn => turn.hits.length > 0)
  const blows = hit.flatMap(turn => turn.hits.map(at => `${turn.way}, ${at}`))
  for (const [what, all] of Object.entries(Object.groupBy(blows, blow => blow))) t.comment(`${what}: ${all?.length}`)
  t.comment(`${blows.length} blows to ${hit.length} transfers; ${done.length - hit.length} more were over before`)
  for (const [name, turns] of [
    ['all', hit],
    [`of ${inMib(RESUMED_FROM)} MiB or more`, hit.filter(({ size }) => size >= RESUMED_FROM)]
  ] as const) {
    const again = turns.map(turn => turn.again)
    t.comment(
      `sent once more, of ${turns.length} (${name}): median ${inMib(median(again))} MiB, most ${inMib(Math.max(0, ...again))} MiB`
    )
    t.ok(median(again) <= MOST_AGAIN, `the median of ${name}`)
  }
  if (only === undefined) t.ok(blows.length >= hits, 'as many as there were to be')
})

t.test('what nobody took up again, gc removes', async t => {
  const then = new Date(Date.now() - 8 * 86_400_000)
  let count = 0
  for (const place of lanes.flatMap(lane => lane.places)) {
    const left = await leftIn(place)
    count += left.length
    for (const name of left) await lutimes(join(place, name), then, then)
    for (const shell of [alice, bob])
      if (place.startsWith(shell.directory)) t.match(await shell.run(['gc', place]), { code: 0 })
    t.same(await leftIn(place), [])
  }
  t.comment(`${count} files were left`)
})
