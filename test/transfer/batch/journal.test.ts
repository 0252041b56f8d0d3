import { execFileSync } from 'node:child_process'
import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Journal } from '../../../src/transfer/batch/journal.ts'

async function read(path: string): Promise<unknown[]> {
  const records: unknown[] = []
  const journal = await Journal.open(path, record => records.push(record))
  await journal.close()
  return records
}

t.test('records come back in the order of the calls', async t => {
  const path = join(t.testdir({}), 'journal')
  t.same(await read(path), [])
  t.equal(statSync(path).mode & 0o777, 0o600)
  const journal = await Journal.open(path, () => t.fail())
  await journal.append([])
  await Promise.all([journal.append([{ a: 1 }, { a: 2 }]), journal.append([{ a: 3 }]), journal.append([{ a: 4 }])])
  await journal.append([{ a: 'ö\n' }])
  await journal.close()
  t.same(await read(path), [{ a: 1 }, { a: 2 }, { a: 3 }, { a: 4 }, { a: 'ö\n' }])
})

t.test('M82: a last line that was cut is none, and the next one stands where it stood', async t => {
  const path = join(t.testdir({}), 'journal')
  const whole = '{"a":1}\n{"a":2}\n'
  for (const tail of ['{', '{"a":3', '{"a":3}', '\0\0\0\0', 'ö', Buffer.from([0xc3])]) {
    writeFileSync(path, whole)
    appendFileSync(path, tail)
    t.same(await read(path), [{ a: 1 }, { a: 2 }])
    t.equal(readFileSync(path, 'utf8'), whole)
  }
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(path, whole.slice(0, length))
    t.equal((await read(path)).length, length < 8 ? 0 : 1)
    const journal = await Journal.open(path, () => {})
    await journal.append([{ a: 9 }])
    await journal.close()
    t.same((await read(path)).at(-1), { a: 9 })
  }
})

t.test('M82: a line that is none anywhere else is a fault, and stays', async t => {
  const path = join(t.testdir({}), 'journal')
  for (const text of [
    '{"a":1}\n{\n{"a":2}\n',
    '{"a":1}\n\n',
    '{"a":1}\n\0\n',
    '{"a":1}\n\xff\n',
    '{"a":1}\n{"a":1}}\n'
  ]) {
    writeFileSync(path, text, 'latin1')
    await t.rejects(read(path), { code: 'ERR_SFT_FILE', message: /^line 2 of .* is no record$/, hint: /done anew/ })
    t.equal(readFileSync(path, 'latin1'), text)
  }
  writeFileSync(path, `{"a":"${'x'.repeat(2 ** 18)}"}\n`)
  await t.rejects(read(path), { code: 'ERR_SFT_LIMIT' })
})

t.test('what can not be opened', async t => {
  const directory = t.testdir({ journal: {} })
  for (const name of ['journal', 'no/journal']) await t.rejects(read(join(directory, name)), { code: 'ERR_SFT_FILE' })
})

t.test('once a record could not be written, none is', async t => {
  const path = join(t.testdir({}), 'journal')
  // a process that may write a kilobyte, and no more: its disk is full
  const { href } = new URL('../../../src/transfer/batch/journal.ts', import.meta.url)
  const script = `
    import { Journal } from ${JSON.stringify(href)}
    const journal = await Journal.open(${JSON.stringify(path)}, () => {})
    const write = record => journal.append([record]).then(() => 'written', ({ code, message }) => code + ' ' + message)
    console.log(await write({ a: 1 }))
    console.log((await Promise.all([write({ a: 2 }), write({ a: 'x'.repeat(2000) })])).join('\\n'))
    console.log(await write({ a: 3 }))
    await journal.close()
  `
  const line = ['-c', 'ulimit -f 1; exec "$0" --input-type=module -e "$1"', process.execPath, script]
  const told = execFileSync('env', ['-u', 'NODE_OPTIONS', 'bash', ...line], { encoding: 'utf8' })
    .trim()
    .split('\n')
  const full = /^ERR_SFT_FILE the journal can not be written: EFBIG/
  t.match(told, ['written', full, full, full])
  const records = await read(path)
  t.same(records.slice(0, 1), [{ a: 1 }])
  t.ok(records.length <= 2)
})
