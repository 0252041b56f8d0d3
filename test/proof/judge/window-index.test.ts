import { randomBytes } from 'node:crypto'
import t from 'tap'
import { eachAnchor } from '../../../src/proof/judge/anchors.ts'
import { type Match, type Stretch, WindowIndex } from '../../../src/proof/judge/window-index.ts'
import { seeded } from '../../fixtures/seeded.ts'

const whole = (bytes: Uint8Array): Stretch => ({ bytes, from: 0, to: bytes.byteLength })

function matches(sources: readonly Stretch[], searched: Stretch): Match<Stretch>[] {
  const found: Match<Stretch>[] = []
  const index = new WindowIndex(sources.reduce((bytes, { from, to }) => bytes + to - from, 0))
  for (const source of sources) index.add(source)
  index.search(searched, match => found.push(match))
  return found
}

t.test('16 bytes are found at every place of the one and of the other, 15 at none', t => {
  // what stands around is never the same by chance
  const source = randomBytes(64).map(byte => byte & 127)
  const others = (length: number): Uint8Array => randomBytes(length).map(byte => byte | 128)
  for (const length of [15, 16, 17, 40])
    for (let from = 0; from + length <= source.byteLength; from += 1)
      for (const before of [0, 1, 7, 100]) {
        const searched = Buffer.concat([others(before), source.subarray(from, from + length), others(30)])
        const found = matches([whole(source)], whole(searched)).filter(each => each.length < 50)
        if (length === 15) t.same(found, [], `${from} ${before}`)
        else
          t.same(
            found.map(each => [each.sourceAt, each.at, each.length]),
            [[from, before, length]]
          )
      }
  t.end()
})

t.test('as a search of every pair of places finds it', t => {
  const random = seeded()
  t.comment(`seed ${random.seed}`)
  for (let turn = 0; turn < 60; turn++) {
    // few values, so that much is there by chance
    const values = 2 + random.int(3)
    const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => random.int(values))
    const [one, other] = [bytes(20 + random.int(200)), bytes(20 + random.int(200))]
    const expected = new Set<number>()
    for (let a = 0; a + 16 <= one.byteLength; a++)
      for (let b = 0; b + 16 <= other.byteLength; b++)
        if (Buffer.compare(one.subarray(a, a + 16), other.subarray(b, b + 16)) === 0) expected.add(b)
    const found = matches([whole(one)], whole(other))
    for (const { at, sourceAt, length } of found)
      t.same(other.subarray(at, at + length), one.subarray(sourceAt, sourceAt + length))
    const covered = (at: number): boolean => found.some(each => each.at < at + 16 && each.at + each.length > at)
    t.same(
      [...expected].filter(at => !covered(at)),
      []
    )
    t.equal(found.length > 0, expected.size > 0)
  }
  t.end()
})

t.test('several sources, each within its bounds', t => {
  const bytes = randomBytes(300)
  const sources = [20, 100, 170].map((from): Stretch => ({ bytes, from, to: from + 40 }))
  const found = matches(sources, whole(bytes))
  t.same(
    found.map(({ source, sourceAt, at, length }) => [sources.indexOf(source), sourceAt, at, length]),
    [20, 100, 170].map((from, i) => [i, from, from, 40])
  )
  t.same(
    matches(sources, { bytes, from: 25, to: 50 }).map(({ at, length }) => [at, length]),
    [[25, 25]]
  )
  t.same(matches([], whole(bytes)), [])
  t.same(matches(sources, { bytes, from: 20, to: 35 }), [])
  t.end()
})

t.test('what is compared with itself finds what comes twice', t => {
  const shared = randomBytes(40)
  // bytes that differ around it: nothing more is the same by chance
  const edged = (before: number, after: number) => [Buffer.of(before), shared, Buffer.of(after)]
  const bytes = Buffer.concat([randomBytes(1 << 20), ...edged(1, 2), randomBytes(1000), ...edged(3, 4)])
  const first = (1 << 20) + 1
  const places: number[][] = []
  const index = new WindowIndex(bytes.byteLength)
  index.searchAndAdd(whole(bytes), ({ at, sourceAt, length }) => places.push([at, sourceAt, length]))
  t.same(places, [[first + 40 + 1 + 1000 + 1, first, 40]])
  const other: number[] = []
  index.searchAndAdd(whole(Buffer.concat([randomBytes(33), ...edged(5, 6)])), ({ at }) => other.push(at))
  t.same(other, [34])
  t.end()
})

