import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Spool, type SpoolOptions } from '../../../src/transfer/batch/spool.ts'
import { DONE, FAILED, jobNamed, queueContract } from '../../fixtures/queue-contract.ts'

queueContract(t, async t => {
  const spool = await Spool.open(join(t.testdir({}), 'spool'))
  t.teardown(() => spool[Symbol.asyncDispose]())
  return spool
})

const { length: keys } = 'abcd'
const jobs = [...'abcd'].map(key => jobNamed(key))
const claims = async (spool: Spool): Promise<string[]> => {
  const found: string[] = []
  for (let job = await spool.claim(); job; job = await spool.claim()) found.push(job.key)
  return found
}
/** A spool in which a is done, b has failed, c was worked at and d has waited when its process ended. */
async function left(directory: string): Promise<string> {
  await using spool = await Spool.open(directory)
  await spool.add(jobs)
  for (let each = 0; each < keys - 1; each++) await spool.claim()
  await spool.done('a', DONE)
  await spool.fail('b', FAILED)
  return spool.id
}

t.test('M82: what was claimed waits again, under the same id', async t => {
  const directory = join(t.testdir({}), 'spool')
  const id = await left(directory)
  for (let each = 0; each < 3; each++) {
    await using spool = await Spool.open(directory)
    t.equal(spool.id, id)
    t.same(await claims(spool), ['c', 'd'])
    t.same(await spool.add(jobs.slice(0, 1)), new Map([['a', DONE]]))
  }
  await using spool = await Spool.open(directory)
  t.same(await spool.add(jobs), new Map([['a', DONE]]))
  t.same(await claims(spool), ['c', 'd', 'b'])
  t.match(statSync(directory).mode & 0o777, 0o700)
})

t.test('with addedOnly what an earlier process has left waits until it is added', async t => {
  const directory = join(t.testdir({}), 'spool')
  await left(directory)
  const options: SpoolOptions = { addedOnly: true }
  await using spool = await Spool.open(directory, options)
  t.same(await claims(spool), [])
  await spool.add([jobNamed('e'), jobNamed('d'), jobNamed('b')])
  t.same(await claims(spool), ['e', 'd', 'b'])
})

t.test('M82: after a crash at any byte of the journal it is what was written whole', async t => {
  const directory = join(t.testdir({}), 'spool')
  const id = await left(directory)
  const path = join(directory, 'journal')
  const journal = readFileSync(path)
  for (let length = journal.byteLength - 1; length > 0; length--) {
    writeFileSync(path, journal.subarray(0, length))
    await using spool = await Spool.open(directory)
    const lines = journal.subarray(0, length).toString().split('\n').length - 1
    t.equal(spool.id === id, lines > 0)
    const waiting = ['', 'a', 'ab', 'abc', 'abcd', 'bcd'][Math.max(0, lines - 1)]
    t.equal((await claims(spool)).join(''), waiting, `${lines} lines`)
  }
})

t.test('what is no journal of a spool is left alone', async t => {
  const directory = join(t.testdir({}), 'spool')
  const id = await left(directory)
  const path = join(directory, 'journal')
  const journal = readFileSync(path, 'utf8')
  const [head = ''] = journal.split('\n')
  const others = [
    '{}',
    '{"type":"sft/2 spool","id":"x"}',
    `{"type":"sft/1 spool"}`,
    ...['{}', 'null', '{"ended":"zz","outcome":{"status":"done"}}', '{"again":"zz"}', '{"add":{"send":"x"}}'].map(
      line => `${head}\n${line}`
    ),
    `${journal}{"ended":"a"}`,
    `${journal}{"ended":"a","outcome":{"status":"lost"}}`
  ]
  for (const text of others) {
    writeFileSync(path, `${text}\n`)
    await t.rejects(Spool.open(directory), { code: 'ERR_SFT_FILE' }, text)
    t.equal(readFileSync(path, 'utf8'), `${text}\n`)
    t.notOk(existsSync(join(directory, 'lock')))
  }
  writeFileSync(path, journal)
  await using spool = await Spool.open(directory)
  t.equal(spool.id, id)
})

t.test('one process has it; that of one that is gone is taken over', async t => {
  const directory = join(t.testdir({}), 'spool')
  {
    await using spool = await Spool.open(directory)
    t.ok(spool.id)
    await t.rejects(Spool.open(directory), { code: 'ERR_SFT_BUSY' })
  }
  writeFileSync(join(directory, 'lock'), String(2 ** 22 + 1))
  await using _ = await Spool.open(directory)
  await t.rejects(Spool.open(join(directory, 'journal/x')), { code: 'ERR_SFT_FILE' })
})

t.test('a journal that has grown is written anew, whole at any moment', async t => {
  const directory = join(t.testdir({}), 'spool')
  const id = await left(directory)
  const path = join(directory, 'journal')
  const again = `${JSON.stringify({ again: 'b' })}\n${JSON.stringify({ ended: 'b', outcome: FAILED })}\n`
  appendFileSync(path, again.repeat(200))
  const grown = statSync(path).size
  writeFileSync(join(directory, 'journal.next'), 'a crash left this')
  {
    await using spool = await Spool.open(directory)
    t.equal(spool.id, id)
    t.same(await claims(spool), ['c', 'd'])
    await spool.done('c', DONE)
  }
  t.ok(statSync(path).size < grown / 10)
  await using spool = await Spool.open(directory)
  t.same(await claims(spool), ['d'])
  t.same([...(await spool.add(jobs)).keys()], ['a', 'c'])
})
