import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import t from 'tap'
import { writeCapture } from '../../src/proof/capture/write.ts'
import { badCapture } from '../../src/proof/judge/controls.ts'
import { judge, withRun } from '../../src/proof/judge/judge.ts'
import { CLAIMS, DIRECTIONS, type Verdict } from '../../src/proof/model.ts'

/** The schema of what `--json` prints says what the types say, and what is written. */

interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>
  readonly required?: readonly string[]
  readonly enum?: readonly string[]
}
const schema: { $defs: Record<string, Shape> } = JSON.parse(
  readFileSync(new URL('../../schema/proof.schema.json', import.meta.url), 'utf8')
)
const model = readFileSync(new URL('../../src/proof/model.ts', import.meta.url), 'utf8')

/** Consumers ignore what they do not know; we never write it. */
const closed = Object.fromEntries(
  Object.entries(schema.$defs).map(([name, shape]) => [
    name,
    shape.properties ? { ...shape, additionalProperties: false } : shape
  ])
)

function faultsOf(given: object): (verdict: unknown) => string[] {
  const ajv = new Ajv2020({ allErrors: true })
  formats.default(ajv)
  const validate = ajv.compile(given)
  return verdict =>
    validate(verdict) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
}
const published = faultsOf(schema)
const written = faultsOf({ ...schema, $id: 'urn:sft:proof:written', $defs: closed })
const printed = (verdict: Verdict): unknown => JSON.parse(JSON.stringify(verdict))

const CLASSIC = fileURLToPath(new URL('../data/classic/capture.pcap', import.meta.url))

t.test('verdicts of every kind of capture', async t => {
  const step = { command: 'sft get', exit: 0, expected: 0 }
  const { capture, known } = badCapture([{ clear: true }, {}])
  const classic = (await judge(CLASSIC)).verdict
  const nothing = (await judge(writeCapture([]))).verdict
  const odd = Buffer.from('no protocol of anybody')
  const unknown = (await judge(writeCapture([{ port: 9, pieces: [{ dialler: true, bytes: odd }] }]))).verdict
  for (const verdict of [
    classic,
    withRun(classic, [], [step]),
    (await judge(capture, known)).verdict,
    nothing,
    unknown
  ]) {
    t.same(published(printed(verdict)), [])
    t.same(written(printed(verdict)), [])
  }
})

t.test('lists of words are those of the model', t => {
  const words = (type: string): string[] =>
    [...(new RegExp(`type ${type} = (.+)`).exec(model)?.[1] ?? '').matchAll(/'([^']+)'/g)].map(([, word = '']) => word)
  t.same(schema.$defs.claimId?.enum, CLAIMS)
  t.same(schema.$defs.connection?.properties?.protocol?.enum, words('Protocol'))
  t.same(schema.$defs.direction?.enum, DIRECTIONS)
  t.end()
})

t.test('what is missing or of another kind is refused', async t => {
  const verdict = printed((await judge(CLASSIC)).verdict) as Record<string, unknown>
  for (const name of schema.$defs.verdict?.required ?? []) {
    const { [name]: _, ...rest } = verdict
    t.not(published(rest).length, 0, name)
    t.not(published({ ...verdict, [name]: null }).length, 0, name)
  }
  t.same(published({ ...verdict, later: 1 }), [], 'what comes later is ignored')
  t.not(written({ ...verdict, later: 1 }).length, 0)
})
