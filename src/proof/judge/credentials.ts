import type { Head } from '../dissect/http-head.ts'
import { count } from './claim.ts'
import { type NamedValue, namedValues } from './named-values.ts'

/** What in HTTP somebody logs in with, told by the names that it goes by: in header fields, in targets, in forms, in JSON and XML. No value of it is ever said. */

export interface Credential {
  readonly name: string
  /** In words for evidence: `a header field`, `a form` */
  readonly where: string
}

/** Names that are said of one connection. */
const MAX_NAMES = 4
/** Header fields that say who sends them, whatever is in them. */
const FIELDS = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'set-cookie2'])
/** What a name ends with, after whatever else, and what its last word is: `client_secret`, `newPassword2`, `X-API-Key`; `db.pwd`, `user[pass]`. */
const ENDS = [
  ...['password', 'passwd', 'passphrase', 'passcode', 'passwort', 'kennwort', 'userpass', 'pwd', 'motdepasse'],
  ...['secret', 'token', 'apikey', 'accesskey', 'privatekey', 'jwt', 'assertion', 'samlresponse', 'signature'],
  ...['sessionid', 'sessid', 'credential', 'credentials', 'authorization']
]
const LAST_WORDS = new Set(['pass', 'pw', 'psw', 'pin', 'otp', 'totp', 'sid', 'session', 'auth', 'sig', 'bearer'])
/** Is sent beside what somebody logs in with, against forged requests. */
const FORGERY = /[cx]srf/

/** Every length is bounded, so that no text keeps us busy. */
const USER_INFO = /:\/\/[^/?#@\s]{0,64}:[^/?#@\s]{1,64}@/
/** In an address behind `?` and `&`, in a path behind `;`. */
const IN_ADDRESS = /[?&;]([\w.[\]%+-]{1,64})=[^&;#\s]/g
const FORM = /^[^\s<>"{}]+$/
const IN_FORM = /(?:^|&)([^=&]{1,64})=[^&]/g
const IN_JSON = /"((?:[^"\\]|\\.){1,64})"\s*:\s*(?:"[^"]|\d)/g
/** Of the head of a part of a form. */
const PART = 'form-data;'
const PART_NAME = /\bname="?([^";]{1,64})/i
const IN_XML = /<(?:[\w-]{1,64}:)?([\w.-]{1,64})(?:\s[^<>]{0,256})?>\s*[^<\s]/g
const LINE_END = /\r?\n/
const FIELD = /^([\w-]{1,64}):[ \t]*\S/
const IN_LINES = /^[ \t]*([\w.-]{1,64})[ \t]*[:=][ \t]*\S/gm

export function* credentialsInHead(head: Head): Generator<Credential> {
  for (const value of namedValues(head)) {
    const found = value.text === '' ? undefined : credentialOf(value)
    if (found) yield found
  }
  for (const { text } of [head.target, ...head.fields]) yield* inAddress(text)
}

function credentialOf({ field, name }: NamedValue): Credential | undefined {
  const isTarget = field === 'path' || field === 'query'
  if (!isTarget && (FIELDS.has(field) || isOne(field))) return { name: field, where: 'a header field' }
  if (name === undefined || !isOne(name)) return undefined
  return { name, where: isTarget ? 'an address' : 'a header field' }
}

export function* credentialsInBody(text: string): Generator<Credential> {
  const trimmed = text.trim()
  if (FORM.test(trimmed)) yield* namesIn(trimmed, IN_FORM, 'a form')
  yield* inParts(text)
  yield* namesIn(text, IN_XML, 'XML')
  if (/^[[{]/.test(trimmed)) yield* namesIn(text, IN_JSON, 'JSON')
  // in a page or a script names stand before a colon that mean nothing
  else if (!/[<{]/.test(text)) yield* namesIn(text, IN_LINES, 'text')
}

/** Text of which nobody knows what it is: it may be a message of HTTP, or a piece of one. */
export function* credentialsInText(text: string): Generator<Credential> {
  yield* inParts(text)
  yield* namesIn(text, IN_JSON, 'JSON')
  for (const line of text.split(LINE_END)) {
    const field = FIELD.exec(line)?.[1]?.toLowerCase() ?? ''
    if (FIELDS.has(field)) yield { name: field, where: 'a header field' }
    else yield* credentialsInBody(line)
    yield* inAddress(line)
  }
}

/** The head of each part ends with an empty line, and then comes what it is. A pattern for all of that would try every way to cut a long line. */
function* inParts(text: string): Generator<Credential> {
  let name = ''
  let isHead = false
  for (const line of text.split('\r\n')) {
    const at = line.toLowerCase().indexOf(PART)
    if (at >= 0) {
      name = PART_NAME.exec(line.slice(at))?.[1] ?? ''
      isHead = true
    } else if (isHead) isHead = line !== ''
    else {
      if (line !== '' && isOne(name)) yield { name, where: 'a form' }
      name = ''
    }
  }
}

function* inAddress(text: string): Generator<Credential> {
  if (USER_INFO.test(text)) yield { name: 'user:…@', where: 'an address' }
  yield* namesIn(text, IN_ADDRESS, 'an address')
}

function* namesIn(text: string, pattern: RegExp, where: string): Generator<Credential> {
  for (const [, name = ''] of text.matchAll(pattern)) if (isOne(name)) yield { name, where }
}

function isOne(name: string): boolean {
  const words = unescaped(name)
    .replace(/([a-z])(?=[A-Z])/g, '$1 ')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter(Boolean)
  const whole = words.join('')
  return !FORGERY.test(whole) && (LAST_WORDS.has(words.at(-1) ?? '') || ENDS.some(end => whole.endsWith(end)))
}

const unescaped = (name: string): string =>
  name.replace(/%([0-9a-f]{2})|\\u00([0-9a-f]{2})/gi, (_, percent: string | undefined, unit: string | undefined) =>
    String.fromCharCode(Number.parseInt(percent ?? unit ?? '', 16))
  )

/** `"cookie" in a header field, "pwd" in a form` */
export function namesOf(found: readonly Credential[]): string {
  const names = [...new Set(found.map(({ name, where }) => `${JSON.stringify(name)} in ${where}`))]
  const more = names.length > MAX_NAMES ? `, and ${count(names.length - MAX_NAMES, 'more name')}` : ''
  return `${names.slice(0, MAX_NAMES).join(', ')}${more}`
}
