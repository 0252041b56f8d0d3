import { randomBytes } from 'node:crypto'
import { brotliCompressSync, deflateRawSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { parseCapture } from '../../../src/proof/capture/read.ts'
import { writeCapture } from '../../../src/proof/capture/write.ts'
import { dissect } from '../../../src/proof/dissect/dissect.ts'
import { judgeContents } from '../../../src/proof/judge/contents.ts'
import type { Claim, Dissected, Known } from '../../../src/proof/model.ts'
import { dissected, record } from '../../fixtures/dissected.ts'

type Text = NonNullable<Known['texts']>[number]

/** What is said of `texts` where `bytes` stand in the clear between sealed records. */
async function judged(bytes: Uint8Array, texts: readonly Text[]): Promise<Claim> {
  const pieces = [record('PING', 2000), { label: 'odd', clear: bytes }, record('PING', 2000)]
  return (await judgeContents([dissected('sft session', pieces)], { texts })).names
}

const name = (text: string): Text => ({ kind: 'user name', text })
const said = ({ evidence }: Claim): string => evidence.map(({ text }) => text).join('\n')

t.test('a name that is not there, and one that is', async t => {
  t.match(await judged(Buffer.from('nothing'), [name('alexandra')]), { id: 'names', verdict: 'holds' })
  const claim = await judged(Buffer.from('hello alexandra!'), [name('alexandra')])
  t.match(claim, { verdict: 'fails', evidence: [{ packets: [5] }] })
  t.match(said(claim), /The user name "alexandra" is seen 1 time: as it is in what the dialler of connection 1 sent\./)
})

const FORMS: Record<string, (text: string) => Uint8Array> = {
  'upper case': text => Buffer.from(text.toUpperCase()),
  'lower case': text => Buffer.from(text.toLowerCase()),
  'UTF-16, little-endian': text => Buffer.from(text, 'utf16le'),
  'UTF-16, big-endian': text => Buffer.from(text.toUpperCase(), 'utf16le').swap16(),
  base64: text => Buffer.from(Buffer.from(`x${text}`).toString('base64')),
  'base64 of another case': text => Buffer.from(Buffer.from(`xy${text.toUpperCase()}`).toString('base64')),
  'base64 of UTF-16': text => Buffer.from(Buffer.from(text, 'utf16le').toString('base64')),
  hex: text => Buffer.from(Buffer.from(text).toString('hex').toUpperCase()),
  gzip: text => gzipSync(Buffer.from(`${randomBytes(500).toString('hex')} ${text}`)),
  'percent-encoded': text => Buffer.from(encodeURIComponent(text)),
  'escaped in JSON': text =>
    Buffer.from(text.replace(/[^ -~]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)),
  'decomposed letters': text => Buffer.from(text.normalize('NFD'))
}

for (const text of ['quarterly figures.xlsx', 'Müller-Größe', 'Ελληνικά αρχεία'])
  for (const [form, write] of Object.entries(FORMS))
    t.test(`${text}: ${form}`, async t => {
      const bytes = Buffer.concat([randomBytes(50), Buffer.from('"'), write(text), Buffer.from('"'), randomBytes(50)])
      t.equal((await judged(bytes, [name(text)])).verdict, 'fails')
      t.equal((await judged(randomBytes(bytes.byteLength), [name(text)])).verdict, 'holds')
    })

/** As programs write it, and what has the same form and is another. */
const ESCAPED: readonly (readonly [text: string, bad: string, good: string])[] = [
  ['salary report.pdf', '/q?name=salary+report.pdf', '/q?name=salary-report.pdf'],
  ['board/2026/salaries', '{"f":"board\\/2026\\/salaries"}', '{"f":"board//2026//salaries"}'],
  ['smith & sons', '<user>smith &amp; sons</user>', '<user>smith &and; sons</user>'],
  ['smith & sons', '{"user":"smith \\u0026 sons"}', '{"user":"smith \\u0027 sons"}'],
  ['Größe & <Maß>', '<a>Gr&#246;&#223;e &amp; &lt;Ma&#223;&gt;</a>', '<a>Gr&#247;&#223;e &amp; &lt;Ma&#223;&gt;</a>'],
  ['Größe & <Maß>', 'x="gr&#xF6;&#xDF;e &amp; &lt;ma&#xDF;>"', 'x="gr&#xF7;&#xDF;e &amp; &lt;ma&#xDF;>"'],
  ['bob\'s "list"', '<a>bob&apos;s &quot;list&quot;</a>', '<a>bob&apos;s &quot;mist&quot;</a>'],
  ['bob\'s "list"', '<a>bob&#39;s &quot;list&quot;</a>', '<a>bob&#38;s &quot;list&quot;</a>'],
  ["bob's (1)/old", '/bob%27s+%281%29/old', '/bob%26s+%281%29/old'],
  ['R&D plan/first', '/R&D%20plan/first', '/R&D%21plan/first']
]

for (const [text, bad, good] of ESCAPED)
  t.test(`A6: ${text} as ${bad}`, async t => {
    const claim = await judged(Buffer.from(bad), [name(text)])
    t.equal(claim.verdict, 'fails', said(claim))
    t.match(said(claim), /is seen 1 time: in (percent-encoded|JSON|XML) in what/)
    t.equal((await judged(Buffer.from(good), [name(text)])).verdict, 'holds')
  })

t.test('60,000 texts are looked for in one pass', async t => {
  const texts = Array.from({ length: 60_000 }, (_, at) => name(`user ${at} of this long list`))
  const bytes = Buffer.concat([
    randomBytes(500_000),
    Buffer.from('\0user+4711+of+this+long+list\0'),
    randomBytes(500_000)
  ])
  const claim = await judged(bytes, texts)
  t.equal(claim.verdict, 'fails')
  t.match(said(claim), /^The user name "user 4711 of this long list" is seen 1 time: in percent-encoded in what/)
  t.equal((await judged(randomBytes(1_000_000), texts)).verdict, 'holds')
})

t.test('the names of known files are looked for, too', async t => {
  const plain = [{ name: 'secret-plan.txt', bytes: randomBytes(10) }]
  const one = dissected('http', [{ label: 'GET', clear: Buffer.from('GET /secret-plan.txt HTTP/1.1\r\n\r\n') }])
  t.match((await judgeContents([one], { plain })).names, { verdict: 'fails' })
})

t.test('nobody reads a password in the verdict', async t => {
  const texts: Text[] = [
    { kind: 'password', text: 'correct horse battery' },
    { kind: 'text', text: 'a confidential project' }
  ]
  const claim = await judged(Buffer.from(texts.map(({ text }) => text).join()), texts)
  t.equal(claim.verdict, 'fails')
  t.match(said(claim), /A password of 21 characters is seen[\s\S]*A text of 22 characters is seen/)
  t.notMatch(JSON.stringify(claim), /horse|project/)
})

t.test('too short to be told from chance', async t => {
  const short = await judged(Buffer.concat([randomBytes(10), Buffer.from([0, 0x62, 0x6f, 0x62, 0])]), [name('bob')])
  t.match(short, { verdict: 'unknown', evidence: [{ packets: [5] }, {}] })
  t.equal((await judged(Buffer.from('"name": "bob", "age": 7'), [name('bob')])).verdict, 'fails', 'not in a text')
  t.match(said(short), /^1 text can be found, but so short that it may be by chance: 1 user name of 3 characters\.$/m)
  const absent = await judged(Buffer.alloc(10), [name('bobby')])
  t.equal(absent.verdict, 'holds')
  t.match(said(absent), /^Not there, though so short that chance might have put it there: 1 user name of 5 characters/m)
})

t.test('many short texts take one line, by kind and length', async t => {
  const texts: Text[] = [
    ...Array.from({ length: 60 }, (_, i) => name(`u${i % 10}${Math.floor(i / 10)}`)),
    ...Array.from({ length: 40 }, (_, i): Text => ({ kind: 'password', text: `${'#'.repeat(1 + (i % 2))}${i + 10}` }))
  ]
  // between zeros nothing is a text, in which a name would be one
  const bytes = Buffer.from(texts.map(({ text }) => `\0\0${text}\0\0`).join(''))
  const lines = said(await judged(bytes, texts)).split('\n')
  t.equal(lines.length, 2)
  t.match(
    lines[0],
    '100 texts can be found, but so short that it may be by chance: 60 user names of 3 characters, 40 passwords of 3 to 4 characters.'
  )
  t.match(
    lines[1],
    /^Looked for: 60 user names of 3 characters, 40 passwords of 3 to 4 characters, in [\d,]+ bytes: as/
  )
})

t.test('how a text was read is said of the one text', async t => {
  const wide = await judged(Buffer.from('alexandra', 'utf16le'), [name('alexandra')])
  t.match(said(wide), /"alexandra" is seen 1 time: in UTF-16 in what the dialler/)
})

t.test('a password that is given as something else as well stays one', async t => {
  for (const kinds of [
    ['password', 'user name'],
    ['user name', 'password']
  ] as const) {
    const texts = kinds.map((kind): Text => ({ kind, text: 'correct horse battery' }))
    t.notMatch(JSON.stringify(await judged(Buffer.from('correct horse battery'), texts)), /horse/)
  }
})

t.test('nothing to look for', async t => {
  t.match(await judged(Buffer.from('x'), []), { verdict: 'unknown' })
  t.match(await judged(Buffer.from('x'), [name('')]), { verdict: 'unknown' })
})

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

/** An answer whose body comes in chunks of so many bytes. */
function chunked(body: Uint8Array, size: number): Dissected[] {
  const chunks: Uint8Array[] = []
  for (let at = 0; at < body.byteLength; at += size) {
    const part = body.subarray(at, at + size)
    chunks.push(Buffer.from(`${part.byteLength.toString(16)}\r\n`), part, Buffer.from('\r\n'))
  }
  const bytes = Buffer.concat([Buffer.from(CHUNKED), ...chunks, Buffer.from('0\r\n\r\n')])
  const asked = { dialler: true, bytes: Buffer.from('GET / HTTP/1.1\r\n\r\n') }
  return dissect(parseCapture(writeCapture([{ port: 80, pieces: [asked, { dialler: false, bytes }] }])))
}

t.test('a name in an HTTP body that comes in chunks, compressed or cut in its middle', async t => {
  const text = Buffer.from(`${randomBytes(3000).toString('base64url')} alexandra ${randomBytes(50).toString('hex')}`)
  const wide = Buffer.concat([randomBytes(100), Buffer.from('alexandra'), randomBytes(100)])
  for (const [how, body, size] of [
    ['as it is', Buffer.from('{"user": "alexandra"}'), 12],
    ['a byte each', wide, 1],
    ['in base64', Buffer.from(wide.toString('base64')), 5],
    ['compressed with gzip', gzipSync(text), 100],
    ['compressed with deflate', deflateRawSync(text), 100],
    ['compressed with brotli', brotliCompressSync(text), 100]
  ] as const) {
    const claim = (await judgeContents(chunked(body, size), { texts: [name('alexandra')] })).names
    t.equal(claim.verdict, 'fails', how)
    t.match(said(claim), /"alexandra" is seen 1 time: .* in what the listener of connection 1/)
    const other = (await judgeContents(chunked(body, size), { texts: [name('bartholomew')] })).names
    t.equal(other.verdict, 'holds', how)
  }
})

t.test('where in a chunk it is, the packet says', async t => {
  const body = Buffer.concat([Buffer.alloc(10_000, 1), Buffer.from('alexandra'), Buffer.alloc(3000, 1)])
  const [claim, whole] = await Promise.all(
    [10_003, 20_000].map(async size => (await judgeContents(chunked(body, size), { texts: [name('alexandra')] })).names)
  )
  t.match(claim, { verdict: 'fails' })
  t.same(claim?.evidence[0]?.packets, whole?.evidence[0]?.packets)
})

t.test('what can be read in several ways where it stands is told once', async t => {
  const bytes = Buffer.from('GET /?user=alexandra HTTP/1.1\r\n\r\n')
  const all = dissect(parseCapture(writeCapture([{ port: 80, pieces: [{ dialler: true, bytes }] }])))
  const { names } = await judgeContents(all, { texts: [name('alexandra')] })
  t.match(said(names), /"alexandra" is seen 1 time: as it is in what the dialler of connection 1 sent\.$/m)
})

t.test('a name in fields of HTTP, percent-encoded or in pieces', async t => {
  for (const field of ['X: %61lexandra', 'X-1: alex\r\nX-2: andra', 'Cookie: a=alex; b=andra']) {
    const bytes = Buffer.from(`GET / HTTP/1.1\r\n${field}\r\n\r\n`)
    const all = dissect(parseCapture(writeCapture([{ port: 80, pieces: [{ dialler: true, bytes }] }])))
    t.equal((await judgeContents(all, { texts: [name('alexandra')] })).names.verdict, 'fails', field)
    t.equal((await judgeContents(all, { texts: [name('bartholomew')] })).names.verdict, 'holds', field)
  }
})

t.test('a name across the pieces that are searched at a time', async t => {
  for (const at of [(1 << 20) - 5, (1 << 20) - 16 * 1024 - 3]) {
    const bytes = Buffer.alloc((1 << 20) + 5000, 1)
    bytes.write('alexandra', at - 2015)
    t.equal((await judged(bytes, [name('alexandra')])).verdict, 'fails', `${at}`)
  }
})
