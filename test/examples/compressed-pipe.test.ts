import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { addPeer, dataDirectory, encodeCertificates } from '../../src/index.ts'
import { shellOf } from '../fixtures/command.ts'
import { example } from '../fixtures/example.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

/** `examples/compressed-pipe.ts`, started as its users start it. */

const organisation = await makeOrganisation()
const [alices, bobs] = await Promise.all([organisation.issue('alice'), organisation.issue('bob')])
const directory = t.testdir({ alice: { logs: {} }, bob: {} })
const alice = await shellOf(t, join(directory, 'alice'), alices)
const bob = await shellOf(t, join(directory, 'bob'), bobs)
await addPeer(dataDirectory(alice.env), alices, encodeCertificates(bobs.chain))
const lines = 'the same line of a log, again and again\n'.repeat(100_000)
const noise = randomBytes(2 * 1024 * 1024)
writeFileSync(join(alice.directory, 'logs/lines'), lines)
writeFileSync(join(alice.directory, 'logs/noise'), noise)

const quoted = (name: string, ...args: string[]): string => {
  const [rest] = example(name, args)
  return [process.execPath, ...rest].map(each => `'${each}'`).join(' ')
}
const [seal, open] = [quoted('compressed-pipe.ts', 'send', 'bob'), quoted('compressed-pipe.ts', 'recv')]

t.test('a directory through tar and the pipe, and how large it was on the way', async t => {
  t.match(await alice.bash(`tar c logs | ${seal} > stream; wc -c < stream`), { code: 0, stderr: '' })
  const sealed = readFileSync(join(alice.directory, 'stream'))
  t.ok(sealed.byteLength < lines.length + noise.byteLength - 1_000_000, `${sealed.byteLength} bytes`)
  writeFileSync(join(bob.directory, 'stream'), sealed)
  t.match(await bob.bash(`set -o pipefail; ${open} < stream | tar x`), { code: 0, stderr: '' })
  t.equal(readFileSync(join(bob.directory, 'logs/lines'), 'utf8'), lines)
  t.ok(readFileSync(join(bob.directory, 'logs/noise')).equals(noise))
})

t.test('nothing, a stream that was changed or cut, and one that is not compressed', async t => {
  t.match(await alice.bash(`${seal} < /dev/null > empty`), { code: 0, stderr: '' })
  writeFileSync(join(bob.directory, 'empty'), readFileSync(join(alice.directory, 'empty')))
  t.match(await bob.bash(`${open} < empty`), { code: 0, bytes: 0, stderr: '' })
  const sealed = readFileSync(join(bob.directory, 'stream'))
  writeFileSync(join(bob.directory, 'cut'), sealed.subarray(0, -100_000))
  t.match(await bob.bash(`${open} < cut | wc -c; exit \${PIPESTATUS[0]}`), { code: 40, stderr: /ERR_SFT_TRUNCATED/ })
  sealed[1_500_000] = (sealed[1_500_000] as number) ^ 1
  writeFileSync(join(bob.directory, 'changed'), sealed)
  t.match(await bob.bash(`${open} < changed | wc -c; exit \${PIPESTATUS[0]}`), {
    code: 40,
    stderr: /ERR_SFT_CHUNK_AUTH/
  })
  t.match(await alice.bash("sft send logs/lines --to bob > plain; echo '' "), { code: 0 })
  writeFileSync(join(bob.directory, 'plain'), readFileSync(join(alice.directory, 'plain')))
  t.match(await bob.bash(`${open} < plain`), { code: 1, stderr: /ZSTD_error|no code/ })
})

t.test('whoever reads it goes away; what it can not do', async t => {
  t.match(await alice.bash(`${seal} < logs/noise | head -c 10 > /dev/null; exit \${PIPESTATUS[0]}`), { code: 141 })
  t.match(await alice.bash(`${seal.replace("'bob'", "'carol'")} < logs/noise`), { code: 2, stderr: /UNKNOWN_PEER/ })
  t.match(await alice.bash(`${open} more < logs/noise`), { code: 2, stderr: /^usage: / })
})
