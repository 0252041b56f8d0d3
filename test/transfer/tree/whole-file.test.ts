import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Pace } from '../../../src/streams/pace.ts'
import { Places } from '../../../src/transfer/tree/places.ts'
import { makeWholeFile, openWhole, readWhole } from '../../../src/transfer/tree/whole-file.ts'
import { pattern } from '../../fixtures/bytes.ts'

const MTIME = 1_700_000_000_250_000_000n
const FILE = { mode: 0o640, mtime: MTIME, bytes: pattern(5000) }

/** Places whose files answer at once, and some for which one waits. */
async function both(): Promise<Record<string, Places>> {
  const quick = new Places(new Pace(true, 1, () => 0))
  await quick.list(openSync('/proc/self', constants.O_DIRECTORY))
  return { 'at once': quick, 'call by call': new Places(new Pace(false)) }
}

function opened(t: Test): { path: string; directory: number } {
  const path = t.testdir({ other: 'other' })
  const directory = openSync(path, constants.O_DIRECTORY)
  t.teardown(() => closeSync(directory))
  return { path, directory }
}

for (const [how, places] of Object.entries(await both())) {
  t.test(`a file is made with all that is in it, ${how}`, async t => {
    t.equal(places.pace.inPlace, how === 'at once')
    const { path, directory } = opened(t)
    await makeWholeFile(places, { directory, name: 'n\xffame' }, FILE)
    const made = Buffer.from(join(path, 'n\xffame'), 'latin1')
    t.same(readFileSync(made), Buffer.from(FILE.bytes))
    const { mode, mtimeMs } = statSync(made)
    t.equal(mode & 0o700, 0o600)
    t.equal(mtimeMs, Number(MTIME / 1_000_000n))
    await makeWholeFile(places, { directory, name: 'empty' }, { ...FILE, bytes: new Uint8Array() })
    t.equal(statSync(join(path, 'empty')).size, 0)
  })

  t.test(`no name that is taken is written to, ${how}`, async t => {
    const { path, directory } = opened(t)
    symlinkSync('other', join(path, 'link'))
    symlinkSync('nowhere', join(path, 'dangling'))
    for (const name of ['other', 'link', 'dangling'])
      await t.rejects(makeWholeFile(places, { directory, name }, FILE), { code: 'EEXIST' })
    t.equal(readFileSync(join(path, 'other'), 'utf8'), 'other')
  })

  t.test(`a file is opened and read, a link is not, and a FIFO holds nothing up, ${how}`, async t => {
    const { path, directory } = opened(t)
    symlinkSync('other', join(path, 'link'))
    await t.rejects(openWhole(places, { directory, name: 'link' }), { code: 'ELOOP' })
    execFileSync('mkfifo', [join(path, 'fifo')])
    const fifo = await openWhole(places, { directory, name: 'fifo' })
    t.ok(fifo.stat.isFIFO())
    await places.close(fifo.fd)
    const { fd, stat } = await openWhole(places, { directory, name: 'other' })
    const bytes = Buffer.alloc(8)
    t.match(await readWhole(places, fd, bytes), { read: 5, stat: { size: stat.size, mtimeNs: stat.mtimeNs } })
    t.equal(bytes.toString('latin1'), 'other\0\0\0')
    writeFileSync(join(path, 'other'), 'longer than it was')
    t.match(await readWhole(places, fd, bytes), { read: 8, stat: { size: 18n } })
    await places.close(fd)
  })
}
