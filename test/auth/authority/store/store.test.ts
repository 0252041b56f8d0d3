import { randomBytes } from 'node:crypto'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import t, { type Test } from 'tap'
import { openStore } from '../../../../src/auth/authority/store/open-store.ts'
import type { AuthStore, CertificateEntry, StoredList } from '../../../../src/auth/authority/store/store.ts'
import { databases } from '../../../fixtures/postgres.ts'

/** One contract, on both databases. */

const DAY = 86_400_000
const BACKENDS = await databases(t)

function entry(name: string, fields: Partial<CertificateEntry> = {}): CertificateEntry {
  const now = Math.floor(Date.now() / 1000) * 1000
  return {
    serial: randomBytes(16).toString('hex'),
    name,
    issuer: 'ca',
    notBefore: new Date(now),
    notAfter: new Date(now + DAY),
    der: Uint8Array.from(randomBytes(900)),
    ...fields
  }
}

/** A list that says what it was signed for, in the place of a signature. */
const signer =
  (issuer = 'ca') =>
  (entries: readonly { serial: string; reason: string }[], latest: StoredList | undefined) =>
  (): StoredList => ({
    issuer,
    number: (latest?.number ?? 0) + 1,
    thisUpdate: new Date(1_000_000),
    nextUpdate: new Date(2_000_000),
    der: Buffer.from(entries.map(({ serial, reason }) => `${serial} ${reason}`).join('\n')),
    digest: 'of it'
  })

