import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { openAuditLog } from '../../src/transfer/audit-log.ts'
import { Engine } from '../../src/transfer/engine.ts'
import type { DeniedEvent, TransferEvent } from '../../src/transfer/events.ts'
import type { Listener } from '../../src/transfer/listen.ts'
import { acceptMessages, MAX_MESSAGE, MESSAGE, messageOf, type OnMessage } from '../../src/transfer/message.ts'
import { parsePolicy } from '../../src/transfer/policy.ts'
import { inlinePool } from '../../src/workers/pool.ts'
import { sha256 } from '../fixtures/bytes.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

const organisation = await makeOrganisation()
const [alice, bob, carol] = await Promise.all([
  organisation.issue('alice'),
  organisation.issue('bob'),
  organisation.issue('carol')
])
const pool = inlinePool()
const host = '127.0.0.1'
const near = new Engine({ identity: alice, pool, chunkSize: 16 * 1024 })
const far = new Engine({ identity: bob, pool })
const inbox = { host, port: 0, from: ['alice'] }
const to = ({ port }: Listener): string => `bob@${host}:${port}`

/** Keeps what comes, as `sender: text`. */
function keeping(): { kept: string[]; onMessage: OnMessage } {
  const kept: string[] = []
  return { kept, onMessage: (text, peer) => void kept.push(`${peer.name}: ${text}`) }
}

t.test('M79: a message of any size up to 64 KiB comes whole, beside files, with the verified name', async t => {
  const { kept, onMessage } = keeping()
  const directory = t.testdir({})
  const events: TransferEvent[] = []
  const options = { ...inbox, onMessage, onEvent: (event: TransferEvent) => void events.push(event) }
  await using listener = await far.receiveInto(directory, options)
  const texts = ['x', 'grüße\nbob: ☂\u0000\ufeff', 'ä'.repeat(MAX_MESSAGE / 2)]
  for (const text of texts)
    t.match(await near.message(text, to(listener)), { bytes: Buffer.byteLength(text), kind: 'delivered' })
  await near.message(Buffer.from('\ufeffbytes'), to(listener), { streams: 2 })
  await near.send(Buffer.from('file'), to(listener), { name: 'message' })
  t.strictSame(
    kept,
    [...texts, '\ufeffbytes'].map(text => `alice: ${text}`)
  )
  t.equal(await readFile(join(directory, 'message'), 'utf8'), 'file', 'a file of that name is a file')
  t.match(
    events.filter(event => event.type === 'end').map(({ content }) => content),
    ['message', 'message', 'message', 'message', undefined]
  )
})

t.test('M79: what is no message is refused before anything is dialled', async t => {
  const impossible = ['', 'x'.repeat(MAX_MESSAGE + 1), '\ud800', Buffer.from([0xc3]), Buffer.from([0xed, 0xa0, 0x80])]
  for (const text of impossible) {
    t.throws(() => messageOf(text), { code: 'ERR_SFT_USAGE' })
    await t.rejects(near.message(text, 'bob@127.0.0.1:1'), { code: 'ERR_SFT_USAGE' })
  }
  await t.rejects(near.message('x', 'bob'), { code: 'ERR_SFT_USAGE' })
  t.match(messageOf('ä').offer, { size: 2, content: MESSAGE })
})

t.test('M79: a peer that sends something else passes nothing on', async t => {
  const { kept, onMessage } = keeping()
  const faults: unknown[] = []
  const onEvent = (event: TransferEvent): void => {
    if (event.type === 'error') faults.push(event.error)
  }
  await using listener = await far.receiveInto(t.testdir({}), { ...inbox, onMessage, onEvent })
  const put = async (offer: object, bytes: Uint8Array): Promise<unknown> => {
    await using session = await near.connect(to(listener))
    const outgoing = { metadata: {}, file: true, owned: false, source: () => [bytes] }
    return await session.put({ name: 'message', ...offer }, outgoing)
  }
  const refused = { code: 'ERR_SFT_PUSH_REFUSED' }
  await t.rejects(put({ content: MESSAGE }, Buffer.from('x')), refused, 'no size')
  await t.rejects(put({ content: MESSAGE, size: 0 }, Buffer.alloc(0)), refused, 'empty')
  const large = { code: 'ERR_SFT_PUSH_REFUSED', message: /too large/ }
  await t.rejects(put({ content: MESSAGE, size: MAX_MESSAGE + 1 }, Buffer.from('x')), large)
  await t.rejects(put({ content: 99, size: 1 }, Buffer.from('x')), refused, 'a content that nobody knows')
  t.strictSame(faults, [], 'a refusal is no fault')
  await t.rejects(put({ content: MESSAGE, size: 1 }, Buffer.from('xy')), { name: 'SftError' })
  await t.rejects(put({ content: MESSAGE, size: 3 }, Buffer.from('xy')), { name: 'SftError' })
  await t.rejects(put({ content: MESSAGE, size: 1 }, Buffer.from([0xff])), { name: 'SftError' })
  // the peer knows before the listener says so
  while (faults.length < 3) await new Promise(resolve => setTimeout(resolve, 5))
  t.match(faults, [{ code: 'ERR_SFT_LIMIT' }, { code: 'ERR_SFT_PROTOCOL' }, { code: 'ERR_SFT_ENCODING' }])
  t.strictSame(kept, [])
  await near.message('goes on', to(listener))
  t.strictSame(kept, ['alice: goes on'])
})

