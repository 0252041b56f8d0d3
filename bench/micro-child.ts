import { aead } from './aead.ts'
import { frames } from './frame.ts'
import { handshake } from './handshake.ts'
import { machine } from './machine.ts'
import type { Micro } from './micro.ts'
import { pool } from './pool.ts'

/** `node micro-child.ts CASE ROW WARM-UP TIMED`: one run of one row; prints a sample as JSON. Milliseconds. */

const [caseName, rowName, warmUp, timed] = process.argv.slice(2)
const row = [machine, aead, pool, frames, handshake]
  .find(({ name }) => name === caseName)
  ?.rows.find(({ name }) => name === rowName)
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
