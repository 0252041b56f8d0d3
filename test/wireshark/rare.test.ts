import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { encodeCertificates } from '../../src/auth/certificates/pem.ts'
import { Engine } from '../../src/transfer/engine.ts'
import { pattern } from '../fixtures/bytes.ts'
import { shellOf } from '../fixtures/command.ts'
import { Tshark } from '../fixtures/dissector.ts'
import { informed, signList } from '../fixtures/lists.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { recorder } from '../fixtures/recorder.ts'
import { noTshark } from '../fixtures/tshark.ts'

/** The frames that few connections have, in tshark: lists, refusals, breaks, checkpoints. */

if (noTshark) {
  t.plan(0, noTshark)
  process.exit(0)
}

t.setTimeout(170_000)
const PORT = 4433
const directory = t.testdir({ alice: {}, bob: { served: {} } })
const shark = new Tshark(t, directory)
const organisation = await makeOrganisation()
const [ofAlice, ofBob, ofCarol] = await Promise.all(['alice', 'bob', 'carol'].map(name => organisation.issue(name)))
if (!ofAlice || !ofBob || !ofCarol) throw new Error('no members')

t.test('revocation lists, an answer of no, and one who breaks off', async t => {
  const [older, newer] = [signList(organisation, 1), signList(organisation, 2)]
  await mkdir(join(directory, 'served'))
  await writeFile(join(directory, 'served', 'file'), pattern(50_000))
  await using bob = new Engine({ identity: await informed(ofBob, newer) })
  await using alice = new Engine({ identity: await informed(ofAlice, older) })
  await using server = await bob.serve(join(directory, 'served'), { host: '127.0.0.1', port: 0 })
  const refused = await recorder(t, `127.0.0.1:${server.port}`, PORT)
  await t.rejects(alice.get(`bob@${refused.address}`, 'missing', join(directory, 'never')), {
    code: 'ERR_SFT_NOT_FOUND'
  })
  const broken = await recorder(t, `127.0.0.1:${server.port}`, PORT)
  const full = { write: () => Promise.reject(new Error('no more room')), close: () => {} }
  await t.rejects(alice.get(`bob@${broken.address}`, 'file', new WritableStream(full)))
  const types = (connections: typeof refused.connections): string[] => {
    const file = shark.capture(connections)
    t.equal(shark.run(file, '-Y', '_ws.expert && sft'), '', 'nothing to warn about')
    const [found = [], states = [], hidden = []] = shark.values(file, ['sft.type', 'sft.state', 'sft.sealed'])
    t.equal(states.length, found.length)
    t.same(
      hidden.slice(2),
      found.slice(2).map(() => '1')
    )
    return found
  }
  const [no, broke] = [types(refused.connections), types(broken.connections)]
  for (const type of ['CRLN', 'RQFL', 'RSCI']) t.ok(no.includes(type), `${type}: ${no}`)
  for (const type of ['STRM', 'ABRT']) t.ok(broke.includes(type), `${type}: ${broke}`)
})

t.test('checkpoints of a pipe for several', async t => {
  const alice = await shellOf(t, join(directory, 'alice'), ofAlice)
  for (const [name, { chain }] of [
    ['bob', ofBob],
    ['carol', ofCarol]
  ] as const)
    await writeFile(join(alice.directory, `${name}.crt`), encodeCertificates(chain))
  await writeFile(join(alice.directory, 'file'), pattern(40_000))
  const sealed = await alice.run(['send', 'file', '--to', 'bob.crt', '--to', 'carol.crt', '--chunk-size', '16K'])
  t.equal(sealed.code, 0, sealed.stderr)
  const file = shark.capture([{ port: PORT, pieces: [{ dialler: true, bytes: sealed.stdout }] }])
  const [types, stanzas, chunks] = shark.values(file, ['sft.type', 'sft.stanzas', 'sft.chunk'])
  t.same([types, stanzas, chunks], [['STRM', 'RSFL', 'RSFL', 'RSFL', 'CKPT', 'FINL'], ['2'], ['0', '1', '2']])
  t.equal(shark.run(file, '-Y', '_ws.expert && sft'), '')
})
