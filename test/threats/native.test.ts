import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { createClassicPool, serveClassic } from '../../src/classic.ts'
import { Engine } from '../../src/index.ts'
import { pattern } from '../fixtures/bytes.ts'
import { classicIdentity, makeClassicSystem } from '../fixtures/classic.ts'
import { dialRaw } from '../fixtures/classic-hostile.ts'
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
  await alice.get(`bob@127.0.0.1:${listener.port}`, 'file', target)
  t.ok((await readFile(target)).equals(pattern(100_000)))
  await ended
  t.pass('all of them were ended by the listener')
})

t.test('M140: on the wire neither world answers the other', async t => {
  const organisation = await makeOrganisation()
  const system = await makeClassicSystem()
  const directory = t.testdir({ file: 'x' })
  const user1 = await classicIdentity(system, 'user1')
  await using bob = new Engine({ identity: await organisation.issue('bob') })
  await using alice = new Engine({ identity: await organisation.issue('alice') })
  const native = await bob.serve(directory, { host: '127.0.0.1', port: 0 })
  t.teardown(() => native.close())
  const classic = await serveClassic({
    identity: () => user1,
    pool: createClassicPool({ threads: 0 }),
    directory,
    port: 0
  })
  t.teardown(() => classic.close())

  const requester = await dialRaw(t, native.port)
  t.same(
    (await requester.send('SECE', user1.pem).rest()).filter(each => each !== 'end' && each !== 'reset'),
    []
  )
  const get = (engine: Engine, port: number) => engine.get(`bob@127.0.0.1:${port}`, 'file', join(directory, 'got'))
  await t.rejects(get(alice, classic.port), { code: /^ERR_SFT_(CONNECTION_LOST|TRUNCATED|FRAME_\w+)$/ })

  // a member who shows a classic certificate, for a key that is really his
  const chain = [Uint8Array.from(user1.certificate.raw)]
  const { publicKey, privateKey } = user1
  const mixed = { org: organisation.org, name: 'user1', root: organisation.root, chain, publicKey, privateKey }
  await using mallory = new Engine({ identity: mixed })
  await t.rejects(get(mallory, native.port), { code: 'ERR_SFT_REFUSED_BY_PEER' })
})
