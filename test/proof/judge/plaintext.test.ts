import { randomBytes } from 'node:crypto'
import { brotliCompressSync, constants, deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib'
import t from 'tap'
import { parseCapture } from '../../../src/proof/capture/read.ts'
import { writeCapture } from '../../../src/proof/capture/write.ts'
import { dissect } from '../../../src/proof/dissect/dissect.ts'
import { judgeContents } from '../../../src/proof/judge/contents.ts'
import type { Claim, Dissected } from '../../../src/proof/model.ts'
import { dissected, pipeOf, record, sessionOf } from '../../fixtures/dissected.ts'

const prose = Buffer.from(
  Array.from(
    { length: 3000 },
    (_, i) => `line ${i} of a report that nobody else may read, ${(i * 7919) % 1000}\n`
  ).join('')
)
const plain = [{ name: 'report.txt', bytes: prose }]

/** No byte of prose, so that nothing more is the same by chance. */
const EDGE = Buffer.from([255])

const around = (bytes: Uint8Array): Dissected =>
  dissected('sft session', [
    record('PING', 500),
    {
      label: 'RSFL',
      clear: Buffer.alloc(3),
      sealed: Buffer.concat([randomBytes(777), EDGE, bytes, EDGE, randomBytes(77)])
    }
  ])
const judge = async (all: readonly Dissected[], files = plain): Promise<Claim> =>
  (await judgeContents(all, { plain: files })).plaintext

const said = ({ evidence }: Claim): string => evidence.map(({ text }) => text).join('\n')

t.test('streams as they should be', async t => {
  const claim = await judge([pipeOf(prose), sessionOf(prose)])
  t.match(claim, { id: 'plaintext', verdict: 'holds' })
  t.match(said(claim), /Every 16 bytes in a row of 1 file \(\d+,\d+ bytes\) looked for in \d+,\d+ bytes/)
  t.equal((await judgeContents([pipeOf(prose)], {})).plaintext.verdict, 'unknown')
})

t.test('16 bytes from anywhere in the file, 15 of them', async t => {
  for (const from of [0, 1, 5, 1001, prose.byteLength - 16]) {
    const claim = await judge([around(prose.subarray(from, from + 16))])
    t.match(claim, { verdict: 'fails', evidence: [{ packets: [5] }] }, `${from}`)
    t.match(
      said(claim),
      /"report.txt": 16 bytes in 1 place as they are in what the dialler of connection 1 sent, first at byte 1,\d+\./
    )
  }
  t.equal((await judge([around(prose.subarray(2000, 2015))])).verdict, 'holds')
})

t.test('more packets than are named are counted', async t => {
  // from 20 places of the file, each in a packet of its own
  const frames = Array.from({ length: 20 }, (_, at) => ({
    label: 'RSFL',
    clear: Buffer.alloc(3),
    sealed: Buffer.concat([EDGE, prose.subarray(at * 500, at * 500 + 16), EDGE, randomBytes(3000)])
  }))
  const { evidence } = await judge([dissected('sft session', frames)])
  t.match(evidence[0], { text: /320 bytes in 20 places/, packets: { length: 16 }, more: 4 })
})

t.test('16 bytes in base64 and in hex', async t => {
  for (let from = 3000; from < 3003; from++) {
    const part = prose.subarray(from, from + 16)
    for (const text of [
      part.toString('base64'),
      part.toString('base64url'),
      part.toString('hex'),
      part.toString('hex').toUpperCase()
    ])
      t.equal((await judge([around(Buffer.from(text))])).verdict, 'fails', text)
    t.equal((await judge([around(Buffer.from(part.toString('base64').replace(/.{4}/g, '$&\r\n')))])).verdict, 'fails')
  }
})

t.test('compressed, whole, from the beginning, or a piece of it', async t => {
  const brotli = brotliCompressSync(prose, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } })
  const forms = [
    gzipSync(prose, { level: 6 }),
    deflateRawSync(prose, { level: 9 }),
    deflateRawSync(prose, { level: 1 }),
    brotli,
    zstdCompressSync(prose)
  ]
  for (const form of forms) {
    t.equal((await judge([around(form)])).verdict, 'fails')
    t.equal((await judge([around(form.subarray(0, 2000))])).verdict, 'fails')
    t.equal((await judge([around(form.subarray(1000, 1100))])).verdict, 'fails', 'from its middle')
  }
  const other = gzipSync(Buffer.concat([randomBytes(3000), prose.subarray(5000, 5100)]))
  t.equal((await judge([around(other)])).verdict, 'fails', 'among something else')
})

