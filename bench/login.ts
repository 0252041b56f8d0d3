import { readFile } from 'node:fs/promises'
import { type Case, type Contender, median, type Sample } from './measure.ts'
import { ownProgram } from './own-movers.ts'
import type { World } from './world.ts'

/** Whether the time of a refused login says why: argon2id at 19 MiB, each kind of refusal tried in turns with the others, over TLS. */

const KINDS = ['unknown user', 'wrong password', 'disabled user'] as const
type Kind = (typeof KINDS)[number]
type Times = Readonly<Record<Kind, readonly number[]>>

/** Tries of each kind in a round: 2,000 in the usual five. */
const TRIES = 400
const QUICK_TRIES = 10
/** A run that looks guiltier than this is: chance does it once in ten thousand. */
const GUILTY = 1e-4
const DEADLINE = { deadline: 1_200_000 }

/** All tries so far, for the test between two kinds. */
const all: Record<Kind, number[]> = { 'unknown user': [], 'wrong password': [], 'disabled user': [] }

/** One child of a round serves all kinds: between two processes there are differences that no login makes. */
function rounds(world: World): (kind: Kind) => Promise<readonly number[]> {
  let current: { times: Promise<Times>; taken: Set<Kind> } | undefined
  return async kind => {
    if (current === undefined || current.taken.has(kind)) current = { times: tryAll(world), taken: new Set() }
    current.taken.add(kind)
    return (await current.times)[kind]
  }
}

async function tryAll(world: World): Promise<Times> {
  const stdout = world.target()
  const tries = world.options.quick ? QUICK_TRIES : TRIES
  await world.children.run({ ...(await ownProgram(world, './login-child.ts', String(tries))), stdout }, DEADLINE)
  const times = JSON.parse(await readFile(stdout, 'utf8')) as Times
  await world.discard(stdout)
  for (const kind of KINDS) all[kind].push(...times[kind])
  return times
}

function sampleOf(times: readonly number[]): Sample {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN
  const more = { tries: times.length, 'p10 ms': at(0.1), 'p90 ms': at(0.9) }
  const seconds = times.reduce((sum, ms) => sum + ms, 0) / 1000
  return { amount: times.length, seconds, cpu: undefined, memory: [], value: median(times), more }
}

/** Two-sided p of the Mann–Whitney U test, by its normal approximation: how likely two samples of one distribution differ this much. */
export function mannWhitney(a: readonly number[], b: readonly number[]): number {
  const ranked = [...a.map(value => ({ value, first: true })), ...b.map(value => ({ value, first: false }))]
  ranked.sort((x, y) => x.value - y.value)
  const ranks = ranked.reduce((sum, { first }, index) => sum + (first ? index + 1 : 0), 0)
  const u = ranks - (a.length * (a.length + 1)) / 2
  const mean = (a.length * b.length) / 2
  const deviation = Math.sqrt((a.length * b.length * (a.length + b.length + 1)) / 12)
  return 2 * (1 - normal(Math.abs(u - mean) / deviation))
}

/** Distribution function of the normal distribution (Abramowitz and Stegun 7.1.26, to 1.5e-7). */
function normal(z: number): number {
  const t = 1 / (1 + (0.3275911 * z) / Math.SQRT2)
  const factors = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592]
  const sum = factors.reduce((value, factor) => (value + factor) * t, 0)
  return 1 - 0.5 * sum * Math.exp((-z * z) / 2)
}

export const login: Case = {
  name: 'login',
  title: 'A refused login, by its reason (argon2id, 19 MiB)',
  unit: 'ms',
  async contenders(world) {
    const timesOf = rounds(world)
    return KINDS.map(
      (kind): Contender => ({
        name: kind,
        baseline: kind === 'unknown user',
        check: async () => {},
        run: async () => sampleOf(await timesOf(kind))
      })
    )
  },
  verdict() {
    const p = (kind: Kind): number => mannWhitney(all['unknown user'], all[kind])
    const others = KINDS.slice(1).map(kind => ({ kind, p: p(kind) }))
    if (others.some(other => other.p < GUILTY)) throw new Error('the time of a refusal says why')
    return `Mann-Whitney, against unknown user: ${others.map(other => `${other.kind} p = ${other.p.toFixed(2)}`).join(', ')}.`
  }
}
