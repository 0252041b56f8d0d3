import { createCipheriv, randomBytes } from 'node:crypto'
import t from 'tap'
import { judgeNonces } from '../../../src/proof/judge/nonces.ts'
import type { Claim } from '../../../src/proof/model.ts'
import { chunk, dissected, pipeHeader, pipeOf, record, sessionOf } from '../../fixtures/dissected.ts'

const SIZE = 16_384
const one = { name: 'one.bin', bytes: randomBytes(50_000) }
const other = { name: 'other.bin', bytes: randomBytes(40_000) }
const plain = [one, other]
const said = ({ evidence }: Claim): string => evidence.map(({ text }) => text).join('\n')

t.test('keys of their own', t => {
  const streams = [
    pipeOf(one.bytes),
    pipeOf(one.bytes, {}, 2),
    pipeOf(other.bytes, {}, 3),
    sessionOf(other.bytes, SIZE, 4)
  ]
  const claim = judgeNonces(streams, { plain })
  t.match(claim, { id: 'nonces', verdict: 'holds' })
  t.match(said(claim), /4 streams with exactly the sizes of one of 2 files: 180,000 bytes of keystream compared/)
  t.end()
})

t.test('files without the bytes of one keystream compare nothing', t => {
  const tiny = { name: 'tiny', bytes: randomBytes(15) }
  const empty = { name: 'empty', bytes: Buffer.alloc(0) }
  for (const files of [[tiny], [empty], [tiny, empty]]) {
    const claim = judgeNonces([pipeOf(tiny.bytes), pipeOf(empty.bytes, {}, 2)], { plain: files })
    t.equal(claim.verdict, 'unknown')
    t.match(said(claim), /none has 16 bytes/)
  }
  t.equal(judgeNonces([pipeOf(one.bytes), pipeOf(empty.bytes, {}, 2)], { plain: [one, empty] }).verdict, 'holds')
  const others = judgeNonces([pipeOf(other.bytes), pipeOf(empty.bytes, {}, 2)], { plain: [one, empty] })
  t.equal(others.verdict, 'unknown', 'the stream of the empty one is not that of a file')
  t.end()
})

t.test('two files under one key and nonce', t => {
  const keystream = randomBytes(50_000)
  const streams = [pipeOf(one.bytes, {}, 1, keystream), pipeOf(other.bytes, {}, 2, keystream)]
  const claim = judgeNonces(streams, { plain })
  t.equal(claim.verdict, 'fails')
  t.match(
    said(claim),
    /C1⊕C2 = P1⊕P2 for chunk 0 of the 4 chunks of connection 1 with byte 0 on of "one.bin" and chunk 0 of the 3 chunks of connection 2 with byte 0 on of "other.bin"/
  )
  t.same(claim.evidence[0]?.packets, [6])
  t.equal(judgeNonces(streams, { plain: [one] }).verdict, 'holds', 'not to be seen with one of them')
  t.end()
})

t.test('two chunks of one file under one nonce', t => {
  const part = randomBytes(SIZE)
  const keystream = Buffer.concat([part, randomBytes(SIZE), part, randomBytes(SIZE)])
  const claim = judgeNonces([sessionOf(other.bytes), pipeOf(one.bytes, {}, 2, keystream)], { plain })
  t.equal(claim.verdict, 'fails')
  t.match(
    said(claim),
    /for chunk 0 of .* with byte 0 on of "one.bin" and chunk 2 of .* with byte 32,768 on of "one.bin"/
  )
  t.end()
})

t.test('chunks of any size, of a source that is no regular file', t => {
  const sizes = [1000, 20, 5000, 16, 7, 16_000]
  const keystream = randomBytes(SIZE)
  let at = 0
  const chunks = sizes.map((length, index) => {
    const data = one.bytes.subarray(at, at + length)
    at += length
    return chunk(
      index,
      data.map((byte, i) => byte ^ (keystream[i] as number))
    )
  })
  const stream = dissected('sft pipe', [...pipeHeader({ variable: true }), ...chunks, record('FINL', 40)])
  const file = { name: 'one.bin', bytes: one.bytes.subarray(0, at) }
  const claim = judgeNonces([stream], { plain: [file] })
  t.equal(claim.verdict, 'fails')
  t.match(said(claim), /chunk 1 of .* with byte 1,000 on/)
  t.end()
})

