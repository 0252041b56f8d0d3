import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { initAuthority } from '../../src/auth/authority/authority.ts'
import { serialOf } from '../../src/auth/authority/store/entry.ts'
import { openStore } from '../../src/auth/authority/store/open-store.ts'
import { decodeCertificate } from '../../src/auth/certificates/pem.ts'
import { requestAuth } from '../../src/auth/client/auth-client.ts'
import { login } from '../../src/auth/client/login.ts'
import { passwordHasher } from '../../src/auth/server/password.ts'
import { type Finished, Shell } from '../fixtures/command.ts'
import { openssl } from '../fixtures/openssl.ts'
import { databases } from '../fixtures/postgres.ts'
import { testKey } from '../fixtures/rsa-keys.ts'

/** `sft auth user` and `sft auth cert`, beside a server that runs, over SQLite and over PostgreSQL. */

const PASSWORD = 'canary password'
const NEW_PASSWORD = 'another canary'
const key = await testKey()
const STORES = await databases(t)

interface Place {
  readonly shell: Shell
  readonly ca: string
  /** `sft auth …` with the directory of the authority. */
  auth(...args: string[]): Promise<Finished>
  lines(result: Finished): Record<string, unknown>[]
}

const hash = await passwordHasher().hash(Buffer.from(PASSWORD))

function placeFor(t: Test): Place {
  const directory = t.testdir({ admin: {}, password: `${PASSWORD}\n`, new: `${NEW_PASSWORD}\n` })
  const shell = new Shell(t, join(directory, 'admin'))
  const ca = join(shell.directory, 'ca')
  const auth = (...args: string[]) => shell.run(['auth', ...args, '--dir', ca])
  const lines = ({ stdout }: Finished) =>
    stdout
      .toString()
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as Record<string, unknown>)
  return { shell, ca, auth, lines }
}

/** An authority with alice and bob, made by the commands. */
async function commanded(t: Test, url: string | undefined): Promise<Place> {
  const place = placeFor(t)
  const store = url === undefined ? [] : ['--store', url]
  const init = ['auth', 'init', place.ca, '--org', 'example.org', '--no-passphrase', ...store]
  t.match(await place.shell.run(init), { code: 0 })
  for (const name of ['alice', 'bob'])
    t.match(await place.auth('user', 'add', name, '--password-file', join(t.testdirName, 'password')), { code: 0 })
  return place
}

/** The same, made by the library, for tests of something else. */
async function given(t: Test, url: string | undefined): Promise<Place> {
  const place = placeFor(t)
  await initAuthority(place.ca, { org: 'example.org', bits: 2048, store: url })
  await using store = await openStore(url ?? join(place.ca, 'users.db'))
  for (const name of ['alice', 'bob']) await store.users.add(name, hash)
  return place
}

const serving = async ({ shell, ca }: Place) => {
  const server = await shell.listen(['auth', 'serve', '--dir', ca, '--listen', '127.0.0.1:0'], { timeout: 170_000 })
  const root = decodeCertificate(await readFile(join(ca, 'root.crt'), 'utf8'))
  const get = (path: string) => requestAuth({ url: new URL(server.address), root }, { method: 'GET', path })
  const enter = (name: string, password = PASSWORD) =>
    login({ url: server.address, name, password: Buffer.from(password), trust: { root }, key })
  return { server, root, get, enter }
}

