import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { freePorts, LOOPBACK } from '../../../src/proof/run/ports.ts'

t.test('ports that differ, and can be listened on, below those of diallers', async t => {
  const ports = await freePorts(6)
  t.equal(new Set(ports).size, 6)
  for (const port of ports) {
    t.ok(port >= 20_000 && port < 32_000)
    const server = createServer().listen(port, LOOPBACK)
    await once(server, 'listening')
    server.close()
  }
})
