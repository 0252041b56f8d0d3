import { argon2Sync } from 'node:crypto'
import t from 'tap'
import { type Argon2, MINIMUM_COST, passwordHasher } from '../../../src/auth/server/password.ts'

const password = Buffer.from('correct horse')
const cost = MINIMUM_COST
const hasher = passwordHasher({ cost })
const stored = await hasher.hash(password)
/** An argon2 that ends when it is told to. */
function heldArgon2(): { argon2: Argon2; release: (count: number) => void; running: () => number } {
  const ends: (() => void)[] = []
  const argon2: Argon2 = () => new Promise(resolve => ends.push(() => resolve(Buffer.alloc(32))))
  const release = (count: number): void => {
    for (const end of ends.splice(0, count)) end()
  }
  return { argon2, release, running: () => ends.length }
}

t.test('a stored hash is a PHC string of argon2id', async t => {
  t.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  const [salt = '', tag] = stored.split('$').slice(4)
  const nonce = Buffer.from(salt, 'base64')
  const expected = argon2Sync('argon2id', { message: password, nonce, tagLength: 32, ...cost })
  t.equal(expected.toString('base64').replaceAll('=', ''), tag)
  t.not(await hasher.hash(password), stored, 'the salt is fresh')
})

t.test('the default cost is 64 MiB, three passes', async t => {
  const costs: unknown[] = []
  const argon2: Argon2 = async (_, parameters) => {
    costs.push(parameters)
    return Buffer.alloc(32)
  }
  const phc = await passwordHasher({ argon2 }).hash(password)
  t.match(phc, /^\$argon2id\$v=19\$m=65536,t=3,p=1\$/)
  t.match(costs, [{ memory: 65536, passes: 3, parallelism: 1, tagLength: 32 }])
})

t.test('tells a right password from a wrong one', async t => {
  t.equal(await hasher.verify(password, stored), 'match')
  for (const wrong of ['', 'correct hors', 'Correct horse', 'correct horse\0'])
    t.equal(await hasher.verify(Buffer.from(wrong), stored), 'mismatch', JSON.stringify(wrong))
})

t.test('an unknown user costs the same computation and never matches', async t => {
  const calls: { memory: number; passes: number; parallelism: number }[] = []
  const argon2: Argon2 = async (_, { memory, passes, parallelism }) => {
    calls.push({ memory, passes, parallelism })
    return Buffer.alloc(32)
  }
  const counted = passwordHasher({ cost, argon2 })
  const zeros = await counted.hash(password)
  calls.length = 0
  t.equal(await counted.verify(password, undefined), 'mismatch')
  t.equal(await counted.verify(password, zeros), 'match')
  t.strictSame(calls, [{ ...cost }, { ...cost }])
})

t.test('a hash of a lower cost matches and asks for a new one', async t => {
  const dearer = passwordHasher({ cost: { ...cost, passes: 3 } })
  t.equal(await dearer.verify(password, stored), 'match with an old cost')
  t.equal(await dearer.verify(Buffer.from('x'), stored), 'mismatch')
  t.equal(await hasher.verify(password, await dearer.hash(password)), 'match', 'a higher cost is kept')
})

t.test('refuses a cost below the minimum, and passwords that cannot be', async t => {
  for (const low of [{ memory: 19455 }, { passes: 1 }, { parallelism: 0 }])
    t.throws(() => passwordHasher({ cost: { ...cost, ...low } }), { code: 'ERR_SFT_USAGE' })
  for (const size of [0, 1025]) await t.rejects(hasher.hash(Buffer.alloc(size, 'x')), { code: 'ERR_SFT_USAGE' })
  const long = Buffer.alloc(1024, 'x')
  t.equal(await hasher.verify(long, await hasher.hash(long)), 'match')
})

t.test('a malformed stored hash is a fault of the store', async t => {
  const [salt, tag] = stored.split('$').slice(4)
  const bad = [
    '',
    'x',
    stored.slice(0, -1),
    `${stored}x`,
    stored.replace('argon2id', 'argon2i'),
    stored.replace('v=19', 'v=16'),
    `$argon2id$v=19$m=9999999,t=2,p=1$${salt}$${tag}`,
    `$argon2id$v=19$m=8,t=2,p=1$${salt}$${tag}`,
    `$argon2id$v=19$m=19456,t=99,p=1$${salt}$${tag}`
  ]
  for (const text of bad) await t.rejects(hasher.verify(password, text), { code: 'ERR_SFT_FILE' }, text)
})

t.test('two run, as many wait as may, the next one is told', async t => {
  const { argon2, release, running } = heldArgon2()
  const bounded = passwordHasher({ cost, argon2, concurrency: 2, queue: 3 })
  const accepted = Array.from({ length: 5 }, () => bounded.verify(password, undefined))
  t.equal(running(), 2)
  t.equal(await bounded.verify(password, undefined), 'busy')
  await t.rejects(bounded.hash(password), { code: 'ERR_SFT_LIMIT' })
  release(1)
  await accepted[0]
  t.equal(running(), 2, 'the next one runs')
  const sixth = bounded.verify(password, undefined)
  t.equal(await bounded.verify(password, undefined), 'busy')
  for (let round = 0; round < 3; round++) {
    t.equal(running(), Math.min(2, 5 - 2 * round))
    release(2)
    await new Promise(setImmediate)
  }
  t.strictSame(await Promise.all([...accepted, sixth]), Array(6).fill('mismatch'))
})

t.test('a computation that fails gives its place back', async t => {
  let fail = true
  const argon2: Argon2 = async () => {
    if (fail) throw new Error('no memory')
    return Buffer.alloc(32)
  }
  const bounded = passwordHasher({ cost, argon2, concurrency: 1, queue: 0 })
  await t.rejects(bounded.verify(password, undefined), { message: 'no memory' })
  fail = false
  t.equal(await bounded.verify(password, undefined), 'mismatch')
})
