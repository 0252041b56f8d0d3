import type { Field, Head, Value } from '../dissect/http-head.ts'

/** The values that a head of HTTP has, each with a name: of its fields, of what stands in a field as `name=value`, of the path and the query of a target. */

export interface NamedValue extends Value {
  /** That of the field, `path` or `query`. */
  readonly field: string
  /** What stands before the value as `name=`. */
  readonly name: string | undefined
}

/** What stands between the values of a field; `name=` in front of one, but for the end of base64. */
const PART = /[^;&,]+/g
const NAME = /^\s*([\w.[\]%-]{1,64})=(?!=|$)/

export function* namedValues({ target, fields }: Head): Generator<NamedValue> {
  const query = target.text.indexOf('?')
  const path = query < 0 ? target.text : target.text.slice(0, query)
  for (const { 0: text, index } of path.matchAll(/[^/]+/g))
    yield { field: 'path', name: undefined, text, at: target.at + index }
  if (query >= 0) yield* partsOf({ name: 'query', text: target.text.slice(query + 1), at: target.at + query + 1 })
  for (const field of fields) yield* partsOf(field)
}

function* partsOf({ name: field, text, at }: Field): Generator<NamedValue> {
  for (const { 0: part, index } of text.matchAll(PART)) {
    const [front = '', name] = NAME.exec(part) ?? []
    const value = part.slice(front.length).trimStart()
    yield { field, name, text: value.trimEnd(), at: at + index + part.length - value.length }
  }
}
