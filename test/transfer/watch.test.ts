import t from 'tap'
import type { TransferEvent } from '../../src/transfer/events.ts'
import type { Outgoing } from '../../src/transfer/outgoing.ts'
import { Watch } from '../../src/transfer/watch.ts'
import { collect, pattern } from '../fixtures/bytes.ts'

const signal = new AbortController().signal

function watching(): { events: TransferEvent[]; watch: Watch } {
  const events: TransferEvent[] = []
  const watch = new Watch(event => void events.push({ time: '', ...event } as TransferEvent), { direction: 'sent' })
  return { events, watch }
}

const outgoing: Outgoing = {
  metadata: { size: 100 },
  file: true,
  owned: false,
  source: (_, start = 0) => [pattern(100).subarray(start)]
}

t.test('M100: another attempt from the beginning lets the bytes stand until it has passed them', async t => {
  const { events, watch } = watching()
  const first = watch.outgoing(outgoing)
  await collect(first.source(signal))
  first.onWritten?.(60)
  const again = watch.outgoing(outgoing)
  await collect(again.source(signal, 20))
  again.onWritten?.(80)
  watch.end({ bytes: 100, resumedAt: 20 })
  t.equal(events.filter(({ type }) => type === 'start').length, 1, 'it begins once')
  t.match(
    events.filter(({ type }) => type === 'resumed'),
    [{ at: 20 }]
  )
  const moved = events.flatMap(event => (event.type === 'progress' ? [event.bytes] : []))
  t.same(moved, [0, 60, 100])
  t.match(events.at(-1), { type: 'end', bytes: 100, resumedAt: 20 })
})

t.test('many small steps are few words, and the last of them is told without another one', async t => {
  const { events, watch } = watching()
  const { onWritten, source } = watch.outgoing(outgoing)
  await collect(source(signal))
  for (let step = 0; step < 50; step++) onWritten?.(1)
  t.equal(events.filter(({ type }) => type === 'progress').length, 1)
  // the timer keeps no process alive
  const alive = setInterval(() => {}, 10)
  while (events.filter(({ type }) => type === 'progress').length < 2)
    await new Promise(resolve => setTimeout(resolve, 10))
  clearInterval(alive)
  t.match(events.at(-1), { type: 'progress', bytes: 50, queued: 100, size: 100 })
  watch.fail(new Error('x'))
  t.match(events.at(-1), { type: 'error' })
})
