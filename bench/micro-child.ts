import type { Micro, MicroCase } from './micro.ts'

/** `node micro-child.ts CASE WARM-UP TIMED ROW…`: one run of each row; prints their samples as JSON. Milliseconds. */

/** Only the case that runs is loaded: what others import takes time and memory. */
const CASES: Readonly<Record<string, () => Promise<MicroCase>>> = {
  machine: async () => (await import('./machine.ts')).machine,
  aead: async () => (await import('./aead.ts')).aead,
  pool: async () => (await import('./pool.ts')).pool,
  strict: async () => (await import('./strict.ts')).strict,
  frame: async () => (await import('./frame.ts')).frames,
  handshake: async () => (await import('./handshake.ts')).handshake
}

const [caseName = '', warmUp, timed, ...rowNames] = process.argv.slice(2)
const rows = (await CASES[caseName]?.())?.rows ?? []
const samples = []
for (const rowName of rowNames) samples.push(await sampleOf(rowName))
process.stdout.write(JSON.stringify(samples))
process.exit()

async function sampleOf(rowName: string): Promise<{ amount: number; seconds: number; cpu: number }> {
  const row = rows.find(({ name }) => name === rowName)
  if (!row) throw new Error(`no row ${rowName} in ${caseName}`)
  const micro = await row.prepare()
  await micro.check()
  await runFor(micro, Number(warmUp))
  const before = process.cpuUsage()
  const { amount, seconds } = await runFor(micro, Number(timed))
  const { user, system } = process.cpuUsage(before)
  await micro.close?.()
  return { amount, seconds, cpu: (user + system) / 1e6 }
}

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