t.test('who wants none, or not from everybody, refuses', async t => {
  const refused = { code: 'ERR_SFT_PUSH_REFUSED', message: 'the peer refused: refused by policy' }
  await using without = await far.receiveInto(t.testdir({}), inbox)
  await t.rejects(near.message('x', to(without)), refused)
  const { kept, onMessage } = keeping()
  await using listener = await far.receiveInto(t.testdir({}), { ...inbox, onMessage })
  await using other = new Engine({ identity: carol, pool })
  await t.rejects(other.message('x', to(listener)), refused)
  t.strictSame(kept, [])
})

t.test('M80: delivered only once it was taken, which has its time', async t => {
  const gate = Promise.withResolvers<void>()
  let ended = false
  await using listener = await far.receiveInto(t.testdir({}), { ...inbox, onMessage: () => gate.promise })
  const sending = near.message('x', to(listener)).finally(() => {
    ended = true
  })
  await new Promise(resolve => setTimeout(resolve, 100))
  t.notOk(ended)
  gate.resolve()
  t.match(await sending, { kind: 'delivered' })
  const failing: OnMessage = () => {
    throw new Error('no')
  }
  await using broken = await far.receiveInto(t.testdir({}), { ...inbox, onMessage: failing })
  await t.rejects(near.message('x', to(broken)), { name: 'SftError' })
  const accept = acceptMessages({ from: 'members', timeout: 10, onMessage: () => new Promise(() => {}) })
  const peer = { ...bob, name: 'alice' } as never
  const { sink } = await accept({ name: 'message', size: 1 }, peer)
  await t.rejects(sink({ created: 0 })([Buffer.from('x')]), { code: 'ERR_SFT_TIMEOUT' })
})

t.test('M79: a sender has 60 a minute, another one his own', async t => {
  const accept = acceptMessages({ from: 'members', onMessage: () => {} })
  const offer = { name: 'message', size: 1 }
  const from = (name: string) => accept(offer, { name } as never)
  for (let count = 0; count < 60; count++) t.match(await from('alice'), { kind: 'delivered' })
  await t.rejects(from('alice'), { code: 'ERR_SFT_BUSY' })
  t.match(await from('carol'), { kind: 'delivered' })
})

t.test('M59, M60: a policy for files allows no message; one that does is bounded; the audit has them', async t => {
  const directory = t.testdir({ inbox: {} })
  const { kept, onMessage } = keeping()
  const denied: DeniedEvent[] = []
  const onEvent = (event: TransferEvent): void => {
    if (event.type === 'denied') denied.push(event)
  }
  const log = join(directory, 'audit')
  {
    await using audit = await openAuditLog(log)
    const under = (rule: object) => {
      const policy = parsePolicy(JSON.stringify({ rules: [{ who: ['*'], ...rule }] }))
      return far.receiveInto(directory, { ...inbox, from: 'members', onMessage, onEvent, policy, audit })
    }
    await using files = await under({ may: ['get', 'send'] })
    await t.rejects(near.message('x', to(files)), { code: 'ERR_SFT_PUSH_REFUSED' })
    await using both = await under({ may: ['send', 'message'], where: ['*.txt'], maxSize: 4 })
    t.match(await near.message('four', to(both)), { kind: 'delivered' }, 'a message has no path')
    await t.rejects(near.message('longer', to(both)), { code: 'ERR_SFT_PUSH_REFUSED' })
    await using only = await under({ may: 'message' })
    await t.rejects(near.send(Buffer.from('x'), to(only), { name: 'x' }), { code: 'ERR_SFT_PUSH_REFUSED' })
  }
  t.strictSame(kept, ['alice: four'])
  t.match(denied, [
    { peer: 'alice', action: 'message', size: 1 },
    { action: 'message', size: 6 },
    { action: 'send', path: 'x' }
  ])
  const lines = (await readFile(log, 'utf8'))
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  const message = lines.filter(({ type }) => type === 'message')
  t.match(message, [{ result: 'delivered', peer: 'alice', direction: 'received', bytes: 4 }])
  t.equal(message[0].sha256, sha256(Buffer.from('four')))
  t.notOk('path' in message[0])
})

t.test('beside one transfer, messages end nothing and take its place from nobody', async t => {
  const { kept, onMessage } = keeping()
  const listening = Promise.withResolvers<Listener>()
  const pieces: Uint8Array[] = []
  const receiving = far.receiveOne({
    ...inbox,
    onMessage,
    onListening: listening.resolve,
    destination: {
      kind: 'delivered',
      sink: () => async source => {
        for await (const piece of source) pieces.push(Uint8Array.from(piece))
        return { bytes: 4 }
      }
    }
  })
  const address = to(await listening.promise)
  await near.message('one', address)
  await near.message('two', address)
  await near.send(Buffer.from('file'), address)
  t.match(await receiving, { bytes: 4, peer: 'alice' })
  t.strictSame([...kept, Buffer.concat(pieces).toString()], ['alice: one', 'alice: two', 'file'])
})
