import { randomBytes } from 'node:crypto'
import t from 'tap'
import { judgeFreshKeys } from '../../../src/proof/judge/fresh-keys.ts'
import type { Claim, Dissected } from '../../../src/proof/model.ts'
import { pattern } from '../../fixtures/bytes.ts'
import {
  chunk,
  chunksOf,
  dissected,
  frameHead,
  type Piece,
  pipeHeader,
  pipeOf,
  record,
  sessionOf
} from '../../fixtures/dissected.ts'

const file = pattern(100_000)
const said = ({ evidence }: Claim): string => evidence.map(({ text }) => text).join('\n')

t.test('the same file twice, under keys of their own', t => {
  const claim = judgeFreshKeys([
    pipeOf(file),
    pipeOf(file, {}, 2),
    sessionOf(file, 16_384, 3),
    sessionOf(file, 16_384, 4)
  ])
  t.match(claim, { id: 'fresh-keys', verdict: 'holds' })
  t.match(said(claim), /4\d\d,\d+ bytes in \d+ sealed parts compared with each other/)
  t.end()
})

t.test('a stream that comes twice, and a file under one key', t => {
  // and of each chunk, by chance, the first byte of its tag
  const keystream = randomBytes(file.byteLength)
  const claim = judgeFreshKeys([pipeOf(file, {}, 1, keystream), pipeOf(file, {}, 2, keystream)])
  t.equal(claim.verdict, 'fails')
  t.match(
    said(claim),
    /RSFL in what the dialler of connection 1 sent and RSFL in what the dialler of connection 2 sent have 100,0\d\d bytes in common, in 7 places\./
  )
  t.ok((claim.evidence[0]?.packets.length ?? 0) >= 7)
  t.end()
})

t.test('16 bytes at any two places, 15, and a place with itself', t => {
  for (const [one, other] of [
    [0, 0],
    [3, 8],
    [15, 5],
    [1, 12]
  ] as const) {
    const shared = randomBytes(16)
    const part = (before: number, edge: number, length = 16): Piece => ({
      label: 'RSFL',
      sealed: Buffer.concat([
        Buffer.alloc(before, edge),
        shared.subarray(0, length),
        Buffer.alloc(1, edge),
        randomBytes(20)
      ])
    })
    const verdict = (...pieces: Piece[]): string => judgeFreshKeys([dissected('sft session', pieces)]).verdict
    t.equal(verdict(part(one, 1), part(other, 2)), 'fails', `${one} ${other}`)
    t.equal(verdict(part(one, 1, 15), part(other, 2, 15)), 'holds')
    t.equal(verdict(part(one % 16, 1)), 'holds')
  }
  const block = randomBytes(16)
  const twice = dissected('tls', [
    { label: 'application data', sealed: Buffer.concat([block, randomBytes(32), block]) }
  ])
  t.equal(judgeFreshKeys([twice]).verdict, 'fails', 'within one part')
  t.end()
})

t.test('what is in the clear may come twice', t => {
  const clear = randomBytes(500)
  const piece = (): Piece => ({ label: 'SECE', clear, sealed: randomBytes(100) })
  t.equal(judgeFreshKeys([dissected('classic', [piece(), piece()])]).verdict, 'holds')
  t.equal(judgeFreshKeys([dissected('http', [{ label: 'GET', clear }])]).verdict, 'unknown')
  t.end()
})

const pipeWithEnd = ({ clear, sealed }: Piece): Dissected =>
  dissected(
    'sft pipe',
    [...pipeHeader(), chunk(0, randomBytes(100)), { label: 'FINL', clear: clear as Buffer, sealed: sealed as Buffer }],
    {},
    9
  )

t.test('the end of a stream is the same on every stripe, and nothing else is', t => {
  const end = record('FINL', 40, 'down')
  const striped = (pieces: readonly Piece[]): Dissected[] => {
    const [first, second] = [chunksOf(file, 16_384, 'down').slice(0, 3), chunksOf(file, 16_384, 'down').slice(3)]
    const join = { label: 'JOIN', clear: Buffer.concat([frameHead('JOIN', 100), randomBytes(100)]) }
    return [
      dissected('sft session', [record('RQFL', 50), ...first, end], {}, 1),
      dissected('sft session', [join, record('JOIR', 16, 'down'), ...second, ...pieces], {}, 2)
    ]
  }
  const claim = judgeFreshKeys(striped([end]))
  t.equal(claim.verdict, 'holds')
  t.match(said(claim), /1 stripe ended with the FINL of another/)
  t.equal(judgeFreshKeys([...striped([end]), pipeWithEnd(end)]).verdict, 'fails', 'on a connection that is no stripe')
  const again = chunksOf(file, 16_384, 'down')[0] as Piece
  const both = striped([again, end])
  both[0] = dissected('sft session', [again, end])
  t.equal(judgeFreshKeys(both).verdict, 'fails', 'a chunk on both')
  t.end()
})

t.test('bytes that the capture lacks are not the same ones', t => {
  const piece = (): Piece => ({ label: 'RSFL', sealed: randomBytes(300).fill(0, 100, 200) })
  const all = [0, 1].map(at =>
    dissected('sft session', [piece()], { up: { lost: 100, gaps: [{ at: 100, length: 100 }] } }, at + 1)
  )
  t.equal(judgeFreshKeys(all).verdict, 'holds')
  t.equal(
    judgeFreshKeys([dissected('sft session', [piece()]), dissected('sft session', [piece()], {}, 2)]).verdict,
    'fails'
  )
  t.end()
})
