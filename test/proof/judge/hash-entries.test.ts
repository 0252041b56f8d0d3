import t from 'tap'
import { HashEntries } from '../../../src/proof/judge/hash-entries.ts'
import { pattern } from '../../fixtures/bytes.ts'

/** All values of a hash. */
function valuesOf(entries: HashEntries, hash: number): number[] {
  const values: number[] = []
  for (let entry = entries.newest(hash); entry !== 0; entry = entries.before(entry)) values.push(entries.value(entry))
  return values
}

t.test('values of a hash, the newest first, whatever has its slot, also beyond what was expected', async t => {
  const entries = new HashEntries(16)
  const hashes = [0, 1, -1, 0x7fffffff, -0x80000000, ...Array.from({ length: 95 }, (_, i) => i * 7919)]
  for (let round = 0; round < 3; round++) hashes.forEach((hash, i) => void entries.enter(hash, 1000 * round + i))
  const wanted = hashes.map(hash =>
    [2, 1, 0].flatMap(round => hashes.flatMap((other, i) => (other === hash ? [1000 * round + i] : [])).toReversed())
  )
  t.same(
    hashes.map(hash => valuesOf(entries, hash)),
    wanted
  )
  t.same(valuesOf(entries, 4), [])
  entries.enter(4, 0xffffffff)
  t.same(valuesOf(entries, 4), [0xffffffff])
})

t.test('a hash is that of all its bytes, and of nobody else', async t => {
  const [entries, others] = [new HashEntries(16), new HashEntries(16)]
  const bytes = pattern(64)
  for (const size of [11, 16]) {
    const hash = entries.hashOf(bytes, 5, size)
    t.equal(entries.hashOf(bytes.slice(5), 0, size), hash)
    t.not(others.hashOf(bytes, 5, size), hash, 'made of chance')
    for (let i = 0; i < size; i++) {
      const changed = bytes.slice()
      changed[5 + i] = (changed[5 + i] as number) ^ 1
      t.not(entries.hashOf(changed, 5, size), hash, `byte ${i} of ${size}`)
    }
  }
})