t.test('what repeats itself is indexed and searched in no time', t => {
  const zeros = new Uint8Array(4 << 20)
  const found = matches([whole(zeros)], whole(zeros))
  t.equal(Math.max(...found.map(({ at, length }) => at + length)), 4 << 20)
  t.ok(found.length < 40, `${found.length} matches`)
  const lines = Buffer.from(`${'a line of some length, again and again\n'.repeat(50_000)}end`)
  t.ok(matches([whole(lines)], whole(Buffer.concat([randomBytes(1000), lines]))).length > 0)
  t.end()
})

/** Six bytes that are the anchor of nearly every window with them. */
function strongAnchor(): Uint8Array {
  const bytes = randomBytes(1 << 20)
  let [strongest, least] = [0, 0]
  eachAnchor(bytes, 0, bytes.byteLength, (at, hash) => {
    if (hash < least) [strongest, least] = [at, hash]
    return 0
  })
  return bytes.subarray(strongest, strongest + 6)
}

for (const same of [6, 11, 15])
  t.test(`M174: ${same} bytes that stand with others around them hundreds of thousands of times hide nothing`, t => {
    const size = 16
    const head = Buffer.concat([strongAnchor(), randomBytes(same - 6)])
    const source = randomBytes(300_000 * size)
    for (let at = 0; at < source.byteLength; at += size) source.set(head, at)
    // of 15 there are 256 contents only, so what is behind each says where it stands
    const leaks = Array.from({ length: 30 }, (_, i) =>
      source.subarray(i * 7 * size + 9 * (i % 2), i * 7 * size + 9 * (i % 2) + 19)
    )
    const edges = (each: Uint8Array) => [randomBytes(40), each]
    const found = matches([whole(source)], whole(Buffer.concat(leaks.flatMap(edges))))
    const isFound = (i: number) => found.some(({ at, length }) => at <= 40 + i * 59 && at + length >= 59 + i * 59)
    t.same(
      leaks.map((_, i) => i).filter(i => !isFound(i)),
      []
    )
    // two bits of every window with seven bytes in a row that are made of chance
    const spoilt = leaks.map(each => each.map((byte, i) => (i % 7 === 3 ? byte ^ 0x55 : byte)))
    t.same(matches([whole(source)], whole(Buffer.concat(spoilt.flatMap(edges)))), [])
    t.end()
  })

t.test('what is made of a few pieces, as a table of all windows finds it', t => {
  const random = seeded()
  t.comment(`seed ${random.seed}`)
  for (let turn = 0; turn < 10; turn++) {
    const pieces = Array.from({ length: 4 }, () => random.bytes(4 + random.int(9)))
    const made = (count: number): Buffer =>
      Buffer.concat(
        Array.from({ length: count }, () =>
          random.int(3) > 0 ? (pieces[random.int(4)] as Uint8Array) : random.bytes(random.int(4)).map(byte => byte & 3)
        )
      )
    const windows = (bytes: Buffer): string[] =>
      Array.from({ length: bytes.byteLength - 15 }, (_, at) => bytes.toString('latin1', at, at + 16))
    const [one, other] = [made(400), made(60)]
    const known = new Set(windows(one))
    const expected = windows(other).flatMap((window, at) => (known.has(window) ? [at] : []))
    const found = matches([whole(one)], whole(other))
    for (const { at, sourceAt, length } of found)
      t.ok(length >= 16 && one.subarray(sourceAt, sourceAt + length).equals(other.subarray(at, at + length)))
    // a longer match may begin in the middle of one
    const isMet = (at: number): boolean => found.some(each => each.at < at + 16 && each.at + each.length > at)
    t.same(
      expected.filter(at => !isMet(at)),
      []
    )
    t.same(
      expected.filter(at => matches([whole(one)], { bytes: other, from: at, to: at + 16 }).length !== 1).slice(0, 3),
      []
    )
  }
  t.end()
})

t.test('what repeats itself and does not count is passed over, whatever stands at its ends', t => {
  const index = new WindowIndex<Stretch>(10_000)
  const source = Buffer.concat([randomBytes(50), Buffer.alloc(3500)])
  index.add(whole(source))
  let asked = 0
  const found: Match<Stretch>[] = []
  const searched = Buffer.concat([Buffer.alloc(1 << 20), source.subarray(30, 58), Buffer.alloc(1 << 20)])
  index.search(
    whole(searched),
    match => found.push(match),
    ({ at, length }) => {
      asked++
      return searched.subarray(at, at + length).some(byte => byte !== 0)
    }
  )
  t.ok(asked < 30_000, `${asked} times`)
  t.equal(found.length, 1)
  t.ok((found[0]?.at ?? 0) <= 1 << 20 && (found[0]?.length ?? 0) >= 28)
  t.end()
})