t.test('the headers that all of a format have are nothing of the file', async t => {
  const words = randomBytes(40_000).toString('hex').replaceAll('9', ' ')
  const others = Buffer.from(words)
  const pieces = [gzipSync(others), zstdCompressSync(others), brotliCompressSync(others)]
  t.equal((await judge(pieces.map(each => around(each)))).verdict, 'holds')
})

t.test('zeros: in a sealed part, as padding, and where the capture lacks bytes', async t => {
  const zeros = [{ name: 'zeros', bytes: Buffer.alloc(50_000) }]
  const holes = (length: number): Dissected =>
    dissected('tls', [{ label: 'client hello', clear: Buffer.alloc(length) }])
  t.equal((await judge([pipeOf(zeros[0]?.bytes as Buffer)], zeros)).verdict, 'holds', 'sealed')
  t.equal((await judge([around(Buffer.alloc(16))], zeros)).verdict, 'fails', 'not sealed at all')
  t.equal((await judge([holes(200)], zeros)).verdict, 'holds', 'padding')
  t.equal((await judge([holes(4000)], zeros)).verdict, 'fails', 'the file')
  const sealed = { label: 'RSFL', sealed: Buffer.concat([randomBytes(100), Buffer.alloc(400), randomBytes(100)]) }
  const lost = dissected('sft session', [sealed], { up: { lost: 400, gaps: [{ at: 100, length: 400 }] } })
  t.equal((await judge([lost], zeros)).verdict, 'holds', 'a gap')
})

t.test('of many places the first are told, and all bytes counted', async t => {
  const clear = dissected('unknown', [{ label: 'unexplained', clear: prose }])
  const claim = await judge([clear])
  t.equal(claim.verdict, 'fails')
  t.match(said(claim), new RegExp(`"report.txt": ${prose.byteLength.toLocaleString('en-US')} bytes in 1 place`))
})

t.test('a file of fewer than 16 bytes', async t => {
  const claim = await judge([around(randomBytes(10))], [{ name: 'tiny', bytes: Buffer.from('tiny') }])
  t.match(claim, { verdict: 'unknown' })
  t.match(said(claim), /"tiny" has 4 bytes: fewer than 16/)
})

t.test('what HTTP carries is in the clear, however it is cut: no file is needed to say so', async t => {
  const chunks = Array.from({ length: 100 }, () => 'a\r\nten letter\r\n').join('')
  const answer = (body: string, field: string) => Buffer.from(`HTTP/1.1 200 OK\r\n${field}\r\n\r\n${body}`, 'latin1')
  const judged = async (question: string, bytes: Buffer) => {
    const asked = { dialler: true, bytes: Buffer.from(`${question} HTTP/1.1\r\nHost: x\r\n\r\n`) }
    const capture = writeCapture([{ port: 80, pieces: [asked, { dialler: false, bytes }] }])
    return await judge(dissect(parseCapture(capture)), [])
  }
  const chunked = await judged('GET /file', answer(`${chunks}0\r\n\r\n`, 'Transfer-Encoding: chunked'))
  t.match(chunked, { verdict: 'fails', evidence: [{ text: /body of answer 200 .* in the clear: 1,505 bytes/ }] })
  t.match(await judged('GET /file', answer('ten letter', 'Content-Length: 10')), { verdict: 'fails' })
  t.match(await judged('GET /file', answer('', 'Content-Length: 0')), { verdict: 'unknown' }, 'nothing was carried')
  t.match(await judged('POST /verify', answer('certificate', 'Content-Length: 11')), { verdict: 'unknown' })
})

const SECRET = randomBytes(3000)
const secret = [{ name: 'secret.bin', bytes: SECRET }]

/** Requests of one connection, each with a head of its own. */
const asked = (heads: readonly string[]): Dissected[] => {
  const bytes = Buffer.from(heads.map(head => `${head}\r\n\r\n`).join(''), 'latin1')
  return dissect(parseCapture(writeCapture([{ port: 80, pieces: [{ dialler: true, bytes }] }])))
}

/** The file, so many bytes at a time. */
const cut = (size: number): Buffer[] =>
  Array.from({ length: Math.ceil(SECRET.byteLength / size) }, (_, at) => SECRET.subarray(at * size, (at + 1) * size))

