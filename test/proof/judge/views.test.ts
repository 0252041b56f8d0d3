import { randomBytes } from 'node:crypto'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import t from 'tap'
import { Budget } from '../../../src/proof/judge/inflations.ts'
import { viewsOf } from '../../../src/proof/judge/views.ts'

const NEEDLE = 'here stands what somebody looks for'
const text = Buffer.from(`${randomBytes(3000).toString('hex')} ${NEEDLE} ${randomBytes(3000).toString('hex')}`)

/** How the needle can be read, and where the reading begins, in random bytes around `bytes`. */
async function readings(bytes: Uint8Array, starts: readonly number[] = [], needle = NEEDLE): Promise<string[]> {
  const all = Buffer.concat([randomBytes(1001), bytes, randomBytes(1001)])
  const found: string[] = []
  for await (const view of viewsOf(all, starts, new Budget())) {
    const at = Buffer.from(view.bytes.subarray(view.from, view.to)).indexOf(needle)
    if (at < 0) continue
    const origin = view.origin(view.from + at)
    t.ok(origin >= 1001 && origin < 1001 + bytes.byteLength, `${view.how} from ${origin}`)
    found.push(view.how)
  }
  return [...new Set(found)]
}

t.test('as they are, in base64 of either alphabet and any phase, in hex of either case', async t => {
  t.same(await readings(text), ['as they are'])
  for (let shift = 0; shift < 3; shift++) {
    const shifted = Buffer.concat([randomBytes(shift), text])
    t.same(await readings(Buffer.from(shifted.toString('base64'))), ['in base64'])
    t.same(await readings(Buffer.from(`xyz${shifted.toString('base64url')}`)), ['in base64'])
  }
  t.same(await readings(Buffer.from(text.toString('hex'))), ['in hex'])
  t.same(await readings(Buffer.from(`a${text.toString('hex').toUpperCase()}`)), ['in hex'])
})

t.test('what SPEC M174 says is not looked for', async t => {
  const hex = text.toString('hex')
  const bits = [...text].map(byte => byte.toString(2).padStart(8, '0')).join('')
  const base32 = bits.replace(/.{5}/g, five => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(five, 2)] as string)
  const forms = {
    'hex between other characters': hex.replace(/../g, '$&-'),
    'percent-encoding of every byte': hex.replace(/../g, '%$&'),
    'quoted-printable of every byte': hex.toUpperCase().replace(/../g, '=$&'),
    base32,
    'base64 between blanks': text.toString('base64').replace(/.{4}/g, '$& ')
  }
  for (const [name, form] of Object.entries(forms)) t.same(await readings(Buffer.from(form)), [], name)
  const beginning = deflateRawSync(text, { level: 4 })
  t.same(await readings(beginning.subarray(40), [1001]), [], 'the middle of what was compressed')
})

t.test('with line breaks, also escaped ones', async t => {
  const base64 = text.toString('base64')
  t.same(await readings(Buffer.from(base64.replace(/.{76}/g, '$&\r\n'))), ['in base64'])
  for (const width of [1, 5, 7, 60, 63, 65, 77, 1000]) {
    const lines = base64.replace(new RegExp(`.{${width}}`, 'g'), '$&\n')
    t.same(await readings(Buffer.from(lines)), ['in base64'], `${width}`)
  }
  t.same(await readings(Buffer.from(JSON.stringify({ body: base64.replace(/.{64}/g, '$&\n') }))), ['in base64'])
  t.same(await readings(Buffer.from(JSON.stringify(base64.replace(/.{64}/g, '$&\r\n')))), ['in base64'])
  t.same(await readings(Buffer.from(text.toString('hex').replace(/../g, '$&:'))), ['in hex'])
  t.same(await readings(Buffer.from(text.toString('hex').replace(/.{32}/g, '$&\n'))), ['in hex'])
})

t.test('words of text that could be base64 are read, many together', async t => {
  const word = Buffer.from('hidden name').toString('base64')
  const words = Array.from({ length: 20_000 }, (_, i) => `possible${i}`)
  words[12_345] = word
  const all = words.join(' ')
  const whole = Buffer.from(all)
  const origins: number[] = []
  let views = 0
  for await (const { bytes, origin } of viewsOf(whole, [], new Budget())) {
    views++
    const at = Buffer.from(bytes).indexOf('hidden name')
    if (at >= 0) origins.push(origin(at))
  }
  t.same(origins, [all.indexOf(word)])
  t.ok(views < 100, `${views} views`)
  const apart = `${word.slice(0, 12)} ${word.slice(12)}`.padEnd(60, '=')
  t.same(await readings(Buffer.from(` ${apart} `), [], 'hidden name'), [], 'two words make nothing together')
})

