/** A text as it may stand in bytes: in UTF-8 and UTF-16, escaped as programs do it, and its letters in either case. */

export interface Needle {
  /** With the letters of ASCII in lower case, as the bytes that it is looked for in. */
  readonly bytes: Buffer
  readonly encoding: 'UTF-8' | 'UTF-16' | 'percent-encoded' | 'JSON' | 'XML'
  /** log2 of the chance that as many random bytes are this: 7 bits for a letter, which may be of either case, 8 for anything else. */
  readonly bits: number
}

/** Is as it is in whatever is made of it. */
const NOTHING_ESCAPED = /^[\w.-]*$/
const ASCII = /^[\0-\x7f]*$/
/** Of a longer text its beginning is looked for. */
const MAX_LENGTH = 1024
/** Letters beyond ASCII whose cases are tried in every combination. */
const MAX_FREE = 6

export function needlesOf(text: string): Needle[] {
  const found = new Map<string, Needle>()
  for (const spelling of spellings(text.slice(0, MAX_LENGTH))) {
    const wide = Buffer.from(spelling, 'utf16le')
    const add = (encoding: Needle['encoding'], bytes: Buffer): void => {
      const folded = foldedInto(Buffer.alloc(bytes.byteLength), bytes)
      found.set(`${folded.toString('latin1')}`, { bytes: folded, encoding, bits: bitsOf(folded) })
    }
    if (!NOTHING_ESCAPED.test(spelling)) for (const [encoding, bytes] of escaped(spelling)) add(encoding, bytes)
    add('UTF-16', wide)
    add('UTF-16', Buffer.from(wide).swap16())
    add('UTF-8', Buffer.from(spelling, 'utf8'))
  }
  return [...found.values()]
}

function* escaped(text: string): Generator<[Needle['encoding'], Buffer]> {
  for (const each of new Set(inXml(text))) yield ['XML', Buffer.from(each, 'utf8')]
  for (const each of new Set(inJson(text))) yield ['JSON', Buffer.from(each, 'utf8')]
  for (const each of new Set(inUrl(text))) yield ['percent-encoded', Buffer.from(each, 'latin1')]
}

/** `source` with the letters of ASCII in lower case. */
export function foldedInto(target: Buffer, source: Uint8Array): Buffer {
  for (let i = 0; i < source.byteLength; i++) target[i] = LOWER[source[i] as number] as number
  return target.subarray(0, source.byteLength)
}

const LOWER = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte))

const bitsOf = (folded: Uint8Array): number =>
  folded.reduce((bits, byte) => bits + (byte >= 0x61 && byte <= 0x7a ? 7 : 8), 0)

/** Both normal forms, with every case of what ASCII does not have; of many such letters all of them in either case. */
function spellings(text: string): Set<string> {
  if (ASCII.test(text)) return new Set([text])
  const all = new Set<string>()
  for (const form of ['NFC', 'NFD']) {
    const letters = [...text.normalize(form)]
    const free = letters.filter(letter => casesOf(letter).length > 1).length
    if (free > MAX_FREE) {
      const whole = letters.join('')
      for (const each of [whole, whole.toLowerCase(), whole.toUpperCase()]) all.add(each)
    } else for (const each of combinations(letters)) all.add(each)
  }
  return all
}

function combinations(letters: readonly string[]): string[] {
  let all = ['']
  for (const letter of letters) all = casesOf(letter).flatMap(each => all.map(front => front + each))
  return all
}

function casesOf(letter: string): string[] {
  if (letter.length === 1 && letter.charCodeAt(0) < 0x80) return [letter]
  return [...new Set([letter, letter.toLowerCase(), letter.toUpperCase()])]
}

/** With what is not ASCII as it is or escaped, and as PHP writes a slash and Go what XML escapes. */
function inJson(text: string): string[] {
  const quoted = JSON.stringify(text).slice(1, -1)
  const escaped = quoted.replace(/[^\x20-\x7e]/g, unitInJson)
  const both = [quoted, escaped]
  return [
    ...both,
    ...both.map(each => each.replaceAll('/', '\\/')),
    ...both.map(each => each.replace(/[&<>]/g, unitInJson))
  ]
}

const unitInJson = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`

/** As a part of an address, as one in which it stands as it is, and with all escaped that a form has escaped; a blank is also `+` (as in forms). */
function inUrl(text: string): string[] {
  // a lone half of a pair has no UTF-8
  const wellFormed = text.toWellFormed()
  const part = encodeURIComponent(wellFormed)
  const strict = part.replace(/[!'()]/g, unit => `%${unit.charCodeAt(0).toString(16)}`)
  const all = [part, encodeURI(wellFormed), strict, strict.replaceAll('%2F', '/')]
  return [...all, ...all.map(each => each.replaceAll('%20', '+'))]
}

/** In a text, in an attribute, and with each of the ways to write an apostrophe; what is not ASCII also as a number. */
function inXml(text: string): string[] {
  const least = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  const usual = least.replaceAll('>', '&gt;')
  const quoted = usual.replaceAll('"', '&quot;')
  const all = [
    least,
    usual,
    quoted,
    ...['&apos;', '&#39;', '&#039;', '&#x27;'].map(each => quoted.replaceAll("'", each))
  ]
  const numbered = (front: string, radix: number) =>
    all.map(each =>
      each.replace(/[^\0-\x7f]/gu, letter => `&#${front}${(letter.codePointAt(0) as number).toString(radix)};`)
    )
  return [...all, ...numbered('', 10), ...numbered('x', 16)]
}