for (const [backend, { skip, place }] of Object.entries(BACKENDS)) {
  const check = (what: string, body: (t: Test, store: AuthStore, place: string) => Promise<void>): void =>
    void t.test(`${backend}: ${what}`, { skip }, async t => {
      const where = await place(t)
      const store = await openStore(where)
      t.teardown(() => store.close())
      await body(t, store, where)
    })

  check('keeps users across openings', async (t, { users }, where) => {
    await users.add('bob', 'hash of bob')
    await users.add('b.ob', 'hash of b.ob')
    await users.add('alice', 'hash of alice')
    await users.setPassword('bob', 'new hash')
    await users.setDisabled('alice', true)
    await using again = await openStore(where)
    t.match(await again.users.get('bob'), { name: 'bob', password: 'new hash', disabled: false, created: Date })
    t.strictSame(
      (await again.users.list()).map(({ name, disabled }) => [name, disabled]),
      [
        ['alice', true],
        ['b.ob', false],
        ['bob', false]
      ]
    )
    await again.users.setDisabled('alice', false)
    t.match(await users.get('alice'), { disabled: false, password: 'hash of alice' })
    t.equal(await users.get('carol'), undefined)
  })

  check('refuses what is there already, what is not, and what is no name', async (t, { users, certificates }) => {
    await users.add('alice', 'hash')
    await t.rejects(users.add('alice', 'other'), { code: 'ERR_SFT_EXISTS' })
    t.match(await users.get('alice'), { password: 'hash' })
    await t.rejects(users.add('Alice', 'x'), { code: 'ERR_SFT_USAGE' })
    await t.rejects(users.setPassword('bob', 'x'), { code: 'ERR_SFT_NOT_FOUND' })
    await t.rejects(users.setDisabled('bob', true), { code: 'ERR_SFT_NOT_FOUND' })
    await t.rejects(users.remove('bob'), { code: 'ERR_SFT_NOT_FOUND' })
    t.equal(await users.get("' OR 1=1 --"), undefined)
    const known = entry('alice')
    await certificates.add(known)
    await t.rejects(certificates.add(known), { code: 'ERR_SFT_EXISTS' })
    await t.rejects(certificates.revoke('00', 'unspecified'), { code: 'ERR_SFT_NOT_FOUND' })
    await t.rejects(certificates.revoke(known.serial, 'certificateHold'), { code: 'ERR_SFT_USAGE' })
    t.equal((await certificates.get(known.serial))?.revoked, undefined)
  })

  check('certificates come back as they were issued', async (t, { certificates }) => {
    const now = Date.now()
    const old = entry('alice', { notBefore: new Date(now - 3 * DAY), notAfter: new Date(now - DAY) })
    const [first, second] = [entry('alice', { notBefore: new Date(now - DAY) }), entry('bob')]
    for (const each of [first, old, second]) await certificates.add(each)
    t.strictSame(await certificates.get(first.serial), first)
    const serials = async (filter?: Parameters<typeof certificates.list>[0]) =>
      (await certificates.list(filter)).map(({ serial }) => serial)
    t.strictSame(await serials(), [second.serial, first.serial, old.serial], 'the latest first')
    t.strictSame(await serials({ name: 'alice' }), [first.serial, old.serial])
    t.strictSame(await serials({ name: 'alice', activeAt: new Date(now) }), [first.serial])
    t.strictSame(await serials({ name: 'carol' }), [])
  })

  check('a hold ends with the user enabled again, a revocation never', async (t, { users, certificates }) => {
    await users.add('alice', 'hash')
    const [lost, kept] = [entry('alice'), entry('alice')]
    for (const each of [lost, kept, entry('bob')]) await certificates.add(each)
    await certificates.revoke(lost.serial, 'keyCompromise')
    const at = (await certificates.get(lost.serial))?.revoked?.at
    const reasons = async () => (await certificates.list()).map(({ name, revoked }) => [name, revoked?.reason]).sort()
    await users.setDisabled('alice', true)
    const onHold = [
      ['alice', 'certificateHold'],
      ['alice', 'keyCompromise'],
      ['bob', undefined]
    ]
    t.strictSame(await reasons(), onHold)
    await users.setDisabled('alice', true)
    t.strictSame(await reasons(), onHold, 'twice is once')
    await users.setDisabled('alice', false)
    t.equal((await certificates.get(kept.serial))?.revoked, undefined)
    await certificates.revoke(lost.serial, 'superseded')
    t.strictSame((await certificates.get(lost.serial))?.revoked, { at, reason: 'keyCompromise' }, 'the first reason')
    await users.setDisabled('alice', true)
    await certificates.revoke(kept.serial, 'superseded')
    t.equal((await certificates.get(kept.serial))?.revoked?.reason, 'superseded', 'also of one on hold')
  })

  check('the next user of a name inherits no certificate', async (t, { users, certificates }) => {
    await users.add('alice', 'hash')
    const mine = entry('alice')
    await certificates.add(mine)
    await users.remove('alice')
    t.equal(await users.get('alice'), undefined)
    await users.add('alice', 'of another')
    await users.setDisabled('alice', true)
    await users.setDisabled('alice', false)
    t.equal((await certificates.get(mine.serial))?.revoked?.reason, 'cessationOfOperation')
  })

  check('knows from where a user has logged in, and forgets it with the user', async (t, { users, networks }) => {
    await users.add('alice', 'hash')
    t.notOk(await networks.isKnown('alice', '192.0.2.1'))
    await networks.note('alice', '192.0.2.1')
    await networks.note('alice', '192.0.2.1')
    await networks.note('alice', '2001:db8:0:0::/64')
    t.ok(await networks.isKnown('alice', '192.0.2.1'))
    t.ok(await networks.isKnown('alice', '2001:db8:0:0::/64'))
    t.notOk(await networks.isKnown('bob', '192.0.2.1'))
    await users.remove('alice')
    t.notOk(await networks.isKnown('alice', '192.0.2.1'))
  })

  check('a list holds what is revoked, of its CA, and not long over', async (t, { certificates, lists }) => {
    const over = new Date(Date.now() - 2 * 3_600_000)
    const [one, two] = [entry('a', { serial: '7b' }), entry('b', { serial: '4a' })]
    const others = [entry('c', { issuer: 'other' }), entry('d', { notAfter: over }), entry('e')]
    for (const each of [one, two, ...others]) await certificates.add(each)
    for (const { serial } of [one, two, ...others.slice(0, 2)]) await certificates.revoke(serial, 'superseded')
    const list = await lists.publish('ca', signer())
    t.equal(Buffer.from(list.der).toString(), '4a superseded\n7b superseded')
    t.strictSame(await lists.latest('ca'), { ...list, der: Uint8Array.from(list.der) })
    t.equal(await lists.latest('other'), undefined)
    t.equal((await lists.publish('ca', () => undefined)).number, 1, 'the latest still stands')
  })

  check('remembers whose lists there are, and who still needs one', async (t, { certificates, lists }) => {
    const over = new Date(Date.now() - 2 * 3_600_000)
    const issuer = { id: 'ca', der: Uint8Array.of(1, 2, 3) }
    await lists.addIssuer(issuer)
    await lists.addIssuer({ id: 'ca', der: Uint8Array.of(4) })
    t.strictSame(await lists.issuer('ca'), issuer, 'the first stays')
    t.equal(await lists.issuer('other'), undefined)
    t.strictSame(await lists.numbers(), new Map())
    await lists.publish('ca', signer())
    await lists.publish('other', signer('other'))
    await lists.publish('ca', signer())
    t.strictSame(await lists.numbers(), new Map(Object.entries({ ca: 2, other: 1 })))
    t.equal(await lists.isNeeded('ca'), false)
    await certificates.add(entry('a', { notAfter: over }))
    t.equal(await lists.isNeeded('ca'), false, 'its last certificate is over')
    await certificates.add(entry('b'))
    t.equal(await lists.isNeeded('ca'), true)
  })

  check('who listens where is the latest word, until its time is over', async (t, { presence }) => {
    const entry = (name: string, kind: 'serve' | 'receive', port: number, until = Date.now() + 60_000) =>
      ({ name, kind, host: 'host', port, until: new Date(until) }) as const
    await presence.announce(entry('b', 'serve', 1))
    await presence.announce(entry('b', 'serve', 2))
    await presence.announce(entry('a', 'receive', 3))
    await presence.announce(entry('b', 'receive', 4))
    await presence.announce(entry('c', 'serve', 5, Date.now() - 1))
    t.match(await presence.list(), [{ port: 3 }, { port: 4 }, { port: 2 }])
    t.match(await presence.list('b'), [{ kind: 'receive' }, { kind: 'serve', host: 'host', until: Date }])
    await presence.withdraw('b', 'receive')
    t.match(await presence.list('b'), [{ kind: 'serve' }])
  })

  check('a token is spent once, and all signers have one key', async (t, { tokens }, where) => {
    await using other = await openStore(where)
    const secrets = await Promise.all([tokens.secret(), other.tokens.secret(), tokens.secret()])
    t.equal(new Set(secrets.map(secret => Buffer.from(secret).toString('hex'))).size, 1)
    t.equal(secrets[0]?.byteLength, 32)
    const until = new Date(Date.now() + 60_000)
    const spent = await Promise.all([tokens, other.tokens, tokens].map(each => each.spend('a', until)))
    t.equal(spent.filter(Boolean).length, 1)
    t.equal(await tokens.spend('b', new Date(Date.now() - 1)), true)
    t.equal(await tokens.spend('b', until), true, 'what is over is forgotten')
  })

  check('many signers at once make one list of each number', async (t, store, where) => {
    const stores = [store, ...(await Promise.all([1, 2, 3].map(() => openStore(where))))]
    t.teardown(() => Promise.all(stores.slice(1).map(each => each.close())))
    const numbers = await Promise.all(
      Array.from(
        { length: 40 },
        async (_, i) => (await (stores[i % 4] as AuthStore).lists.publish('ca', signer())).number
      )
    )
    t.strictSame(
      numbers.sort((a, b) => a - b),
      Array.from({ length: 40 }, (_, i) => i + 1)
    )
  })

  check('a signer that fails leaves nothing behind', async (t, { lists }) => {
    await t.rejects(
      lists.publish('ca', () => () => {
        throw new Error('no key')
      }),
      { code: 'ERR_SFT_STORE' }
    )
    t.equal(await lists.latest('ca'), undefined)
    t.equal((await lists.publish('ca', signer())).number, 1)
  })

  t.test(`${backend}: several servers bring an empty database up to date at once`, { skip }, async t => {
    const where = await place(t)
    const stores = await Promise.all([1, 2, 3, 4].map(() => openStore(where)))
    await stores[0]?.users.add('alice', 'hash')
    for (const store of stores) {
      t.match(await store.users.get('alice'), { name: 'alice' })
      await store.close()
    }
  })
}

