import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { Engine } from '../../src/index.ts'
import { pattern } from '../fixtures/bytes.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

/** What native peers do about attacks on the classic system for which no other test stands in `attacks.ts`. */

t.test('A27: connections that say nothing are capped and ended, and an honest transfer completes', async t => {
  const organisation = await makeOrganisation()
  const directory = t.testdir({ served: { file: pattern(100_000) } })
  await using bob = new Engine({ identity: await organisation.issue('bob') })
  await using alice = new Engine({ identity: await organisation.issue('alice') })
  await using listener = await bob.serve(join(directory, 'served'), { host: '127.0.0.1', port: 0 })
  const idle = Array.from({ length: 1000 }, () => connect(listener.port, '127.0.0.1').on('error', () => {}))
  const ended = Promise.all(idle.map(socket => once(socket.resume(), 'close')))
  await Promise.all(idle.map(socket => socket.connecting && once(socket, 'connect')))
  const target = join(directory, 'got')
  await alice.get(`bob@127.0.0.1:${listener.port}`, 'file', target, { retry: 20 })
  t.ok((await readFile(target)).equals(pattern(100_000)))
  await ended
  t.pass('all of them were ended by the listener')
})
