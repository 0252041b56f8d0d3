import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { EVENT_TYPES } from '../../src/transfer/events.ts'
import { faultsOf, LINE_TYPES, schema, writtenFaultsOf } from '../fixtures/events-schema.ts'

/** The schema that is published says what the types say (M102): neither can be changed alone. */

const source = (path: string): string => readFileSync(new URL(`../../src/${path}`, import.meta.url), 'utf8')
const FILES = [
  'transfer/events.ts',
  'transfer/policy.ts',
  'transfer/meter.ts',
  'transfer/stage-stats.ts',
  'transfer/engine-options.ts',
  'workers/owned-aead.ts',
  'workers/construction.ts',
  'bin/json-lines.ts'
].map(source)
const TEXT = FILES.join('\n')

interface Member {
  readonly name: string
  readonly optional: boolean
  readonly type: string
}

/** The members of an interface, as its text has them; those of what it extends first. */
function membersOf(name: string): Member[] {
  const found = new RegExp(`interface ${name}(?: extends (\\w+))? \\{\\n([\\s\\S]*?)\\n\\}`).exec(TEXT)
  if (!found) throw new Error(`no interface ${name}`)
  const own = [...(found[2] ?? '').matchAll(/^ {2}readonly (\w+)(\??): (.+)$/gm)].map(
    ([, member = '', optional, type = '']) => ({ name: member, optional: optional === '?', type })
  )
  return [...(found[1] ? membersOf(found[1]) : []), ...own]
}

/** The names of the interfaces that are lines, by their types. */
const LINES = Object.fromEntries(
  [...TEXT.matchAll(/interface (\w+(?:Event|Line))\b/g)].map(([, name = '']) => {
    const type = membersOf(name).find(member => member.name === 'type')?.type ?? ''
    return [type.replaceAll("'", ''), name]
  })
)

/** What has members of its own. */
const PARTS: Readonly<Record<string, unknown>> = {
  Failure: '#/$defs/failure',
  "Omit<EndEvent, 'type' | 'time'>": '#/$defs/transfer',
  Plan: '#/$defs/plan',
  EngineStats: '#/$defs/stats',
  AeadBackend: '#/$defs/aead',
  'Readonly<Record<MeteredStage, number>>': '#/$defs/shares',
  'readonly StageStats[]': ['#/$defs/stageStats']
}

/** What a type is in the schema, as JSON. */
function shapeOf(type: string): unknown {
  if (type === 'number' || type === 'string' || type === 'boolean') return type
  if (type in PARTS) return PARTS[type]
  const alias = new RegExp(`type ${type.replace(/\W/g, '.')} = (.+)`).exec(TEXT)?.[1]
  const list = /\(typeof (\w+)\)\[number\]/.exec(alias ?? '')?.[1]
  const values = list ? listed(list) : (alias ?? type)
  return [...values.matchAll(/'([^']+)'/g)].map(([, value]) => value)
}

/** The text of a list, with those that it takes in. */
function listed(name: string): string {
  const text = new RegExp(`const ${name} = \\[(.+)\\]`).exec(TEXT)?.[1] ?? ''
  return text.replace(/\.\.\.(\w+)/g, (_, other: string) => listed(other))
}

/** The same of what the schema says. */
function saidOf(shape: { [key: string]: unknown }): unknown {
  const { $ref, type, enum: values, const: value, items } = shape
  if (items) return [saidOf(items as { [key: string]: unknown })]
  if (typeof $ref === 'string') {
    const meant = schema.$defs[$ref.replace('#/$defs/', '')] as { [key: string]: unknown }
    return meant.properties ? $ref : saidOf(meant)
  }
  return values ?? (value === undefined ? (type === 'integer' ? 'number' : type) : [value])
}

function compare(t: Test, name: string, members: readonly Member[]): void {
  const { properties = {}, required = [] } = schema.$defs[name] ?? {}
  const inTypes = Object.fromEntries(members.map(member => [member.name, shapeOf(member.type)]))
  const inSchema = Object.fromEntries(Object.entries(properties).map(([key, shape]) => [key, saidOf({ ...shape })]))
  t.same(inSchema, inTypes, `members of ${name}`)
  const needed = members.filter(({ optional }) => !optional).map(member => member.name)
  t.same([...required].sort(), needed.sort(), `what ${name} always has`)
}

t.test('M102: every line of the types is in the schema, member by member, and no other', t => {
  t.same(LINE_TYPES.toSorted(), Object.keys(LINES).toSorted())
  t.same(
    EVENT_TYPES.filter(type => !(type in LINES)),
    []
  )
  for (const [type, name] of Object.entries(LINES)) compare(t, type, membersOf(name))
  compare(t, 'failure', membersOf('Failure'))
  compare(t, 'plan', membersOf('Plan'))
  compare(t, 'stats', membersOf('EngineStats'))
  compare(t, 'stageStats', membersOf('StageStats'))
  compare(t, 'aead', membersOf('AeadBackend'))
  t.same(Object.keys(schema.$defs.shares?.properties ?? {}), shapeOf('MeteredStage'))
  compare(
    t,
    'transfer',
    membersOf('EndEvent').filter(({ name }) => name !== 'type' && name !== 'time')
  )
  t.end()
})

t.test('M102: it refuses what is wrong, and takes what is added', t => {
  const time = new Date().toISOString()
  const end = { type: 'end', time, id: 'x', direction: 'sent', bytes: 1, resumedAt: 0, connections: 1, milliseconds: 2 }
  t.same(faultsOf(end), [])
  t.same(faultsOf({ ...end, added: true }), [], 'a member that nobody knows yet')
  t.same(faultsOf({ type: 'novelty', time, of: 'a later version' }), [], 'nor a type')
  for (const wrong of [
    { ...end, bytes: '1' },
    { ...end, direction: 'up' },
    { ...end, time: 'now' },
    { type: 'end' },
    7
  ])
    t.not(faultsOf(wrong).length, 0, JSON.stringify(wrong))
  const { id: _, ...nameless } = end
  t.not(faultsOf(nameless).length, 0)
  t.not(writtenFaultsOf({ ...end, added: true } as never).length, 0, 'we write nothing that is not in it')
  t.not(writtenFaultsOf({ type: 'novelty', time } as never).length, 0)
  t.end()
})
