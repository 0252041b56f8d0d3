import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Authority, initAuthority, openAuthority } from '../../../src/auth/authority/authority.ts'
import { entryOf, serialOf } from '../../../src/auth/authority/store/entry.ts'
import { openStore } from '../../../src/auth/authority/store/open-store.ts'
import type { AuthStore } from '../../../src/auth/authority/store/store.ts'
import { readCrl } from '../../../src/auth/certificates/crl.ts'
import { keepLists, type ListKeeper, publishList } from '../../../src/auth/server/lists.ts'
import { testKey } from '../../fixtures/rsa-keys.ts'

const HOUR = 3_600_000
const directory = t.testdir()
await initAuthority(join(directory, 'ca'), { org: 'example.org', bits: 2048 })
const authority: Authority = await openAuthority(join(directory, 'ca'))
const [signer] = authority.signers
const { publicKey } = await testKey()

async function storeOf(t: Test): Promise<AuthStore> {
  const store = await openStore(join(t.testdir(), 'users.db'))
  t.teardown(() => store.close())
  return store
}

/** Puts a new certificate of alice on the books; its serial number. */
async function issued(store: AuthStore): Promise<string> {
  const chain = authority.issueLeaf(publicKey, 'alice')
  await store.certificates.add(entryOf(chain, 'alice'))
  return serialOf(chain[0] as Uint8Array)
}

const serials = ({ latest }: ListKeeper): string[] =>
  readCrl(latest.der, authority.issuing).entries.map(({ serial }) => serial)

t.test('signs the next number when something was revoked, and every hour', async t => {
  const store = await storeOf(t)
  const serial = await issued(store)
  const now = new Date()
  const after = (ms: number): Date => new Date(now.getTime() + ms)
  const first = await publishList(signer, store, { now })
  t.equal(first.number, 1)
  t.equal(first.nextUpdate.getTime() - first.thisUpdate.getTime(), 24 * HOUR)
  t.strictSame(await publishList(signer, store, { now: after(HOUR - 1000) }), {
    ...first,
    der: Uint8Array.from(first.der)
  })
  await store.certificates.revoke(serial, 'keyCompromise')
  const second = await publishList(signer, store, { now: after(1000) })
  t.equal(second.number, 2)
  t.match(readCrl(second.der, authority.issuing).entries, [{ serial, reason: 'keyCompromise' }])
  t.equal((await publishList(signer, store, { now: after(HOUR + 1001) })).number, 3, 'an hour later')
})

t.test('a clock that is set back makes no list that looks older', async t => {
  const store = await storeOf(t)
  const serial = await issued(store)
  const first = await publishList(signer, store)
  await store.certificates.revoke(serial, 'superseded')
  const second = await publishList(signer, store, { now: new Date(Date.now() - 48 * HOUR) })
  t.equal(second.number, 2)
  t.ok(second.thisUpdate.getTime() >= first.thisUpdate.getTime())
})

t.test('whoever waits for news gets them, also from another process', async t => {
  const store = await storeOf(t)
  const [one, two] = [await issued(store), await issued(store)]
  const faults: unknown[] = []
  const keeper = await keepLists({ authority: () => authority, store, every: 20, onFault: error => faults.push(error) })
  t.teardown(() => keeper.stop())
  t.equal((await keeper.after(0, 10_000)).number, 1, 'at once when there is a later one')
  t.equal((await keeper.after(1, 50)).number, 1, 'the same after the wait')
  const waiting = Promise.all([keeper.after(1, 60_000), keeper.after(1, 60_000)])
  await store.certificates.revoke(one, 'superseded')
  t.strictSame(
    (await waiting).map(({ number }) => number),
    [2, 2]
  )
  t.strictSame(serials(keeper), [one])
  await store.certificates.revoke(two, 'superseded')
  await keeper.refresh()
  t.strictSame(serials(keeper), [one, two].sort())
  const last = keeper.after(3, 60_000)
  keeper.stop()
  t.equal((await last).number, 3, 'the end lets go of whoever waits')
  t.strictSame(faults, [])
})

t.test('a store that fails is told of, and asked again', async t => {
  const store = await storeOf(t)
  const serial = await issued(store)
  const faults: unknown[] = []
  let broken = true
  const publish: AuthStore['lists']['publish'] = (...args) =>
    broken && faults.length < 2 && started ? Promise.reject(new Error('gone')) : store.lists.publish(...args)
  let started = false
  const failing: AuthStore = { ...store, lists: { ...store.lists, publish } }
  const keeper = await keepLists({
    authority: () => authority,
    store: failing,
    every: 5,
    onFault: error => faults.push(error)
  })
  t.teardown(() => keeper.stop())
  started = true
  await store.certificates.revoke(serial, 'superseded')
  while (faults.length < 2) await delay(5)
  broken = false
  t.equal((await keeper.after(1, 60_000)).number, 2)
})