t.test('SQLite: its files are private, also while it is open, and it is in WAL mode', async t => {
  const directory = t.testdir()
  const umask = process.umask(0)
  t.teardown(() => process.umask(umask))
  const store = await openStore(join(directory, 'users.db'))
  t.teardown(() => store.close())
  await store.users.add('alice', 'hash')
  const files = readdirSync(directory)
  t.ok(files.includes('users.db-wal'))
  for (const file of files) t.equal(statSync(join(directory, file)).mode & 0o777, 0o600, file)
})

t.test('SQLite: a database from before there were migrations keeps its users', async t => {
  const path = join(t.testdir(), 'users.db')
  const old = new DatabaseSync(path)
  old.exec(`CREATE TABLE users (name TEXT PRIMARY KEY, password TEXT NOT NULL, disabled INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL) STRICT; PRAGMA user_version = 1; INSERT INTO users VALUES ('alice', 'hash', 1, 5)`)
  old.close()
  await using store = await openStore(path)
  t.strictSame(await store.users.get('alice'), {
    name: 'alice',
    password: 'hash',
    disabled: true,
    created: new Date(5)
  })
})

t.test('what is no store of ours is refused', async t => {
  const directory = t.testdir()
  writeFileSync(join(directory, 'text'), 'not a database, and long enough to be read as one'.repeat(20))
  await t.rejects(openStore(join(directory, 'text')), { code: 'ERR_SFT_STORE' })
  await t.rejects(openStore(join(directory, 'none', 'users.db')), { code: 'ERR_SFT_STORE' })
  await t.rejects(openStore('postgres://nobody@127.0.0.1:1/none'), { code: 'ERR_SFT_STORE', retryable: true })
  await (await openStore(join(directory, 'later.db'))).close()
  const later = new DatabaseSync(join(directory, 'later.db'))
  later.exec("INSERT INTO kysely_migration VALUES ('999_future', '2036-01-01T00:00:00.000Z')")
  later.close()
  await t.rejects(openStore(join(directory, 'later.db')), { code: 'ERR_SFT_STORE', message: /later version/ })
})

t.test('PostgreSQL: a message names no host, no table and no value', { skip: BACKENDS.PostgreSQL.skip }, async t => {
  const where = await BACKENDS.PostgreSQL.place()
  await using store = await openStore(where)
  const client = new pg.Client(where)
  await client.connect()
  await client.query('DROP TABLE certificates')
  await client.end()
  const error = await store.certificates.add(entry('alice')).catch((reason: Error) => reason)
  t.match(error, { code: 'ERR_SFT_STORE', message: 'the store of the auth server cannot be opened, read or written' })
})

t.test(
  'PostgreSQL: a store outlives a crash of its server, with all it had said',
  { skip: BACKENDS.PostgreSQL.skip },
  async t => {
    const faults: Error[] = []
    await using store = await openStore(await BACKENDS.PostgreSQL.place(), {
      onError: error => faults.push(error)
    })
    await store.users.add('alice', 'hash')
    const known = entry('alice')
    await store.certificates.add(known)
    await BACKENDS.PostgreSQL.crash()
    t.match(await store.users.get('alice').catch(() => store.users.get('alice')), { name: 'alice' })
    t.strictSame(await store.certificates.get(known.serial), known)
  }
)
