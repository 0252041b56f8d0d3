import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import t from 'tap'
import {
  BLOCK,
  CHAIN_START,
  chain,
  decodeHeader,
  END,
  encodeEntry,
  encodeOmitted,
  headerLength,
  padded
} from '../../../src/transfer/tree/archive.ts'
import type { Entry } from '../../../src/transfer/tree/entry.ts'

const PLAIN: Entry = {
  path: 'top/a',
  type: 'file',
  mode: 0o640,
  mtime: 1_700_000_000_123_456_789n,
  ctime: 1_700_000_001_000_000_000n,
  size: 5,
  sparse: false,
  target: ''
}

const bytes = fc.stringMatching(/^[\x01-\x2e\x30-\xff]{1,300}$/)
const entry: fc.Arbitrary<Entry> = fc
  .record({
    path: fc.array(bytes, { minLength: 1, maxLength: 4 }).map(names => names.join('/')),
    type: fc.constantFrom('file', 'directory', 'link'),
    mode: fc.nat(0o777),
    mtime: fc.bigInt(-1_000_000_000_000_000_000n, 10_000_000_000_000_000_000n),
    ctime: fc.bigInt(0n, 10_000_000_000_000_000_000n),
    size: fc.nat(2 ** 48),
    sparse: fc.boolean(),
    target: bytes
  })
  .map(({ size, sparse, target, ...each }) => ({
    ...each,
    size: each.type === 'file' ? size : 0,
    sparse: each.type === 'file' && sparse,
    target: each.type === 'link' ? target : ''
  }))

t.test('M67: an entry comes back as it was, with names of any bytes', t => {
  fc.assert(
    fc.property(entry, each => {
      const header = encodeEntry(each)
      t.equal(headerLength(header.subarray(0, BLOCK)), header.byteLength)
      t.same(decodeHeader(header), each)
    }),
    { numRuns: 200 }
  )
  t.same(decodeHeader(encodeOmitted(3)), { omitted: 3 })
  t.equal(headerLength(encodeOmitted(3).subarray(0, BLOCK)), 2 * BLOCK)
  t.equal(headerLength(Buffer.alloc(BLOCK)), 0)
  t.end()
})

t.test('M67: every other encoding is refused', t => {
  for (const header of [encodeEntry(PLAIN), encodeOmitted(3)]) {
    const accepted = Array.from(header, (_, at) => {
      const changed = Buffer.from(header)
      changed[at] = (changed[at] as number) ^ 1
      return { changed, found: outcome(changed, header.byteLength) }
    }).filter(({ found }) => found !== undefined)
    // a digit of a time or a count is another digit; nothing else may be
    t.ok(accepted.length < 40, `${accepted.length} of ${header.byteLength}`)
    const others = accepted.filter(({ changed, found }) => !encoded(found).equals(changed))
    t.same(others, [], 'none is another encoding of the same')
  }
  const known = encodeEntry(PLAIN)
  const large = Buffer.from(known)
  large.write('77777777777', 124, 'latin1')
  t.throws(() => headerLength(large), { code: 'ERR_SFT_ENCODING' }, 'records without end')
  t.throws(() => headerLength(known.subarray(-BLOCK)), { code: 'ERR_SFT_ENCODING' }, 'a header without its records')
  t.throws(() => headerLength(Buffer.alloc(BLOCK, 1)), { code: 'ERR_SFT_ENCODING' })
  t.end()
})

t.test('tar reads what we write', t => {
  const long = { ...PLAIN, path: `top/${'y'.repeat(200)}`, size: 0 }
  const entries = [
    { ...PLAIN, path: 'top', type: 'directory' as const, mode: 0o755, size: 0 },
    PLAIN,
    { ...PLAIN, path: 'top/l', type: 'link' as const, size: 0, target: 'a' },
    { ...PLAIN, path: 'top/n\xc3\xa9', size: 0 },
    long
  ]
  const archive = Buffer.concat([
    ...entries.flatMap(each => [encodeEntry(each), Buffer.alloc(padded(each.size), 'hello')]),
    END
  ])
  const listed = execFileSync('tar', ['tvf', '-', '--full-time', '--quoting-style=literal'], {
    input: archive,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' }
  })
  const lines = listed
    .trimEnd()
    .split('\n')
    .map(line => line.replace(/ +/g, ' '))
  const time = '2023-11-14 22:13:20.123456789'
  t.same(lines, [
    `drwxr-xr-x 0/0 0 ${time} top/`,
    `-rw-r----- 0/0 5 ${time} top/a`,
    `lrw-r----- 0/0 0 ${time} top/l -> a`,
    `-rw-r----- 0/0 0 ${time} top/né`,
    `-rw-r----- 0/0 0 ${time} ${long.path}`
  ])
  t.end()
})

t.test('the chain tells every beginning from every other', t => {
  const [one, two] = [encodeEntry(PLAIN), encodeEntry({ ...PLAIN, mtime: PLAIN.mtime + 1n })]
  const chains = [[], [one], [two], [one, two], [two, one], [one, one]].map(headers =>
    headers.reduce<Uint8Array>(chain, CHAIN_START)
  )
  t.equal(new Set(chains.map(each => Buffer.from(each).toString('hex'))).size, 6)
  t.end()
})

function encoded(found: ReturnType<typeof decodeHeader> | undefined): Buffer {
  return found && 'omitted' in found ? encodeOmitted(found.omitted) : encodeEntry(found as Entry)
}

/** Undefined for what is refused, by the one code there is for it. */
function outcome(header: Buffer, length: number): ReturnType<typeof decodeHeader> | undefined {
  try {
    return headerLength(header.subarray(0, BLOCK)) === length ? decodeHeader(header) : undefined
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_SFT_ENCODING') throw error
    return undefined
  }
}