t.test('where in the bytes each character of what was decoded stands', async t => {
  const long = Buffer.from(Array.from({ length: 60_000 }, (_, i) => `${i};`).join(''))
  const lines = long.toString('base64').replace(/.{76}/g, '$&\r\n')
  let tested = 0
  for await (const { how, bytes, origin } of viewsOf(Buffer.from(lines), [], new Budget())) {
    const first = /;(\d+);/.exec(Buffer.from(bytes).toString('latin1'))
    if (how !== 'in base64' || !first) continue
    const expected = long.indexOf(`;${first[1]};`)
    const characters = Math.floor((expected * 4) / 3)
    t.equal(origin(first.index), characters + 2 * Math.floor(characters / 76))
    tested++
  }
  t.ok(tested > 5, `${tested} pieces`)
})

t.test('compressed, with a mark anywhere and without one where a message starts', async t => {
  t.same(await readings(gzipSync(text)), ['compressed with gzip'])
  t.same(await readings(deflateSync(text)), ['compressed with zlib'])
  t.same(await readings(zstdCompressSync(text)), ['compressed with zstd'])
  t.same(await readings(deflateRawSync(text), [1001]), ['compressed with deflate'])
  t.same(await readings(brotliCompressSync(text), [1001]), ['compressed with brotli'])
  t.same(await readings(deflateRawSync(text)), [], 'nobody knows where to begin')
  const named = Buffer.concat([Buffer.from('1f8b08080000000000036e616d6500', 'hex'), deflateRawSync(text)])
  t.same(await readings(named), ['compressed with gzip'], 'with the name of the file before it')
})

t.test('what breaks off is read as far as it goes', async t => {
  const front = Buffer.concat([Buffer.from(NEEDLE), randomBytes(40_000)])
  for (const compress of [gzipSync, deflateSync, deflateRawSync, brotliCompressSync]) {
    const part = compress(Buffer.from(front.toString('latin1')), {}).subarray(0, 700)
    t.equal((await readings(part, [1001])).length, 1, compress.name)
  }
})

t.test('a few bytes that were compressed, with others behind them', async t => {
  const short = `${'the name of the user is '.repeat(3)}alexandra`
  for (const [compress, how] of [
    [gzipSync, 'gzip'],
    [deflateSync, 'zlib'],
    [zstdCompressSync, 'zstd'],
    [deflateRawSync, 'deflate'],
    [brotliCompressSync, 'brotli']
  ] as const)
    t.has(await readings(compress(Buffer.from(short)), [1001], short), [`compressed with ${how}`], how)
})

t.test('what was compressed in base64, and base64 in what was compressed', async t => {
  t.same(await readings(Buffer.from(gzipSync(text).toString('base64'))), ['compressed with gzip in base64'])
  t.same(await readings(gzipSync(text.toString('base64'))), ['in base64 compressed with gzip'])
})

t.test('far into something large', async t => {
  const large = Buffer.concat([Buffer.from(randomBytes(1_500_000).toString('hex')), text])
  t.same(await readings(gzipSync(large)), ['compressed with gzip'])
  t.same(await readings(Buffer.from(large.toString('base64'))), ['in base64'])
})

t.test('random bytes decode to little', async t => {
  let bytes = 0
  const starts = Array.from({ length: 250 }, (_, at) => at * 4096)
  for await (const view of viewsOf(randomBytes(1 << 20), starts, new Budget()))
    if (view.how !== 'as they are') bytes += view.to
  // one start in 70,000 is that of a brotli stream of a megabyte by chance
  t.ok(bytes < 4 << 20, `${bytes} bytes`)
})

t.test('M174: behind blocks of deflate that are only stored', async t => {
  const front = Buffer.concat([randomBytes(70_000), text])
  for (const level of [1, 6, 9])
    for (const [compress, how] of [
      [gzipSync, 'gzip'],
      [deflateSync, 'zlib'],
      [deflateRawSync, 'deflate']
    ] as const)
      t.same(await readings(compress(front, { level }), [1001]), [`compressed with ${how}`], `${how} ${level}`)
})

t.test('M174: what decodes to a few bytes is decoded again', async t => {
  const short = 'hunter2 is a secret'
  const base64 = Buffer.from(short).toString('base64')
  const forms = {
    'in base64 in base64': Buffer.from(base64).toString('base64'),
    'in base64 in hex': Buffer.from(base64).toString('hex'),
    'compressed with gzip in base64': gzipSync(short).toString('base64')
  }
  for (const [how, form] of Object.entries(forms))
    t.same(await readings(Buffer.from(`\xff${form}\xff`, 'latin1'), [], short), [how])
})
