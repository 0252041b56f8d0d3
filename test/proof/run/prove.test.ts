import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { readCapture } from '../../../src/proof/capture/read.ts'
import { writeCapture } from '../../../src/proof/capture/write.ts'
import { CLAIMS } from '../../../src/proof/model.ts'
import { knownFile } from '../../../src/proof/run/known-file.ts'
import { judgeCapture, proveRun } from '../../../src/proof.ts'
import { withoutCapture } from '../../fixtures/capturing.ts'

const skip = withoutCapture()
const SIZE = 70_000

/** Temporary directories of this process go where they can be seen. */
function temporaryIn(directory: string): string {
  process.env.TMPDIR = directory
  return directory
}

t.test('a run: every claim holds, every control is caught, and the capture says the same again', { skip }, async t => {
  const directory = t.testdir({ temporary: {} })
  const temporary = temporaryIn(join(directory, 'temporary'))
  const keep = join(directory, 'kept.pcapng')
  const heard: string[] = []
  const verdict = await proveRun({ size: SIZE, keep, onStep: ({ command }) => heard.push(command) })
  t.same(await readdir(temporary), [])
  t.same(
    verdict.claims.map(({ id, verdict }) => [id, verdict]),
    CLAIMS.map(id => [id, 'holds'])
  )
  t.same(
    verdict.controls.map(({ caught }) => caught),
    [true, true, true, true]
  )
  t.same(
    verdict.steps.filter(({ exit, expected }) => exit !== expected),
    []
  )
  t.same(
    verdict.steps.map(({ command }) => command),
    heard
  )
  t.ok(verdict.holds)
  t.notMatch(JSON.stringify(verdict), /PRIVATE KEY/)
  t.match(verdict, { capture: { name: 'kept.pcapng' }, made: { by: /^sft, captured with \w+$/ } })
  const spoken = verdict.connections.filter(({ flows }) => flows.some(({ bytes }) => bytes > 0))
  t.same([...new Set(spoken.map(({ protocol }) => protocol))].sort(), ['sft pipe', 'sft session', 'tls'])

  // the names are in the commands that were run
  const [sender = '', receiver = ''] = verdict.steps.flatMap(
    ({ command }) => /^sft login (\S+)/.exec(command)?.[1] ?? []
  )
  const name = verdict.steps.flatMap(({ command }) => /(ledger-\w+\.txt)/.exec(command)?.[1] ?? [])[0] ?? ''
  const file = knownFile(name, SIZE, [sender, receiver])
  const capture = await readCapture(keep)
  const pieces = capture.connections.map(({ up, down }, index) => ({
    port: 20_000 + index,
    pieces: [
      { dialler: true, bytes: up.bytes },
      { dialler: false, bytes: down.bytes }
    ]
  }))
  const judge = async (more: Uint8Array) => {
    const path = join(directory, 'doctored.pcap')
    await writeFile(path, writeCapture([...pieces, { port: 30_000, pieces: [{ dialler: true, bytes: more }] }]))
    return (await judgeCapture(path, { plain: [file] })).verdict.claims.find(({ id }) => id === 'plaintext')?.verdict
  }
  t.equal(await judge(Buffer.alloc(0)), 'holds')
  t.equal(
    await judge(file.bytes.subarray(1000, 1016)),
    'fails',
    'and fails once a relay has let 16 bytes of the file through'
  )
})

t.test('given up half way: nothing is left', { skip }, async t => {
  const temporary = temporaryIn(t.testdir({}))
  const controller = new AbortController()
  const onStep = ({ command }: { command: string }): void => {
    if (command.startsWith('sft login')) controller.abort(new Error('enough'))
  }
  await t.rejects(proveRun({ size: SIZE, signal: controller.signal, onStep }))
  t.same(await readdir(temporary), [])
  await t.rejects(proveRun({ signal: AbortSignal.abort(new Error('before it began')) }), { message: 'before it began' })
  t.same(await readdir(temporary), [])
})

t.test('what it does not take', async t => {
  for (const size of [0, 1.5, 65_535, 64 * 2 ** 20 + 1]) await t.rejects(proveRun({ size }), { code: 'ERR_SFT_USAGE' })
})
