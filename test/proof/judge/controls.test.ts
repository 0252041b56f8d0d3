import t from 'tap'
import { parseCapture } from '../../../src/proof/capture/read.ts'
import { dissect } from '../../../src/proof/dissect/dissect.ts'
import { badCapture, controlsOf } from '../../../src/proof/judge/controls.ts'
import { judgeClaims } from '../../../src/proof/judge/judge.ts'
import { CLAIMS } from '../../../src/proof/model.ts'

t.test('each is caught by its own claim', async t => {
  const controls = await controlsOf(judgeClaims)
  t.same(
    controls.map(({ claim, caught }) => [claim, caught]),
    [
      ['plaintext', true],
      ['names', true],
      ['fresh-keys', true],
      ['nonces', true]
    ]
  )
  for (const { name, evidence } of controls) t.ok((evidence[0]?.packets.length ?? 0) > 0, name)
})

t.test('a judge that can not say no is found out', async t => {
  const controls = await controlsOf(async (all, known) => {
    const claims = await judgeClaims(all, known)
    return claims.map(claim => ({ ...claim, verdict: claim.id === 'nonces' ? 'unknown' : 'holds' }))
  })
  t.notOk(controls.some(({ caught }) => caught))
  t.notOk((await controlsOf(async () => [])).some(({ caught }) => caught))
})

/** The same transfers without the fault: what is caught above is the fault, and nothing else. */
const TWINS: Record<string, Parameters<typeof badCapture>[0]> = {
  'one transfer': [{}],
  'two transfers of one file': [{}, {}],
  'two transfers of two files': [{}, { second: true }]
}

for (const [name, streams] of Object.entries(TWINS))
  t.test(`as it should be: ${name}`, async t => {
    const { capture, known } = badCapture(streams)
    const claims = await judgeClaims(dissect(parseCapture(capture)), known)
    t.same(
      claims.map(({ id }) => id),
      CLAIMS
    )
    t.same(
      claims.filter(({ verdict }) => verdict !== 'holds').map(({ id, verdict }) => [id, verdict]),
      ['login', 'forward-secrecy', 'replay'].map(id => [id, 'unknown'])
    )
  })

t.test('a fault breaks its own claim and none that has nothing to do with it', async t => {
  const failing = async (streams: Parameters<typeof badCapture>[0]) => {
    const { capture, known } = badCapture(streams)
    const claims = await judgeClaims(dissect(parseCapture(capture)), known)
    return claims.filter(({ verdict }) => verdict === 'fails').map(({ id }) => id)
  }
  const key = Buffer.alloc(32, 7)
  // what is not sealed at all was sealed with zeros, again and again
  t.same(await failing([{ clear: true }]), ['plaintext', 'randomness', 'nonces'])
  t.same(await failing([{ named: true }]), ['names'])
  t.same(await failing([{ key }, { key }]), ['fresh-keys', 'nonces'])
  t.same(await failing([{ key }, { key, second: true }]), ['nonces'])
})
