import t from 'tap'
import { Lanes } from '../../../src/auth/session/lanes.ts'
import type { SealedChunk } from '../../../src/streams/types.ts'

const chunk = (index: number): SealedChunk => ({ type: 'RSFL', body: [Uint8Array.of(index)] }) as unknown as SealedChunk
const final = { type: 'FINL', body: [] } as unknown as SealedChunk

/** A lane that is free again when it is told. */
function lane() {
  const written: (number | undefined)[] = []
  let settle = Promise.withResolvers<void>()
  return {
    written,
    free: () => settle.resolve(),
    fail: (error: unknown) => settle.reject(error),
    write: (frame: SealedChunk) => {
      written.push(frame.body[0]?.[0])
      settle = Promise.withResolvers()
      return settle.promise
    }
  }
}

const turn = (): Promise<unknown> => new Promise(setImmediate)

t.test('frames leave in order, each by the lane that is free first', async t => {
  const [a, b] = [lane(), lane()]
  const lanes = new Lanes([a.write, b.write])
  await lanes.write(chunk(0))
  await lanes.write(chunk(1))
  t.same([a.written, b.written], [[0], [1]])
  let handed = false
  const third = lanes.write(chunk(2)).then(() => {
    handed = true
  })
  await turn()
  t.notOk(handed, 'no lane is free: the pace of the caller')
  b.free()
  await third
  t.same([a.written, b.written], [[0], [1, 2]], 'a fast one carries more')
  b.free()
  await turn()
  await lanes.write(chunk(3))
  t.same(b.written, [1, 2, 3])
  a.free()
  b.free()
})

t.test('the end goes to every lane, and waits for all', async t => {
  const [a, b] = [lane(), lane()]
  const lanes = new Lanes([a.write, b.write])
  let ended = false
  const end = lanes.end(final).then(() => {
    ended = true
  })
  a.free()
  await turn()
  t.notOk(ended)
  b.free()
  await end
  t.same([a.written, b.written], [[undefined], [undefined]])
})

t.test('a lane that fails fails what waits and what comes', async t => {
  const [a, b] = [lane(), lane()]
  const lanes = new Lanes([a.write, b.write])
  await lanes.write(chunk(0))
  await lanes.write(chunk(1))
  const waiting = lanes.write(chunk(2))
  const error = new Error('lost')
  a.fail(error)
  await t.rejects(waiting, error)
  await t.rejects(lanes.write(chunk(3)), error)
  await t.rejects(lanes.end(final), error)
  b.free()
})
