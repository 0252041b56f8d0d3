import t from 'tap'
import { SftError } from '../../../src/streams/errors.ts'
import { Addresses } from '../../../src/transfer/batch/addresses.ts'

const sent = { send: 'a', to: 'bob:' }
const got = { get: 'a', from: 'bob' }
const fixed = { send: 'a', to: 'bob@host:1' }

t.test('a name is asked for once, for each of what is done there, until it is forgotten', async t => {
  const asked: string[] = []
  let fails = false
  const addresses = new Addresses(async (name, kind) => {
    asked.push(`${kind} ${name}`)
    if (fails) throw new SftError('ERR_SFT_CONNECT', 'away')
    return `${name}@host:${asked.length}`
  })
  for (const job of [sent, got, fixed]) addresses.requireFindable(job)
  t.same(await Promise.all([sent, sent, got, fixed].map(job => addresses.of(job))), [
    'bob@host:1',
    'bob@host:1',
    'bob@host:2',
    'bob@host:1'
  ])
  t.same(asked, ['receive bob', 'serve bob'])
  addresses.forget(sent)
  addresses.forget(fixed)
  t.equal(await addresses.of(got), 'bob@host:2')
  t.equal(await addresses.of(sent), 'bob@host:3', 'it has moved')
  fails = true
  addresses.forget(sent)
  await t.rejects(addresses.of(sent), { code: 'ERR_SFT_CONNECT' })
  fails = false
  addresses.forget(sent)
  t.equal(await addresses.of(sent), 'bob@host:5')
})

t.test('without anybody who knows, an address is needed', async t => {
  const addresses = new Addresses(undefined)
  addresses.requireFindable(fixed)
  t.equal(await addresses.of(fixed), 'bob@host:1')
  for (const job of [sent, got]) t.throws(() => addresses.requireFindable(job), { code: 'ERR_SFT_USAGE', hint: /@/ })
})