const REQUEST = 'GET / HTTP/1.1\r\nHost: files.example\r\nAccept: text/html, */*;q=0.5'
const percent = (bytes: Buffer): string => bytes.toString('hex').replace(/../g, '%$&')
const HEADS: Record<string, () => string[]> = {
  'base64 in one field': () => [`${REQUEST}\r\nX: ${SECRET.subarray(0, 200).toString('base64')}`],
  'base64 in pieces of 12 bytes, a field each': () => [
    `${REQUEST}${cut(12)
      .slice(0, 50)
      .map((part, at) => `\r\nX-Part-${at}: ${part.toString('base64')}`)
      .join('')}`
  ],
  'padded base64 in pieces of 10 bytes': () =>
    cut(10).map((part, at) => `${REQUEST}\r\nX-Part-${at}: ${part.toString('base64')}\r\nLast: 0`),
  'hex in cookies of many requests': () =>
    cut(8).map((part, at) => `${REQUEST}\r\nCookie: lang=de; c${at}=${part.toString('hex')}; theme=dark`),
  'percent-encoded in a query': () => cut(10).map(part => REQUEST.replace('/', `/search?page=1&q=${percent(part)}`)),
  'in the path, among other fields': () =>
    cut(9).map(part => REQUEST.replace('/', `/${part.toString('base64url')}/index.html`)),
  'in segments of a path': () => [
    REQUEST.replace(
      '/',
      `/${cut(9)
        .slice(0, 20)
        .map(part => part.toString('base64url'))
        .join('/')}`
    )
  ]
}

for (const [how, heads] of Object.entries(HEADS))
  t.test(`M174: a file in heads of HTTP: ${how}`, async t => {
    const claim = await judge(asked(heads()), secret)
    t.equal(claim.verdict, 'fails', said(claim))
    t.match(said(claim), /"secret.bin": [\d,]+ bytes in [\d,]+ places? .* in what the dialler of connection 1 sent/)
    const other = [{ name: 'other.bin', bytes: randomBytes(3000) }]
    const good = await judge(asked(heads()), other)
    t.equal(good.verdict, 'holds', said(good))
    t.match(said(good), /\d+ heads? of HTTP, .* looked through for the files, .*would not be seen/)
  })

t.test('M174: a head with much in it, or with what is no text, carries something, whatever it is', async t => {
  const value = (length: number) => `${REQUEST}\r\nX: ${'v'.repeat(length)}`
  t.equal((await judge(asked([value(1024)]), [])).verdict, 'unknown')
  const large = await judge(asked([value(1025)]), [])
  t.match(large, { verdict: 'fails', evidence: [{ text: /The GET \/ in .* is in the clear: 1,099 bytes/ }] })
  t.equal((await judge(asked([REQUEST.replace('/', `/${'t'.repeat(1023)}`)]), [])).verdict, 'unknown')
  t.equal((await judge(asked([REQUEST.replace('/', `/${'t'.repeat(1024)}`)]), [])).verdict, 'fails')
  const many = Array.from({ length: 5 }, (_, at) => `\r\nX${at}: ${'v'.repeat(900)}`)
  t.equal((await judge(asked([`${REQUEST}${many.slice(0, 4).join('')}`]), [])).verdict, 'unknown')
  t.equal((await judge(asked([`${REQUEST}${many.join('')}`]), [])).verdict, 'fails')
  t.equal((await judge(asked([`${REQUEST}\r\nX: \x80\x00`]), [])).verdict, 'fails')
})

t.test('empty files: nothing holds for want of a byte, and one among others is said', async t => {
  const empty = { name: 'empty', bytes: Buffer.alloc(0) }
  for (const files of [[empty], [empty, { ...empty, name: 'other' }], []]) {
    const claim = await judge([pipeOf(prose)], files)
    t.equal(claim.verdict, 'unknown', `${files.length}`)
    t.match(said(claim), files.length > 0 ? /none has 16 bytes/ : /No file was given/)
  }
  const among = await judge([pipeOf(prose)], [...plain, empty])
  t.equal(among.verdict, 'holds')
  t.match(said(among), /"empty" has 0 bytes: there is nothing of it to look for/)
})

t.test('files of a few bytes take nothing from those beside them', async t => {
  const sizes = [0, 1, 3, 20, 21, 22]
  const tiny = sizes.map(size => ({ name: `tiny-${size}`, bytes: randomBytes(size) }))
  const empties = Array.from({ length: 5000 }, (_, i) => ({ name: `empty-${i}`, bytes: Buffer.alloc(0) }))
  const packed = around(deflateRawSync(prose, { level: 9 }).subarray(3000, 3040))
  for (const files of [...tiny.map(each => [each, ...plain]), [...tiny, ...plain, ...tiny], [...empties, ...plain]]) {
    const claim = await judge([packed], files)
    t.match(said(claim), /"report.txt", compressed with deflate 9: 40 bytes in 1 place/, `${files.length} files`)
  }
  for (const { name, bytes } of tiny.filter(each => each.bytes.byteLength >= 16)) {
    const claim = await judge([around(bytes.subarray(-16))], tiny)
    t.match(said(claim), new RegExp(`"${name}": 16 bytes in 1 place`))
  }
  t.equal((await judge([pipeOf(prose)], [...empties, ...plain])).verdict, 'holds')
})

