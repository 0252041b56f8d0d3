import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { keepRenewed } from '../../../src/auth/identity/auto-renewal.ts'
import { type Identity, lifeOf } from '../../../src/auth/identity/identity.ts'
import { makeOrganisation } from '../../fixtures/organisation.ts'

const organisation = await makeOrganisation()
const HOUR = 3_600_000

/** A member whose certificate lives for so long from now. */
const member = (life: number): Promise<Identity> =>
  organisation.issue('alice', { notBefore: new Date(), notAfter: new Date(Date.now() + life) })

t.test('renews from two thirds of the life on, again and again', async t => {
  const [first, second] = [await member(10_000), await member(10_000)]
  const clock = { now: lifeOf(first).start + 1000 }
  const asked: Identity[] = []
  const renewed: Identity[] = []
  const keeping = keepRenewed({
    identity: first,
    now: () => clock.now,
    renew: async identity => {
      asked.push(identity)
      return second
    },
    onRenewed: identity => renewed.push(identity),
    onFault: error => t.fail(String(error))
  })
  t.teardown(() => keeping.stop())
  await delay(1100)
  t.equal(asked.length, 0, 'not before')
  clock.now = lifeOf(first).start + 7500
  while (renewed.length < 1) await delay(20)
  t.strictSame([asked[0], renewed[0]], [first, second])
  clock.now = lifeOf(second).end + 1
  while (asked.length < 2) await delay(20)
  t.equal(asked[1], second, 'the next one by the new one')
})

t.test('a failure is told, and tried again; nothing after the stop', async t => {
  const identity = await member(10_000)
  let faults = 0
  let calls = 0
  const keeping = keepRenewed({
    identity,
    now: () => lifeOf(identity).end + HOUR,
    renew: async () => {
      calls++
      if (calls === 1) throw new Error('no network')
      return identity
    },
    onRenewed: () => keeping.stop(),
    onFault: () => faults++
  })
  while (calls < 2) await delay(20)
  await delay(1200)
  t.equal(faults, 1)
  t.equal(calls, 2)
})
