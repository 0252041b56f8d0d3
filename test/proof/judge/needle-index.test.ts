import t from 'tap'
import { NeedleIndex } from '../../../src/proof/judge/needle-index.ts'
import { seeded } from '../../fixtures/seeded.ts'

t.test('many needles are found where each of them would be', t => {
  const random = seeded()
  const letters = (length: number): string => Array.from({ length }, () => 'ab\0\xff'[random.int(4)]).join('')
  const bytes = Buffer.from(letters(3000), 'latin1')
  const needles = Array.from({ length: 300 }, (_, at) => ({
    bytes: Buffer.from(letters(1 + (at % 9)), 'latin1'),
    of: at
  }))
  const places = (many: number): string[] => {
    const all: string[] = []
    new NeedleIndex(needles, many).look(bytes, (of, at) => all.push(`${of} ${at}`) > 0)
    return all.sort()
  }
  const [one, other] = [places(1), places(Number.POSITIVE_INFINITY)]
  t.ok(one.length > 10_000)
  t.same(one, other)
  t.end()
})

t.test('of a few, what is found often enough is looked for no further', t => {
  let often = 0
  new NeedleIndex([{ bytes: Buffer.from('a'), of: 1 }]).look(Buffer.alloc(100, 'a'), () => ++often < 7)
  t.equal(often, 7)
  t.end()
})
