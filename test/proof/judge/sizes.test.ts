import { randomBytes } from 'node:crypto'
import t from 'tap'
import { judgeSizes } from '../../../src/proof/judge/sizes.ts'
import type { Claim, Dissected } from '../../../src/proof/model.ts'
import { pattern } from '../../fixtures/bytes.ts'
import {
  chunk,
  chunksOf,
  dissected,
  frameHead,
  helloAnswer,
  type Piece,
  pipeHeader,
  pipeOf,
  record,
  sessionOf
} from '../../fixtures/dissected.ts'

const C = 16_384
const said = ({ evidence }: Claim): string => evidence.map(({ text }) => text).join('\n')
const known = (size: number, name = 'file') => ({ plain: [{ name, bytes: pattern(size) }] })

for (const size of [0, 1, C - 1, C, C + 1, 5 * C, 100_000])
  t.test(`a pipe and a session with a file of ${size} bytes`, t => {
    const all = [pipeOf(pattern(size)), sessionOf(pattern(size), C, 2)]
    t.match(judgeSizes(all, known(size)), { id: 'sizes', verdict: size > 0 ? 'holds' : 'unknown' })
    t.match(
      said(judgeSizes(all, known(size))),
      /"file" .* has exactly the sizes of the .* of connection 1[\s\S]*of connection 2/
    )
    t.equal(judgeSizes(all, {}).verdict, 'unknown', 'without the file')
    // a few bytes off, a large file is meant, and a small one may be another
    const off = size > 200 ? 'fails' : 'unknown'
    t.equal(judgeSizes(all, known(size + 1)).verdict, off, 'a byte more')
    if (size > 0) t.equal(judgeSizes(all, known(size - 1)).verdict, off, 'a byte less')
    t.equal(judgeSizes(all, known(size + 5000)).verdict, 'unknown', 'another file')
    t.end()
  })

t.test('an empty file says nothing of chunks, but among others', t => {
  const all = [pipeOf(pattern(0)), pipeOf(pattern(C), {}, 2)]
  const [empty, full] = [known(0, 'empty').plain, known(C).plain]
  const claim = judgeSizes(all, { plain: empty })
  t.equal(claim.verdict, 'unknown')
  t.match(said(claim), /Every file that was given is empty/)
  t.equal(judgeSizes(all, { plain: [...empty, ...full] }).verdict, 'holds')
  t.end()
})

t.test('what all of it is', t => {
  const claim = judgeSizes([pipeOf(pattern(C + 5))], known(C + 5))
  t.match(said(claim), /sft: [\d,]+ bytes, of which 16,389 are the data of 1 stream and [\d,]+ handshakes/)
  t.end()
})

t.test('stripes: one stream over several connections, by its end', t => {
  const file = pattern(5 * C + 7)
  const all = chunksOf(file, C, 'down')
  const end = record('FINL', 40, 'down')
  const join = { label: 'JOIN', clear: Buffer.concat([frameHead('JOIN', 90), randomBytes(90)]) }
  const part = (which: number): Piece[] => all.filter((_, at) => at % 2 === which)
  const first = dissected('sft session', [record('RQFL', 50), record('STRM', 500, 'down'), ...part(0), end])
  const stripe = dissected('sft session', [join, record('JOIR', 16, 'down'), ...part(1), end], {}, 2)
  const claim = judgeSizes([first, stripe], known(file.byteLength))
  t.equal(claim.verdict, 'holds')
  t.match(said(claim), /the 6 chunks of connections 1, 2\./)
  const missing = judgeSizes([first], known(file.byteLength))
  t.equal(missing.verdict, 'fails')
  t.match(said(missing), /chunk 2 does not follow the one before it/)
  t.end()
})

t.test('a stream that goes on where another broke off', t => {
  const file = pattern(4 * C + 9)
  const rest = chunksOf(file, C, 'down').slice(2)
  const stream = dissected('sft session', [record('STRM', 500, 'down'), ...rest, record('FINL', 40, 'down')])
  const claim = judgeSizes([stream], known(file.byteLength))
  t.equal(claim.verdict, 'holds')
  t.match(said(claim), /from byte 32,768 on/)
  t.end()
})

t.test('chunks of any size, as of a source that is no file', t => {
  const sizes = [5, 1000, 16, C, 1]
  const chunks = sizes.map((size, at) => chunk(at, randomBytes(size)))
  const total = sizes.reduce((a, b) => a + b)
  const pipe = (variable: boolean): Dissected =>
    dissected('sft pipe', [...pipeHeader({ variable }), ...chunks, record('FINL', 40)])
  t.equal(judgeSizes([pipe(true)], known(total)).verdict, 'holds')
  t.equal(judgeSizes([pipe(true)], known(total + 3)).verdict, 'fails', 'three bytes')
  const claim = judgeSizes([pipe(false)], known(total))
  t.equal(claim.verdict, 'fails')
  t.match(said(claim), /are not those of full chunks of 16,384 bytes and a rest/)
  t.end()
})

