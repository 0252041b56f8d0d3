import { createCipheriv, randomBytes } from 'node:crypto'
import t from 'tap'
import { judgeRandomness } from '../../../src/proof/judge/randomness.ts'
import type { Claim, Dissected, Protocol } from '../../../src/proof/model.ts'
import { pattern } from '../../fixtures/bytes.ts'
import { dissected, pipeOf, sessionOf } from '../../fixtures/dissected.ts'

const of = (parts: readonly Uint8Array[], protocol: Protocol = 'sft session'): Dissected =>
  dissected(
    protocol,
    parts.map(sealed => ({ label: 'RSFL', clear: Buffer.alloc(13), sealed }))
  )
const said = ({ evidence }: Claim): string => evidence.map(({ text }) => text).join('\n')
const verdict = (...parts: Uint8Array[]): string => judgeRandomness([of(parts)]).verdict

t.test('random bytes, of any size that is tested', t => {
  for (const size of [4096, 50_000, 70_000, 3 << 20]) {
    const claim = judgeRandomness([of([randomBytes(size)])])
    t.match(claim, { id: 'randomness', verdict: 'holds' }, `${size}`)
    t.match(said(claim), /chi-square of bytes \d+\.\d at 255 degrees, p = .*entropy \d\.\d{6} bits a byte/)
    t.equal(/by the place in a block of 16/.test(said(claim)), size >= 65_536)
    t.equal(/chi-square of pairs/.test(said(claim)), size >= 2 << 20)
  }
  t.match(judgeRandomness([pipeOf(pattern(100_000)), sessionOf(pattern(100_000), 16_384, 2)]), { verdict: 'holds' })
  t.end()
})

t.test('too short: said, and not judged', t => {
  const claim = judgeRandomness([of([randomBytes(4095)])])
  t.match(claim, { verdict: 'unknown' })
  t.match(said(claim), /No flow has the 4,096 sealed bytes[\s\S]*1 flow with 4,095 sealed bytes too short/)
  t.equal(judgeRandomness([]).verdict, 'unknown')
  t.end()
})

t.test('short ones are judged together', t => {
  const claim = judgeRandomness([of([randomBytes(3000)]), of([randomBytes(3000)])])
  t.match(claim, { verdict: 'holds' })
  t.match(said(claim), /2 flows that are short, together, 6,000 sealed bytes/)
  t.equal(judgeRandomness([of([pattern(3000)]), of([Buffer.alloc(3000)])]).verdict, 'fails')
  t.end()
})

t.test('what is no ciphertext', t => {
  t.equal(verdict(Buffer.from('some words '.repeat(1000))), 'fails', 'text')
  t.equal(verdict(Buffer.alloc(5000)), 'fails', 'zeros')
  t.equal(verdict(Buffer.from(randomBytes(6000).toString('base64'))), 'fails', 'base64')
  t.equal(verdict(Uint8Array.from({ length: 65_536 }, (_, at) => at)), 'fails', 'a counter, more even than chance')
  t.equal(verdict(randomBytes(20_000).map(byte => byte & 0xfe)), 'fails', 'a bit that is always 0')
  const packets = judgeRandomness([of([randomBytes(100), Buffer.alloc(5000)])]).evidence[0]?.packets
  t.same(packets, [4, 5])
  t.end()
})

t.test('each value as often as any other, and no cipher all the same', t => {
  // every value stands as often as chance would have it, but always at the same place
  const shuffled = randomBytes(1 << 20).map((byte, at) => (at % 16 === 3 ? 7 : byte))
  t.equal(verdict(shuffled), 'fails', 'a place that is always the same')
  const rotated = randomBytes(1 << 20).map((byte, at) => (byte & 0xf0) | ((at * 5) & 0x0f))
  t.equal(verdict(rotated), 'fails', 'half of each byte by its place')
  const block = randomBytes(16)
  const twice = Buffer.concat(Array.from({ length: 4096 }, () => [randomBytes(16), block]).flat())
  t.equal(verdict(twice), 'fails', 'a block again and again')
  const pairs = randomBytes(4 << 20)
  for (let at = 1; at < pairs.byteLength; at += 2)
    if ((pairs[at - 1] as number) < 32) pairs[at] = (pairs[at - 1] as number) ^ 0x55
  t.equal(verdict(pairs), 'fails', 'a byte that follows from the one before')
  t.end()
})

t.test('blocks enciphered one by one', t => {
  const cipher = createCipheriv('aes-128-ecb', randomBytes(16), null)
  const text = Buffer.from('the same sixteen'.repeat(2000))
  t.equal(verdict(cipher.update(text)), 'fails')
  t.end()
})

t.test('a flow that lacks bytes', t => {
  const sealed = randomBytes(40_000).fill(0, 10_000, 20_000)
  const piece = { label: 'RSFL', sealed }
  const gaps = { lost: 10_000, gaps: [{ at: 10_000, length: 10_000 }] }
  t.equal(judgeRandomness([dissected('sft session', [piece], { up: gaps })]).verdict, 'holds')
  t.equal(judgeRandomness([dissected('sft session', [piece])]).verdict, 'fails')
  t.end()
})

t.test('an RSA block is below its modulus', t => {
  // a modulus of 0x81…: the first byte of a block is 0x81 at most
  const blocks = Array.from({ length: 20_000 }, () => {
    const block = randomBytes(256)
    block[0] = (block[0] as number) % 0x82
    return block
  })
  const claim = judgeRandomness([of(blocks, 'classic')])
  t.equal(claim.verdict, 'holds')
  t.match(said(claim), /first 2 bytes of RSA blocks are left out/)
  t.equal(judgeRandomness([of(blocks)]).verdict, 'fails', 'seen where they are not left out')
  t.end()
})