/** Under one key, the counter of a chunk beginning `step` blocks behind that of the one before it. */
function countedKeystream(length: number, step: number): Buffer {
  const key = randomBytes(32)
  const parts: Buffer[] = []
  for (let at = 0; at < length; at += SIZE) {
    const counter = Buffer.alloc(16)
    counter.writeUInt32BE((at / SIZE) * step, 12)
    parts.push(createCipheriv('aes-256-ctr', key, counter).update(Buffer.alloc(Math.min(SIZE, length - at))))
  }
  return Buffer.concat(parts)
}

t.test('keystreams that overlap, one a block behind the other', t => {
  const judged = (step: number) => judgeNonces([pipeOf(one.bytes, {}, 1, countedKeystream(50_000, step))], { plain })
  const claim = judged(1)
  t.equal(claim.verdict, 'fails')
  t.match(said(claim), /chunk 0 of .* with byte 16 on of "one.bin" and chunk 1 of .* with byte 16,384 on of "one.bin"/)
  t.equal(judged(SIZE / 16).verdict, 'holds', 'a counter that goes on')
  t.equal(judged(SIZE / 16 - 1).verdict, 'fails', 'by a block')
  t.end()
})

t.test('a keystream that comes again within a chunk', t => {
  const short = randomBytes(1000)
  const keystream = Buffer.concat(Array<Buffer>(50).fill(short))
  t.equal(judgeNonces([pipeOf(one.bytes, {}, 1, keystream)], { plain }).verdict, 'fails')
  t.end()
})

t.test('files that have much in common, or all of it, are no fault of their streams', t => {
  const version = Buffer.from(one.bytes)
  version.fill(1, 20_000, 20_100)
  const files = [one, { name: 'version.bin', bytes: version }, { name: 'copy.bin', bytes: Buffer.from(one.bytes) }]
  const streams = files.map(({ bytes }, at) => pipeOf(bytes, {}, at + 1))
  t.equal(judgeNonces(streams, { plain: files }).verdict, 'holds')
  const zeros = { name: 'zeros', bytes: Buffer.alloc(50_000) }
  t.equal(judgeNonces([pipeOf(zeros.bytes), pipeOf(zeros.bytes, {}, 2)], { plain: [zeros] }).verdict, 'holds')
  t.end()
})

t.test('where the capture lacks bytes, there is no keystream', t => {
  const cut = (number: number) => {
    const whole = pipeOf(one.bytes, {}, number)
    const { at = 0, length = 0 } = whole.frames.filter(({ label }) => label === 'RSFL')[1] ?? {}
    const { up } = whole.connection
    const gap = { at: at + 5, length: length - 5 }
    const bytes = Uint8Array.from(up.bytes).fill(0, gap.at + 15, at + length)
    const flow = { ...up, bytes, lost: gap.length, gaps: [gap] }
    return { ...whole, connection: { ...whole.connection, up: flow } }
  }
  t.equal(judgeNonces([cut(1), cut(2)], { plain: [one] }).verdict, 'holds')
  t.end()
})

t.test('what can not be judged', t => {
  t.match(said(judgeNonces([pipeOf(one.bytes)], {})), /No file was given/)
  t.equal(judgeNonces([pipeOf(one.bytes)], {}).verdict, 'unknown')
  t.equal(judgeNonces([pipeOf(one.bytes)], { plain: [other] }).verdict, 'unknown', 'a file that is not there')
  t.equal(judgeNonces([], { plain }).verdict, 'unknown')
  t.end()
})
