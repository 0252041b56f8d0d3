import { bufferOf } from '../capture/packet.ts'
import type { Connection, Direction } from '../model.ts'
import { chunksAt, type Head, headAt, type Value } from './http-head.ts'
import type { Parts } from './parts.ts'

/**
 * HTTP/1 in the clear (RFC 9112): heads and bodies. Nothing of it counts as sealed: the base64 of a ciphertext is text that anybody reads, and no random bytes; the
 * classic login is such a text, and its detail says so.
 */

/** A head with more than that, in the whole, in its target or in one of its fields, carries something; so does one with bytes that are no printable ASCII (M174). */
const MAX_PLAIN_HEAD = 4096
const MAX_PLAIN_VALUE = 1024
const UNPRINTABLE = /[^\t\x20-\x7e]/
const MAX_LOGIN = 64 * 1024
/** The login of the classic system (SPEC §14.4): it carries no file, and neither does its answer. */
const CLASSIC_LOGIN = 'POST /verify'
const MAX_CLASSIC = 16 * 1024
const MAX_REFUSAL = 128
const CLASSIC_FORM =
  /^\s*\{\s*"payload"\s*:\s*"(?:[A-Za-z0-9+/=]|\\n){1,1500}"\s*,\s*"public_key"\s*:\s*"-----BEGIN (?:RSA )?PUBLIC KEY-----(?:[A-Za-z0-9+/=]|\\[rn]){1,1500}-----END (?:RSA )?PUBLIC KEY-----(?:\\[rn])*"\s*\}\s*$/
/** Bodies in chunks have their lengths in front and behind. */
const CERTIFICATE = /^[0-9a-f\s]*(?:-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+[0\s]*$/i
const LOGIN = /"payload"\s*:\s*"((?:[A-Za-z0-9+/=]|\\n)+)"/

export function isHttp({ up }: Connection): boolean {
  return headAt(bufferOf(up.bytes), 0, 'up') !== undefined
}

export function dissectHttp(parts: Parts): void {
  const asked: string[] = []
  let answered = 0
  split(parts, 'up', ({ label }) => {
    asked.push(label)
    return { isBare: false, isContent: label === CLASSIC_LOGIN ? body => !isLogin(body) : always }
  })
  split(parts, 'down', ({ label }) => {
    const question = label.startsWith('answer 1') ? '' : (asked[answered++] ?? '')
    // an answer to HEAD has the length of what it leaves out (RFC 9112 §6.3)
    const isContent = question === CLASSIC_LOGIN ? (body: Buffer) => !isAnswer(body) : always
    return { isBare: question.startsWith('HEAD '), isContent }
  })
}

/** What is known of a body from what was asked. */
interface Body {
  /** None follows, whatever its head says. */
  readonly isBare: boolean
  readonly isContent: (body: Buffer) => boolean
}

const always = (): boolean => true

/** Of its own form and no larger than it is with the longest keys: of anything else nobody knows what it carries. */
const isLogin = (body: Buffer): boolean => body.byteLength <= MAX_CLASSIC && CLASSIC_FORM.test(body.toString('latin1'))

/** A certificate, or why there is none. */
const isAnswer = (body: Buffer): boolean =>
  body.byteLength <= MAX_REFUSAL || (body.byteLength <= MAX_CLASSIC && CERTIFICATE.test(body.toString('latin1')))

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
      content: carries(head, at),
      detail: 'head'
    })
    const { isBare, isContent } = bodyOf(head)
    const end = isBare ? head.end : bodyEnd(parts, bytes, head)
    if (end === undefined || end > bytes.byteLength) parts.fault(direction, at, `the flow ends inside ${head.label}`)
    at = Math.min(end ?? bytes.byteLength, bytes.byteLength)
    if (at === head.end) continue
    const body = bytes.subarray(head.end, at)
    const [label, detail, content] = [`body of ${head.label}`, describe(body), isContent(body)]
    parts.add({ direction, at: head.end, length: body.byteLength, label, sealed: undefined, content, detail })
  }
}

function carries({ end, target, fields }: Head, at: number): boolean {
  const odd = ({ text }: Value): boolean => text.length > MAX_PLAIN_VALUE || UNPRINTABLE.test(text)
  return end - at > MAX_PLAIN_HEAD || odd(target) || fields.some(odd)
}

/** `undefined` if the flow ends before it. */
function bodyEnd(parts: Parts, bytes: Buffer, { body, end, length }: Head): number | undefined {
  if (body === 'to the end') return bytes.byteLength
  if (body === 'length') return end + length
  const chunks = chunksAt(bytes, end)
  for (let next = chunks.next(); ; next = chunks.next()) {
    if (next.done) return next.value
    parts.count.add()
  }
}

function describe(body: Buffer): string {
  const [, payload] = LOGIN.exec(body.toString('latin1', 0, MAX_LOGIN)) ?? []
  const bytes = payload === undefined ? 0 : Buffer.from(payload.replaceAll('\\n', ''), 'base64').byteLength
  return bytes === 0 ? 'in the clear' : `a classic login: ${bytes} bytes of ciphertext in base64, all else in the clear`
}
