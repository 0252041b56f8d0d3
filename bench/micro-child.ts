import type { Micro, MicroCase } from './micro.ts'

/** `node micro-child.ts CASE ROW WARM-UP TIMED`: one run of one row; prints a sample as JSON. Milliseconds. */

/** Only the case that runs is loaded: what others import takes time and memory. */
const CASES: Readonly<Record<string, () => Promise<MicroCase>>> = {
  machine: async () => (await import('./machine.ts')).machine,
  aead: async () => (await import('./aead.ts')).aead,
  pool: async () => (await import('./pool.ts')).pool,
  frame: async () => (await import('./frame.ts')).frames,
  handshake: async () => (await import('./handshake.ts')).handshake
}

const [caseName = '', rowName, warmUp, timed] = process.argv.slice(2)
const row = (await CASES[caseName]?.())?.rows.find(({ name }) => name === rowName)
if (!row) throw new Error(`no row ${rowName} in ${caseName}`)
const micro = await row.prepare()
await micro.check()
await runFor(micro, Number(warmUp))
const before = process.cpuUsage()
const { amount, seconds } = await runFor(micro, Number(timed))
const { user, system } = process.cpuUsage(before)
await micro.close?.()
process.stdout.write(JSON.stringify({ amount, seconds, cpu: (user + system) / 1e6 }))
process.exit()

async function runFor({ step }: Micro, milliseconds: number): Promise<{ amount: number; seconds: number }> {
  const start = performance.now()
  let amount = 0
  let elapsed = 0
  while (elapsed < milliseconds) {
    const done = step()
    amount += typeof done === 'number' ? done : await done
    elapsed = performance.now() - start
  }
  return { amount, seconds: elapsed / 1000 }
}