/** Chunks of blocks of 384 bytes with 318 of the file, as many as have room in a chunk (SPEC §7.6). */
function strictChunks(size: number, direction: 'up' | 'down'): Piece[] {
  const blocks = Math.ceil(size / 318)
  const room = Math.floor(C / 384)
  const full = Array.from({ length: Math.ceil(blocks / room) }, (_, at) => Math.min(room, blocks - at * room))
  return full.map((count, at) => chunk(at, randomBytes(count * 384), direction))
}

t.test('the strict suite: whole blocks', t => {
  for (const size of [1, 318, 319, 13_356, 13_357, 60_000]) {
    const pipe = dissected('sft pipe', [...pipeHeader({ suite: 3 }), ...strictChunks(size, 'up'), record('FINL', 40)])
    const answer = { label: 'HELR', direction: 'down', clear: helloAnswer(3) } as const
    const session = dissected('sft session', [
      answer,
      record('STRM', 400, 'down'),
      ...strictChunks(size, 'down'),
      record('FINL', 40, 'down')
    ])
    for (const each of [pipe, session]) {
      t.equal(judgeSizes([each], known(size)).verdict, 'holds', `${size}`)
      t.match(said(judgeSizes([each], known(size))), /in RSA blocks of 384 bytes with 318 of the file in each/)
      t.equal(judgeSizes([each], known(size + 318)).verdict, size < 40_000 ? 'unknown' : 'fails', 'a block more')
    }
  }
  t.end()
})

t.test('bytes that nobody can explain', t => {
  const odd = { label: 'unexplained', clear: randomBytes(33) }
  const claim = judgeSizes([dissected('sft session', [record('PING', 16), odd])], {})
  t.match(claim, { verdict: 'fails', evidence: [{ packets: [5] }] })
  t.match(said(claim), /33 bytes from byte 21 on of what the dialler of connection 1 sent are in no frame/)
  const fault = { direction: 'up', at: 21, reason: 'a frame is cut' } as const
  const cut = judgeSizes([dissected('sft session', [record('PING', 16), record('PING', 16)], { faults: [fault] })], {})
  t.match(said(cut), /byte 21: a frame is cut/)
  t.end()
})

t.test('frames that leave something out', t => {
  const whole = dissected('sft session', [record('PING', 16), record('PING', 16), record('PING', 16)])
  const without = (at: number): Dissected => ({ ...whole, frames: whole.frames.filter((_, i) => i !== at) })
  t.equal(judgeSizes([whole], {}).verdict, 'holds')
  for (const at of [0, 1, 2]) t.equal(judgeSizes([without(at)], {}).verdict, 'fails', `${at}`)
  t.end()
})

t.test('an end that is longer than an end', t => {
  const end = record('FINL', 41)
  const claim = judgeSizes([dissected('sft pipe', [...pipeHeader(), chunk(0, randomBytes(9)), end])], known(9))
  t.equal(claim.verdict, 'fails')
  t.match(said(claim), /The end of the chunk of connection 1 has 46 bytes instead of 45/)
  t.end()
})

t.test('a classic file: its size to 100 bytes', t => {
  const block = (): Piece => ({
    label: 'RSFL',
    direction: 'down',
    clear: randomBytes(8),
    sealed: randomBytes(256),
    content: true
  })
  const claim = judgeSizes([dissected('classic', [block(), block(), block()])], {})
  t.match(said(claim), /3 blocks, so the lengths reveal that the file has 201 to 300 bytes/)
  const with3 = (size: number) => judgeSizes([dissected('classic', [block(), block(), block()])], known(size))
  for (const size of [201, 300]) {
    t.equal(with3(size).verdict, 'holds')
    t.match(said(with3(size)), /"file" \(\d+ bytes\) takes as many blocks as connection 1 has/)
  }
  for (const size of [0, 200, 301]) t.equal(with3(size).verdict, 'unknown', `${size}`)
  t.end()
})

t.test('M172: a file that was in no stream is not said to have its sizes', t => {
  const file = pattern(3 * C)
  const begun = dissected('sft pipe', [...pipeHeader(), ...chunksOf(file, C)])
  for (const all of [[begun], [dissected('unknown', [record('PING', 100)])]]) {
    const claim = judgeSizes(all, known(file.byteLength))
    t.equal(claim.verdict, 'unknown')
    t.match(said(claim), /^"file" \(49,152 bytes\) was in no stream: the capture has none with an end\./)
  }
  t.equal(judgeSizes([pipeOf(file)], known(file.byteLength)).verdict, 'holds', 'with its end')
  t.end()
})