t.test('M174: text in UTF-16 of a file in UTF-8, and in UTF-8 of one in UTF-16', async t => {
  const text = `${prose.toString()}Größe und Maß, Привет вам всем!`
  const wide = Buffer.from(text, 'utf16le')
  const forms = { utf8: Buffer.from(text), little: wide, big: Buffer.from(wide).swap16() }
  for (const [given, bytes] of Object.entries(forms))
    for (const [seen, form] of Object.entries(forms)) {
      const files = [{ name: 'text', bytes }]
      for (const part of [form.subarray(2000, 2016), form.subarray(-16)])
        t.equal((await judge([around(part)], files)).verdict, 'fails', `${given} seen as ${seen}`)
      const good = await judge([around(form.subarray(2000, 2015))], files)
      t.equal(good.verdict, 'holds', `${given}, 15 bytes of ${seen}`)
      t.match(said(good), /and text in UTF-16 and UTF-8/)
    }
  const large = [{ name: 'large', bytes: Buffer.alloc((16 << 20) + 1) }]
  t.match(said(await judge([pipeOf(prose)], large)), /but not in UTF-16, for which the files are too large/)
})

t.test('M174: padding beside bytes of a file does not hide them', async t => {
  const fills = [0, 0x20, 202]
  for (const fill of fills)
    for (let turn = 0; turn < 10; turn++) {
      const name = randomBytes(8).map(byte => (byte === fill ? byte ^ 1 : byte))
      const file = Buffer.concat([
        EDGE,
        name,
        Buffer.alloc(8, fill),
        EDGE,
        randomBytes(40),
        Buffer.alloc(300, fill),
        EDGE
      ])
      const clear = (bytes: Buffer) => [
        dissected('unknown', [
          { label: 'unexplained', clear: Buffer.concat([Buffer.of(1), bytes, Buffer.alloc(120, fill)]) }
        ])
      ]
      const files = [{ name: 'fields', bytes: file }]
      const claim = await judge(clear(Buffer.from(name)), files)
      t.match(said(claim), /"fields": 16 bytes in 1 place as they are/, `${fill} ${turn}`)
      const other = Buffer.from(
        name.map((byte, at) => (at === 7 ? byte ^ 2 : byte)).map(byte => (byte === fill ? 77 : byte))
      )
      t.equal((await judge(clear(other), files)).verdict, 'holds', `${fill} ${turn}: padding alone`)
    }
})

t.test('M174: text that repeats itself counts, zeros are padding', async t => {
  const bytes = Buffer.from('passw0rd'.repeat(40))
  const files = [{ name: 'word', bytes }]
  const clear = (all: Buffer) => judge([dissected('unknown', [{ label: 'unexplained', clear: all }])], files)
  const fails = async (part: Buffer, how: string) => {
    const claim = await clear(Buffer.concat([randomBytes(40), EDGE, part, EDGE, randomBytes(40)]))
    t.equal(claim.verdict, 'fails', how)
  }
  await fails(bytes, 'all of it')
  await fails(bytes.subarray(5, 37), '32 bytes of it')
  await fails(gzipSync(bytes), 'compressed')
  t.equal((await clear(Buffer.from('pass'.repeat(40)))).verdict, 'holds', 'another word')
})

t.test('M174: text that is cut within a letter, or has a zero in it, is text', async t => {
  const letters = `${prose.toString()}Größe und Maß, 日本`
  const wide = Buffer.from(letters, 'utf16le')
  const cut = Buffer.from(letters).subarray(0, -1)
  const forms = {
    'UTF-8 that is cut': cut,
    'UTF-8 with a zero': Buffer.concat([Buffer.from(letters), Buffer.of(0)]),
    'UTF-16 that is cut': wide.subarray(0, -1)
  }
  for (const [given, bytes] of Object.entries(forms)) {
    const part = (given.startsWith('UTF-8') ? wide : Buffer.from(letters)).subarray(3000, 3016)
    t.equal((await judge([around(part)], [{ name: 'text', bytes }])).verdict, 'fails', given)
    const good = await judge([around(part.subarray(0, 15))], [{ name: 'text', bytes }])
    t.equal(good.verdict, 'holds', given)
  }
})
