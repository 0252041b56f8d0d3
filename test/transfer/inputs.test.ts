import { writeFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { Inputs, requireWindow } from '../../src/transfer/inputs.ts'
import { pattern } from '../fixtures/bytes.ts'

const MIB = 1024 * 1024
const { signal } = new AbortController()

t.test('a window is bounded, and with a receipt refused', t => {
  const refused = { code: 'ERR_SFT_USAGE' }
  for (const replay of [0, MIB - 1, -MIB, Number.NaN, totalmem() + 1])
    t.throws(() => requireWindow({ replay }), refused)
  t.throws(() => requireWindow({ replay: MIB, receipt: true }), refused)
  requireWindow({ replay: MIB })
  requireWindow({ receipt: true })
  t.end()
})

t.test('what can be read again is opened for each attempt', async t => {
  const file = join(t.testdir({}), 'file')
  writeFileSync(file, 'bytes')
  await using inputs = new Inputs(file, { retry: 3 })
  t.match(inputs.again, { retry: 3, advanced: undefined })
  const opened = [await inputs.open(undefined, undefined), await inputs.open('other', undefined)]
  t.same(
    opened.map(({ metadata }) => metadata.name),
    ['file', 'other']
  )
  for (const each of opened) {
    for await (const piece of each.source(signal)) t.equal(Buffer.from(piece).toString(), 'bytes')
    await each[Symbol.asyncDispose]()
  }
  t.equal(inputs.again.isFinal?.(), false)
  t.equal(new Inputs(pattern(5), { retry: 3 }).again.retry, 3)
  t.same(new Inputs([pattern(5)], { retry: 3 }).again, {}, 'a stream is not attempted again')
  for (const again of [file, pattern(5)])
    await t.rejects(new Inputs(again, { replay: MIB }).open(undefined, undefined), { code: 'ERR_SFT_USAGE' })
})

t.test('a path of a device is not attempted again once it was read', async t => {
  await using inputs = new Inputs('/dev/null', { retry: 3 })
  await using opened = await inputs.open(undefined, undefined)
  t.equal(inputs.again.isFinal?.(), false)
  for await (const _ of opened.source(signal)) t.fail()
  t.equal(inputs.again.isFinal?.(), true)
})

t.test(
  'M86: with a window one source serves all attempts, which are as many as it takes unless somebody has said how many',
  async t => {
    await using inputs = new Inputs([pattern(10), pattern(10, 1)], { replay: MIB })
    t.match(inputs.again, { retry: 12, advanced: Function })
    t.equal(inputs.again.advanced?.(), false)
    for (const _ of [1, 2]) {
      const opened = await inputs.open('name', undefined)
      t.match(opened.metadata, { name: 'name' })
      let bytes = 0
      for await (const piece of opened.source(signal)) bytes += piece.byteLength
      t.equal(bytes, 20)
      await opened[Symbol.asyncDispose]()
    }
    t.equal(inputs.again.isFinal?.(), false)
    t.match(new Inputs([], { replay: MIB, retry: 2 }).again, { retry: 2, advanced: undefined })
  }
)
