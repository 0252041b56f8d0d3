import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { SftError } from '../../streams/errors.ts'

/** Ports of a proof, which must be known before anything listens: the filter of the capture has them. */

export const LOOPBACK = '127.0.0.1'
/** Below those that a system gives to whoever dials, so that no stranger's connection has one by chance. */
const FIRST = 20_000
const LAST = 32_000
const ATTEMPTS = 100

/** Ports of loopback that nobody listens on. @throws SftError ERR_SFT_BUSY. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  for (let attempt = 0; attempt < ATTEMPTS && ports.size < count; attempt++) {
    const port = randomInt(FIRST, LAST)
    if (await isFree(port)) ports.add(port)
  }
  if (ports.size < count) throw new SftError('ERR_SFT_BUSY', 'there are no free ports on loopback')
  return [...ports]
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, LOOPBACK)
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
