import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import t from 'tap'
import { parseCapture } from '../../../src/proof/capture/read.ts'
import { writeCapture } from '../../../src/proof/capture/write.ts'
import { dissect } from '../../../src/proof/dissect/dissect.ts'
import { SftError } from '../../../src/streams/errors.ts'
import { pattern } from '../../fixtures/bytes.ts'
import { flaws } from '../../fixtures/frame-flaws.ts'
import { enhanced, ipv4, ipv6, link, pcap, section, simple, tcp } from '../../fixtures/packets.ts'
import { strayPackets } from '../../fixtures/strays.ts'

/** Captures from anybody: whatever bytes they are, they are read, or refused by a code (M170). Prints the seed of what failed. */

const CLASSIC = fileURLToPath(new URL('../../data/classic/capture.pcap', import.meta.url))
const piece = (sequence: number, bytes = pattern(40)) => ({ bytes: ipv4(tcp({ sequence, flags: 24, bytes })) })

const ORIGINALS: Record<string, Buffer> = {
  classic: readFileSync(CLASSIC).subarray(0, 24 + 16 + 85),
  pcap: pcap([piece(1), { bytes: ipv6(tcp({ flags: 2 }), [[0, Buffer.alloc(7)]]) }, piece(41), piece(20)]),
  cooked: pcap([{ bytes: Buffer.concat([Buffer.alloc(14), Buffer.of(8, 0), piece(1).bytes]) }], { link: 113 }),
  pcapng: Buffer.concat([
    section(),
    link(101, [[9, Buffer.of(9)]]),
    enhanced(piece(1)),
    simple(piece(41).bytes),
    section(false),
    link(1, [], 100, false),
    enhanced(piece(81), 0, false)
  ])
}

/** Reads and dissects; what is thrown has a code, and what is not holds together. */
function survive(bytes: Uint8Array): boolean {
  try {
    const capture = parseCapture(bytes)
    t.ok(strayPackets(capture) <= capture.packets)
    for (const each of dissect(capture)) t.same(flaws(each), [])
    return true
  } catch (error) {
    if (!SftError.is(error)) throw error
    t.match(error.code, /^ERR_SFT_(ENCODING|LIMIT)$/)
    return false
  }
}

t.test('random bytes behind any beginning', t => {
  const beginnings = Object.values(ORIGINALS).map(file =>
    fc.nat(file.byteLength).map(length => file.subarray(0, length))
  )
  const bytes = fc.tuple(fc.oneof(...beginnings), fc.uint8Array({ maxLength: 400 })).map(all => Buffer.concat(all))
  fc.assert(
    fc.property(bytes, bytes => void survive(bytes)),
    { numRuns: 1000 }
  )
  t.end()
})

for (const [name, original] of Object.entries(ORIGINALS)) {
  t.test(`every byte of ${name} changed, every length`, t => {
    t.ok(survive(original) || name === 'classic')
    for (let at = 0; at < original.byteLength; at++) {
      for (const value of [0, 0x7f, 0x80, 0xff, (original[at] as number) ^ 1]) {
        const changed = Buffer.from(original)
        changed[at] = value
        survive(changed)
      }
      survive(original.subarray(0, at))
    }
    t.end()
  })
}

t.test('several bytes changed in whole captures', t => {
  const classic = readFileSync(CLASSIC)
  const written = writeCapture([{ port: 9, pieces: [{ dialler: true, bytes: pattern(2000) }] }], 100)
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(fc.constantFrom(classic, written), changes, (original, changes) => {
      const changed = Buffer.from(original)
      for (const [at, value] of changes) changed[at % changed.byteLength] = value
      survive(changed)
    }),
    { numRuns: 200 }
  )
  t.end()
})
