import type { Head } from '../dissect/http-head.ts'
import { type NamedValue, namedValues } from './named-values.ts'

/** What in HTTP somebody logs in with, told by the names that it goes by: in header fields, in targets, in forms, in JSON and XML. No value of it is ever said. */

export interface Credential {
  readonly name: string
  /** In words for evidence: `a header field`, `a form` */
  readonly where: string
}

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
const IN_PARTS =
  /form-data;[^\r\n]{0,256}?\bname="?([^";\r\n]{1,64})[^\r\n]{0,256}\r\n(?:[^\r\n]{1,256}\r\n){0,8}\r\n[^\r\n]/gi
const IN_XML = /<(?:[\w-]{1,64}:)?([\w.-]{1,64})(?:\s[^<>]{0,256})?>\s*[^<\s]/g
const IN_LINES = /^[ \t]*([\w.-]{1,64})[ \t]*[:=][ \t]*\S/gm

export function* credentialsInHead(head: Head): Generator<Credential> {
  for (const value of namedValues(head)) {
    const found = value.text === '' ? undefined : credentialOf(value)
    if (found) yield found
  }
  for (const { text } of [head.target, ...head.fields]) {
    if (USER_INFO.test(text)) yield { name: 'user:…@', where: 'an address' }
    yield* namesIn(text, IN_ADDRESS, 'an address')
  }
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
  yield* namesIn(text, IN_PARTS, 'a form')
  yield* namesIn(text, IN_XML, 'XML')
  if (/^[[{]/.test(trimmed)) yield* namesIn(text, IN_JSON, 'JSON')
  // in a page or a script names stand before a colon that mean nothing
  else if (!/[<{]/.test(text)) yield* namesIn(text, IN_LINES, 'text')
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
