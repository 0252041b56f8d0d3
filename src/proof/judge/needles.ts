/** A text as it may stand in bytes: in UTF-8 and UTF-16, escaped, and its letters in either case. */

export interface Needle {
  /** With the letters of ASCII in lower case, as the bytes that it is looked for in. */
  readonly bytes: Buffer
  readonly encoding: 'UTF-8' | 'UTF-16' | 'percent-encoded' | 'JSON'
  /** log2 of the chance that as many random bytes are this: 7 bits for a letter, which may be of either case, 8 for anything else. */
  readonly bits: number
}

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
    add('JSON', Buffer.from(inJson(spelling), 'latin1'))
    add('percent-encoded', Buffer.from(inUrl(spelling), 'latin1'))
    add('UTF-16', wide)
    add('UTF-16', Buffer.from(wide).swap16())
    add('UTF-8', Buffer.from(spelling, 'utf8'))
  }
  return [...found.values()]
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

const inJson = (text: string): string =>
  JSON.stringify(text)
    .slice(1, -1)
    .replace(/[^\x20-\x7e]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

function inUrl(text: string): string {
  // a lone half of a pair has no UTF-8
  return encodeURIComponent(text.toWellFormed())
}
