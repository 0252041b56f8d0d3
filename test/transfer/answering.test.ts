import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { Engine } from '../../src/transfer/engine.ts'
import { parsePolicy } from '../../src/transfer/policy.ts'
import { pattern } from '../fixtures/bytes.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

const organisation = await makeOrganisation()
const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map(name => organisation.issue(name)))
const engineOf = (identity = alice) => new Engine({ identity: identity as NonNullable<typeof alice>, threads: 0 })
const host = '127.0.0.1'

t.test('requests, offers and messages, on one port and in one session', async t => {
  const directory = t.testdir({ served: { file: 'contents' }, inbox: {}, got: {} })
  await using near = engineOf(alice)
  await using far = engineOf(bob)
  const heard: string[] = []
  await using listener = await far.answer({
    host,
    port: 0,
    serve: join(directory, 'served'),
    inbox: join(directory, 'inbox'),
    from: ['alice'],
    messagesFrom: 'members',
    onMessage: (text, { name }) => void heard.push(`${name}: ${text}`)
  })
  const address = `bob@${host}:${listener.port}`
  {
    await using session = await near.connect(address)
    const sink = { kind: 'delivered' as const, sink: () => async () => ({ bytes: 0 }) }
    await t.rejects(session.get('none', sink), { code: 'ERR_SFT_NOT_FOUND' })
    const source = { metadata: { size: 5 }, file: true, owned: false, source: () => [pattern(5)] }
    t.match(await session.put({ name: 'pushed', size: 5 }, source), { kind: 'durable' })
  }
  await near.get(address, 'file', join(directory, 'got'))
  t.equal(await readFile(join(directory, 'got/received_file'), 'utf8'), 'contents')
  t.strictSame(await readdir(join(directory, 'inbox')), ['pushed'])
  await near.message('hello', address)
  await using third = engineOf(carol)
  await third.message('hello too', address)
  t.strictSame(heard, ['alice: hello', 'carol: hello too'])
  await t.rejects(third.send(pattern(1), address, { name: 'x' }), { code: 'ERR_SFT_PUSH_REFUSED' })
})

t.test('what was not asked for is not there', async t => {
  const directory = t.testdir({ inbox: {}, served: { file: 'contents' } })
  await using near = engineOf(alice)
  await using far = engineOf(bob)
  const address = async (options: Parameters<Engine['answer']>[0]): Promise<string> => {
    const listener = await far.answer(options)
    t.teardown(() => listener.close())
    return `bob@${host}:${listener.port}`
  }
  const nothing = await address({ host, port: 0 })
  await t.rejects(near.get(nothing, 'file', join(directory, 'got')), { code: 'ERR_SFT_NOT_FOUND' })
  await t.rejects(near.send(pattern(1), nothing, { name: 'x' }), { code: 'ERR_SFT_PUSH_REFUSED' })
  await t.rejects(near.message('hello', nothing), { code: 'ERR_SFT_PUSH_REFUSED' })
  const nobody = await address({ host, port: 0, inbox: join(directory, 'inbox'), onMessage: () => {} })
  await t.rejects(near.send(pattern(1), nobody, { name: 'x' }), { code: 'ERR_SFT_PUSH_REFUSED' })
  await t.rejects(near.message('hello', nobody), { code: 'ERR_SFT_PUSH_REFUSED' }, 'as from, which is nobody')
  const policy = parsePolicy(JSON.stringify({ rules: [{ who: ['alice'], may: 'message' }] }))
  const guarded = await address({
    host,
    port: 0,
    policy,
    serve: join(directory, 'served'),
    messagesFrom: 'members',
    onMessage: () => {}
  })
  await t.rejects(near.get(guarded, 'file', join(directory, 'got')), { code: 'ERR_SFT_NOT_FOUND' })
  t.match(await near.message('hello', guarded), { kind: 'delivered' })
  t.strictSame(await readdir(join(directory, 'inbox')), [])
})

t.test('a directory that is not there, and an address that can not be had', async t => {
  await using far = engineOf(bob)
  const directory = t.testdir({})
  await t.rejects(far.answer({ host, port: 0, serve: join(directory, 'none') }), { code: 'ERR_SFT_NOT_FOUND' })
  await using first = await far.answer({ host, port: 0 })
  await t.rejects(far.answer({ host, port: first.port, serve: directory }), { code: 'ERR_SFT_CONNECT' })
})
