import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { writeCapture } from '../../../src/proof/capture/write.ts'
import { judge } from '../../../src/proof/judge/judge.ts'
import { Judging } from '../../../src/proof/run/judging.ts'

const path = join(t.testdir({}), 'capture.pcap')
const bytes = Buffer.from('a transfer in the clear, of some length')
await writeFile(path, writeCapture([{ port: 20_000, pieces: [{ dialler: true, bytes }] }]))

t.test('a thread says the same', async t => {
  const options = { plain: [{ name: 'file', bytes }], texts: [{ kind: 'text', text: 'no such text' }] } as const
  await using judging = new Judging({ path, options })
  const { verdict } = await judge(path, options)
  const claims = (await judging.verdict).claims
  t.same(claims, verdict.claims)
  t.equal(claims.find(({ id }) => id === 'plaintext')?.verdict, 'fails')
})

t.test('what can not be judged, and a thread that is stopped', async t => {
  await using missing = new Judging({ path: `${path}.missing`, options: {} })
  await t.rejects(missing.verdict, { message: /./ })
  const stopped = new Judging({ path, options: {} })
  await stopped[Symbol.asyncDispose]()
  await t.rejects(stopped.verdict, { code: 'ERR_SFT_INTERNAL' })
})
