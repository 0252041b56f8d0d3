import { bufferOf } from '../capture/packet.ts'
import type { Connection, Direction } from '../model.ts'
import type { Parts } from './parts.ts'

/**
 * HTTP/1 in the clear (RFC 9112): heads and bodies. Nothing of it counts as sealed: the base64 of a ciphertext is text that anybody reads, and no random bytes; the
 * classic login is such a text, and its detail says so.
 */

const REQUEST = /^(GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH) (\S+) HTTP\/1\.[01]$/
const ANSWER = /^HTTP\/1\.[01] (\d{3})(?: .*)?$/
const HEAD_END = '\r\n\r\n'
const MAX_HEAD = 64 * 1024
/** The login of the classic system (SPEC §14.4): it carries no file, and neither does its answer. */
const CLASSIC_LOGIN = 'POST /verify'
const LOGIN = /"payload"\s*:\s*"((?:[A-Za-z0-9+/=]|\\n)+)"/

interface Head {
  readonly label: string
  readonly end: number
  readonly body: 'length' | 'chunked' | 'to the end'
  readonly length: number
}

export function isHttp({ up }: Connection): boolean {
  return headAt(bufferOf(up.bytes), 0, 'up') !== undefined
}

export function dissectHttp(parts: Parts): void {
  const asked: string[] = []
  let answered = 0
  split(parts, 'up', ({ label }) => {
    asked.push(label)
    return { isBare: false, content: label !== CLASSIC_LOGIN }
  })
  split(parts, 'down', ({ label }) => {
    const question = label.startsWith('answer 1') ? '' : (asked[answered++] ?? '')
    // an answer to HEAD has the length of what it leaves out (RFC 9112 §6.3)
    return { isBare: question.startsWith('HEAD '), content: question !== CLASSIC_LOGIN }
  })
}

/** What is known of a body from what was asked. */
interface Body {
  /** None follows, whatever its head says. */
  readonly isBare: boolean
  readonly content: boolean
}

function split(parts: Parts, direction: Direction, bodyOf: (head: Head) => Body): void {
  const bytes = bufferOf(parts.flow(direction).bytes)
  for (let at = 0; at < bytes.byteLength; ) {
    const head = headAt(bytes, at, direction)
    if (head === undefined) {
      parts.unexplained(direction, at, 'no message of HTTP')
      return
    }
    parts.count.add()
    parts.add({
      direction,
      at,
      length: head.end - at,
      label: head.label,
      sealed: undefined,
      content: false,
      detail: 'head'
    })
    const { isBare, content } = bodyOf(head)
    const end = isBare ? head.end : bodyEnd(bytes, head)
    if (end === undefined || end > bytes.byteLength) parts.fault(direction, at, `the flow ends inside ${head.label}`)
    at = Math.min(end ?? bytes.byteLength, bytes.byteLength)
    if (at === head.end) continue
    const detail = describe(bytes.subarray(head.end, at))
    const label = `body of ${head.label}`
    parts.add({ direction, at: head.end, length: at - head.end, label, sealed: undefined, content, detail })
  }
}

function headAt(bytes: Buffer, at: number, direction: Direction): Head | undefined {
  const stop = bytes.subarray(at, at + MAX_HEAD).indexOf(HEAD_END)
  if (stop < 0) return undefined
  const [first = '', ...lines] = bytes.toString('latin1', at, at + stop).split('\r\n')
  const [, method, target] = REQUEST.exec(first) ?? []
  const [, status] = ANSWER.exec(first) ?? []
  const isAnswer = direction === 'down'
  if ((isAnswer ? status : method) === undefined) return undefined
  const field = (name: string): string | undefined =>
    lines
      .find(line => line.toLowerCase().startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim()
  const length = Number(field('content-length') ?? Number.NaN)
  const chunked = /(^|,\s*)chunked$/i.test(field('transfer-encoding') ?? '')
  const none = !isAnswer || status === '204' || status === '304' || status?.startsWith('1')
  const end = at + stop + HEAD_END.length
  const label = isAnswer ? `answer ${status}` : `${method} ${target?.slice(0, 100)}`
  if (chunked) return { label, end, body: 'chunked', length: 0 }
  if (Number.isSafeInteger(length) && length >= 0) return { label, end, body: 'length', length }
  return { label, end, body: none ? 'length' : 'to the end', length: 0 }
}

/** `undefined` if the flow ends before it. */
function bodyEnd(bytes: Buffer, { body, end, length }: Head): number | undefined {
  if (body === 'to the end') return bytes.byteLength
  return body === 'length' ? end + length : chunkedEnd(bytes, end)
}

function chunkedEnd(bytes: Buffer, from: number): number | undefined {
  for (let at = from; at < bytes.byteLength; ) {
    const line = bytes.subarray(at, at + 256).indexOf('\r\n')
    const digits = /^[0-9a-f]{1,8}/i.exec(line < 0 ? '' : bytes.toString('latin1', at, at + line))?.[0]
    if (digits === undefined) return undefined
    const size = Number.parseInt(digits, 16)
    at += line + 2
    if (size > 0) {
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

function describe(body: Buffer): string {
  const [, payload] = LOGIN.exec(body.toString('latin1', 0, MAX_HEAD)) ?? []
  const bytes = payload === undefined ? 0 : Buffer.from(payload.replaceAll('\\n', ''), 'base64').byteLength
  return bytes === 0 ? 'in the clear' : `a classic login: ${bytes} bytes of ciphertext in base64, all else in the clear`
}
