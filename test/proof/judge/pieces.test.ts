import t from 'tap'
import { Pieces } from '../../../src/proof/judge/pieces.ts'

const of = (...texts: string[]): Pieces => {
  const pieces = new Pieces('in pieces')
  texts.forEach((text, index) => void pieces.add(Buffer.from(text), within => 100 * index + within))
  return pieces
}

t.test('one behind the other, and where each byte comes from', async t => {
  const { how, bytes, origin } = of('abc', '', 'd', 'x'.repeat(5000)).joined()
  t.equal(how, 'in pieces')
  t.equal(Buffer.from(bytes).toString(), `abcd${'x'.repeat(5000)}`)
  t.same([0, 2, 3, 4, 5003].map(origin), [0, 2, 200, 300, 5299])
})

t.test('the last of them go on, but no more than half', async t => {
  const of10 = of(...'abcdefghij')
  t.equal(Buffer.from(of10.end(3).joined().bytes).toString(), 'hij')
  t.equal(Buffer.from(of10.end(100).joined().bytes).toString(), 'fghij')
  t.equal(of10.end(3).joined().origin(0), 700)
  t.equal(of('long', 'longer').end(1).count, 1)
})
