import t from 'tap'
import { Meter, type MeteredStage } from '../../src/transfer/meter.ts'
import type { Outgoing } from '../../src/transfer/outgoing.ts'
import type { StageName, StageStats } from '../../src/transfer/stage-stats.ts'
import { inlinePool } from '../../src/workers/pool.ts'
import { collect, pattern, streamKey } from '../fixtures/bytes.ts'

const signal = new AbortController().signal

/** Keeps everything busy for so many ms, as a system call or a cipher does. */
function spend(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end; );
}

async function* slowly(ms: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < 10; i++) {
    spend(ms)
    yield pattern(10)
  }
}

/** One transfer in which each stage takes so many ms for each of ten pieces. */
async function transfer(ms: Record<MeteredStage, number>): Promise<Meter> {
  const meter = new Meter()
  const pool = meter.pool({
    ...inlinePool(),
    seal: task => {
      spend(ms.cipher)
      return inlinePool().seal(task)
    }
  })
  const outgoing = meter.outgoing({
    metadata: {},
    file: true,
    owned: true,
    source: (_: AbortSignal) => slowly(ms.read)
  })
  const key = streamKey().chunk(0)
  async function* wire(): AsyncGenerator<Uint8Array> {
    for await (const piece of outgoing.source(signal)) {
      await pool.seal({ key, index: 0, data: pattern(10) })
      spend(ms.wire)
      yield piece
    }
  }
  const sink = async (source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) => {
    for await (const _ of source) spend(ms.write)
    return { bytes: 0 }
  }
  await meter.destination({ kind: 'durable', sink: () => sink }).sink({ created: 0 })(wire())
  return meter
}

t.test('a source that ends before it is sealed and sent is not the end', async t => {
  const meter = new Meter()
  const pool = meter.pool({
    ...inlinePool(),
    seal: task => {
      spend(5)
      return inlinePool().seal(task)
    }
  })
  const plain: Outgoing = { metadata: {}, file: true, owned: true, source: () => slowly(0) }
  const outgoing = meter.outgoing(plain)
  await collect(outgoing.source(signal))
  const { milliseconds: read } = meter.stats()
  const key = streamKey().chunk(0)
  for (const index of [0, 1]) await pool.seal({ key, index, data: pattern(10) })
  const sealed = meter.stats()
  t.ok(sealed.milliseconds >= read + 9, `${read} ms, then ${sealed.milliseconds} ms`)
  t.ok(sealed.shares.cipher <= 1, `${sealed.shares.cipher}`)
  spend(5)
  outgoing.onWriting?.()
  outgoing.onWritten?.(10)
  t.ok(meter.stats().milliseconds >= sealed.milliseconds + 4)
})

for (const stage of ['read', 'cipher', 'write', 'wire'] as const) {
  t.test(`says that ${stage} bound it`, async t => {
    const { boundBy, shares } = (await transfer({ read: 1, cipher: 1, write: 1, wire: 1, [stage]: 12 })).stats()
    t.equal(boundBy, stage)
    t.ok(shares[stage] > 0.25 && shares[stage] <= 1, `${shares[stage]}`)
  })
}

/** Who works, and who waits for whom, when one stage takes longer than the others. */
async function stagesOf(ms: Partial<Record<MeteredStage, number>>) {
  const meter = await transfer({ read: 1, cipher: 1, write: 1, wire: 1, ...ms })
  const { stages } = meter.stats()
  const of = (name: StageName): StageStats => stages.find(({ stage }) => stage === name) as StageStats
  return { names: stages.map(({ stage }) => stage), of }
}

t.test('M104: who works, and who waits for whom', async t => {
  const slowSource = await stagesOf({ read: 12 })
  t.same(slowSource.names, ['read', 'seal', 'send', 'receive', 'open', 'write'])
  const { read, write } = { read: slowSource.of('read'), write: slowSource.of('write') }
  t.ok(read.working > 100, JSON.stringify(read))
  t.ok((write.waitingForInput ?? 0) > 100, JSON.stringify(write))
  t.same([read.bytes, write.bytes, read.waitingForInput, write.waitingForOutput], [100, 100, undefined, undefined])
  const slowDestination = await stagesOf({ write: 12 })
  t.ok((slowDestination.of('read').waitingForOutput ?? 0) > 100)
  t.ok((slowDestination.of('open').waitingForOutput ?? 0) > 100)
  t.ok(slowDestination.of('write').working > 100)
  t.ok((await stagesOf({ cipher: 12 })).of('seal').working > 100)
})

t.test('time in which nothing was under way is nobody’s', async t => {
  const meter = await transfer({ read: 2, cipher: 0, write: 0, wire: 0 })
  const { milliseconds } = meter.stats()
  spend(50)
  t.equal(meter.stats().milliseconds, milliseconds)
})

t.test('nothing moved: nothing to divide by', t => {
  t.same(new Meter().stats().shares, { read: 0, cipher: 0, write: 0, wire: 0 })
  t.end()
})

t.test('an early stop and an error end the measuring', async t => {
  const meter = new Meter()
  const source = meter
    .outgoing({ metadata: {}, file: true, owned: true, source: (_: AbortSignal) => slowly(0) })
    .source(signal)
  for await (const _ of source) break
  const failing = meter.destination({ kind: 'delivered', sink: () => () => Promise.reject(new Error('full')) })
  await t.rejects(failing.sink({ created: 0 })([pattern(1)]), { message: 'full' })
  const { milliseconds } = meter.stats()
  spend(20)
  t.equal(meter.stats().milliseconds, milliseconds)
  t.equal((await collect(meter.given([pattern(3)]))).length, 1)
})
