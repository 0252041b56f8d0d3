import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { FlippingRelay, flipIn } from '../../../src/proof/run/flipping-relay.ts'
import { cut, pattern } from '../../fixtures/bytes.ts'
import { frame } from '../../vectors/encoder.ts'

const frames = [
  frame('HELO', pattern(300)),
  frame('PING', Buffer.alloc(0)),
  frame('RSFL', pattern(70_001)),
  frame('RSFL', pattern(500)),
  frame('FINL', pattern(40))
]
const stream = Buffer.concat(frames)
const begins = (index: number): number => Buffer.concat(frames.slice(0, index)).byteLength
const differences = (out: Buffer): number[] => [...stream.keys()].filter(at => out[at] !== stream[at])

t.test('one bit in the middle of the first frame of a type, however the bytes come', async t => {
  for (const [label, index, head, body] of [
    ['HELO', 0, 6, 300],
    ['RSFL', 2, 7, 70_001],
    ['FINL', 4, 5, 40]
  ] as const)
    for (const step of [1, 7, 65_536]) {
      const out = await buffer(Readable.from(cut(stream, step)).pipe(flipIn(label)))
      t.equal(out.byteLength, stream.byteLength)
      t.same(differences(out), [begins(index) + head + Math.floor(body / 2)], `${label} in pieces of ${step}`)
      t.equal((out[differences(out)[0] as number] as number) ^ (stream[differences(out)[0] as number] as number), 1)
    }
})

t.test('what it does not find, and a frame without a body, pass as they are', async t => {
  for (const label of ['OFFR', 'PING'])
    t.same(await buffer(Readable.from(cut(stream, 100)).pipe(flipIn(label))), stream)
})

for (const direction of ['up', 'down'] as const)
  t.test(`between two sockets: ${direction}`, async t => {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.close())
    await using relay = await FlippingRelay.to((server.address() as { port: number }).port, {
      direction,
      label: 'FINL'
    })
    const dialler = connect({ port: relay.port, host: '127.0.0.1', allowHalfOpen: true })
    const [listener] = (await once(server, 'connection')) as [Socket]
    dialler.end(stream)
    listener.end(stream)
    const [up, down] = await Promise.all([buffer(listener), buffer(dialler)])
    const [altered, same] = direction === 'up' ? [up, down] : [down, up]
    t.same(differences(altered), [begins(4) + 5 + 20])
    t.same(same, stream, 'the other direction is left alone')
  })