for (const [database, { skip, place: newStore }] of Object.entries(STORES)) {
  const url = async (t: Test): Promise<string | undefined> => (database === 'SQLite' ? undefined : newStore(t))

  t.test(`${database}: a day of an administrator`, { skip }, async t => {
    const place = await commanded(t, await url(t))
    const { auth, lines } = place
    const { get, enter } = await serving(place)
    t.match(lines(await auth('user', 'list', '--json')), [
      { name: 'alice', disabled: false },
      { name: 'bob', disabled: false }
    ])
    const { chain } = await enter('alice')
    const [issued] = lines(await auth('cert', 'list', '--json'))
    const leaf = new X509Certificate(chain[0] as Uint8Array)
    const serial = serialOf(leaf.raw)
    t.match(issued, { serial, name: 'alice', revoked: null })
    const shown = (await auth('cert', 'show', serial.toUpperCase())).stdout.toString()
    t.ok(shown.includes(leaf.toString()), 'its PEM')

    t.match(await auth('user', 'disable', 'alice'), { code: 0, bytes: 0 })
    await t.rejects(enter('alice'), { code: 'ERR_SFT_LOGIN_REFUSED' })
    t.match(lines(await auth('cert', 'list', '--json')), [{ serial, revoked: { reason: 'certificateHold' } }])
    t.match(await auth('user', 'enable', 'alice'), { code: 0 })

    const revoked = { done: 'cert.revoke', serial, reason: 'keyCompromise' }
    t.match(lines(await auth('cert', 'revoke', serial, '--reason', 'keyCompromise', '--json')), [revoked])
    // one more list may be under way, of the hold that ended
    let listed = ''
    for (let number = 0, look = 0; look < 5 && !listed.includes(serial); look++) {
      const answer = await get(`/v2/crl?after=${number}&wait=10`)
      listed = revocationsOf(t, answer.body).toLowerCase()
      number = Number(JSON.parse(answer.headers.etag ?? '""'))
    }
    t.match(listed, new RegExp(`serial number: ${serial}`), 'M46: the server that runs sees it')
    t.match(await auth('user', 'passwd', 'alice', '--password-file', join(t.testdirName, 'new')), { code: 0 })
    await t.rejects(enter('alice'), { code: 'ERR_SFT_LOGIN_REFUSED' })
    await enter('alice', NEW_PASSWORD)

    t.match(lines(await auth('user', 'remove', 'alice', '--json')), [{ done: 'user.remove', name: 'alice' }])
    await t.rejects(enter('alice', NEW_PASSWORD), { code: 'ERR_SFT_LOGIN_REFUSED' })
    t.match(lines(await auth('cert', 'list', '--user', 'alice', '--json')), [
      { revoked: { reason: 'cessationOfOperation' } },
      { serial, revoked: { reason: 'keyCompromise' } }
    ])
    await audited(t, place)
    t.match((await auth('user', 'list')).stdout.toString(), /^bob {2}since \S+Z\n$/)
  })

  t.test(`${database}: a kill -9 of the server loses no certificate that somebody has`, { skip }, async t => {
    const place = await given(t, await url(t))
    const held: string[] = []
    const { server, enter } = await serving(place)
    const logins = Array.from({ length: 4 }, async (_, i) => {
      for (let turn = 0; turn < 4; turn++) {
        const { chain } = await enter(i % 2 === 0 ? 'alice' : 'bob')
        held.push(serialOf(chain[0] as Uint8Array))
        if (held.length >= 3) server.kill('SIGKILL')
      }
    })
    await Promise.allSettled(logins)
    await server.ended
    t.ok(held.length >= 3, `${held.length} certificates`)
    const { store: kept } = JSON.parse(await readFile(join(place.ca, 'authority.json'), 'utf8')) as { store?: string }
    await using store = await openStore(kept ?? join(place.ca, 'users.db'))
    for (const serial of held) t.ok(await store.certificates.get(serial), serial)
  })
}

t.test('what is asked wrongly', async t => {
  const { auth, shell, ca } = await given(t, undefined)
  const cases: [string[], number][] = [
    [['user', 'disable', 'carol'], 3],
    [['user', 'enable', 'carol'], 3],
    [['user', 'remove', 'carol'], 3],
    [['user', 'passwd', 'carol'], 3],
    [['user', 'passwd', 'alice'], 2],
    [['cert', 'show', '00'], 3],
    [['cert', 'revoke', '00'], 3],
    [['cert', 'revoke', '00', '--reason', 'certificateHold'], 2]
  ]
  for (const [args, code] of cases) t.match(await auth(...args), { code, bytes: 0 }, args.join(' '))
  t.match(await shell.run(['auth', 'user', 'list', '--dir', join(ca, 'none')]), { code: 3 })
  const init = (store: string) => shell.run(['auth', 'init', 'other', '--no-passphrase', '--store', store])
  t.match(await init('mysql://db/sft'), { code: 2, stderr: /postgres:\/\// })
  writeFileSync(join(ca, 'users.db'), 'no database '.repeat(100))
  t.match(await auth('user', 'list'), { code: 11, stderr: /ERR_SFT_STORE/ })
})

/** What the audit says of that day, and that it is whole; and that it goes on. */
async function audited(t: Test, { auth, lines, shell, ca }: Place): Promise<void> {
  const result = await auth('audit')
  const events = lines(result).map(({ type, result, by }) => [type, result, String(by).split(' ')[0]].join(' '))
  for (const event of [
    'user.add  admin',
    'login issued server',
    'issue  server',
    'user.disable  admin',
    'login refused server',
    'revoke  admin',
    'crl  server',
    'user.remove  admin'
  ])
    t.ok(events.includes(event), event)
  t.notMatch(result.stdout.toString(), /canary|argon2/)
  t.match((await auth('audit', '--verify')).stdout.toString(), /^\d+ lines from 1, intact; head [0-9a-f]{64}\n$/)
  t.match(await auth('audit', '--verify', '--follow'), { code: 2 })
  const old = join(t.testdirName, 'old')
  const [archived] = lines(await auth('audit', '--archive', old, '--keep', '3', '--json'))
  t.match(archived, { done: 'audit.archive', file: old, lines: Number })
  t.match((await shell.run(['audit', old])).stdout.toString(), /lines from 1, intact/)
  t.match(lines(await auth('audit', '--verify', '--json')), [{ first: Number, lines: Number, head: /^[0-9a-f]{64}$/ }])
  const following = shell.begin(['auth', 'audit', '--follow', '--dir', ca])
  await following.until(({ stdout }) => stdout.toString().includes('user.remove'))
  await auth('user', 'disable', 'bob')
  await following.until(({ stdout }) => /user\.disable[^\n]*bob/.test(stdout.toString()))
  following.kill('SIGTERM')
  t.equal((await following.ended).code, 143)
  await auth('user', 'enable', 'bob')
}

/** What openssl reads in a list. */
function revocationsOf(t: Test, der: Buffer): string {
  const file = join(t.testdirName, 'list.der')
  writeFileSync(file, der)
  return openssl(['crl', '-inform', 'DER', '-in', file, '-noout', '-text']).text
}
