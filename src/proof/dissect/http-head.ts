import type { Direction } from '../model.ts'

/** Heads of HTTP/1 (RFC 9112 §2), and the chunks of bodies (§7.1). */

const REQUEST = /^(GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH) (\S+) HTTP\/1\.[01]$/
const ANSWER = /^HTTP\/1\.[01] (\d{3})(?: .*)?$/
const HEAD_END = '\r\n\r\n'
const MAX_HEAD = 64 * 1024
const MAX_CHUNK_LINE = 256

export interface Head {
  readonly label: string
  readonly end: number
  readonly body: 'length' | 'chunked' | 'to the end'
  readonly length: number
  /** What was asked for; of an answer nothing. */
  readonly target: Value
  readonly fields: readonly Field[]
}

/** Text with a character for each byte, and where in the flow it begins. */
export interface Value {
  readonly text: string
  readonly at: number
}

export interface Field extends Value {
  /** In lower case; of a line without a colon it is empty, and all of it is text. */
  readonly name: string
}

export function headAt(bytes: Buffer, at: number, direction: Direction): Head | undefined {
  const stop = bytes.subarray(at, at + MAX_HEAD).indexOf(HEAD_END)
  if (stop < 0) return undefined
  const [first = '', ...lines] = bytes.toString('latin1', at, at + stop).split('\r\n')
  const [, method = '', target = ''] = REQUEST.exec(first) ?? []
  const [, status] = ANSWER.exec(first) ?? []
  const isAnswer = direction === 'down'
  if (!(isAnswer ? status : method)) return undefined
  const fields = fieldsOf(lines, at + first.length + 2)
  const none = !isAnswer || status === '204' || status === '304' || status?.startsWith('1')
  const end = at + stop + HEAD_END.length
  const label = isAnswer ? `answer ${status}` : `${method} ${target.slice(0, 100)}`
  return {
    label,
    end,
    target: { text: target, at: at + method.length + 1 },
    fields,
    ...bodyOf(fields, none ? 'length' : 'to the end')
  }
}

function fieldsOf(lines: readonly string[], from: number): Field[] {
  let at = from
  return lines.map(line => {
    const colon = line.indexOf(':')
    const value = line.slice(colon + 1).trimStart()
    const start = at + line.length - value.length
    at += line.length + 2
    return { name: line.slice(0, Math.max(0, colon)).toLowerCase(), text: value.trimEnd(), at: start }
  })
}

function bodyOf(fields: readonly Field[], otherwise: Head['body']): Pick<Head, 'body' | 'length'> {
  const field = (wanted: string) => fields.find(({ name }) => name === wanted)?.text
  if (/(^|,\s*)chunked$/i.test(field('transfer-encoding') ?? '')) return { body: 'chunked', length: 0 }
  const length = Number(field('content-length') ?? Number.NaN)
  return Number.isSafeInteger(length) && length >= 0 ? { body: 'length', length } : { body: otherwise, length: 0 }
}

/** The data of each chunk from `from` on, as far as it is there; returns where the body ends, or nothing if the flow ends before it. */
export function* chunksAt(
  bytes: Buffer,
  from: number
): Generator<{ readonly at: number; readonly length: number }, number | undefined> {
  for (let at = from; at < bytes.byteLength; ) {
    const line = bytes.subarray(at, at + MAX_CHUNK_LINE).indexOf('\r\n')
    const digits = /^[0-9a-f]{1,8}/i.exec(line < 0 ? '' : bytes.toString('latin1', at, at + line))?.[0]
    if (digits === undefined) return undefined
    const size = Number.parseInt(digits, 16)
    at += line + 2
    if (size > 0) {
      if (at < bytes.byteLength) yield { at, length: Math.min(size, bytes.byteLength - at) }
      at += size + 2
      continue
    }
    // trailers, if any, and the empty line
    if (bytes.toString('latin1', at, at + 2) === '\r\n') return at + 2
    const stop = bytes.subarray(at, at + MAX_HEAD).indexOf(HEAD_END)
    return stop < 0 ? undefined : at + stop + HEAD_END.length
  }
  return undefined
}
