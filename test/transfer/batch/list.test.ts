import { resolve } from 'node:path'
import t from 'tap'
import { MAX_JOBS, readJobs } from '../../../src/transfer/batch/list.ts'

const read = (text: string) => readJobs([Buffer.from(text)])

t.test('a line for each job; one that is there again is there once', async t => {
  t.same(await read(''), [])
  const jobs = await read('\ufeff{"send":"a","to":"bob"}\r\n\n  \n{"get":"b","from":"bob"}\n{"to":"bob","send":"./a"}')
  t.match(jobs, [
    { line: 1, job: { send: resolve('a') } },
    { line: 4, job: { get: 'b' } }
  ])
  t.equal(jobs.length, 2)
})

t.test('M110: all faults are told, ten at most', async t => {
  const faulty = '{"send":"a"}\n'.repeat(20)
  const error = await read(faulty).catch(error => error)
  t.match(error, { code: 'ERR_SFT_USAGE', hint: 'nothing was begun', message: /^line 1: to is missing; line 2: / })
  t.equal(error.message.split('; ').length, 10)
  await t.rejects(read('{"send":"a","to":"b","key":"k"}\n\n{"get":"a","from":"b","key":"k"}'), {
    message: 'line 3: it has the key of line 1, which is another job'
  })
})

t.test('a list has an end', async t => {
  function* many(jobs: number) {
    for (let each = 0; each < jobs; each++) yield Buffer.from(`{"send":"${each}","to":"b"}\n`)
  }
  await t.rejects(readJobs(many(MAX_JOBS + 1)), { code: 'ERR_SFT_LIMIT', message: /at most 100000 jobs/ })
  function* blank() {
    for (let each = 0; each <= 1024; each++) yield Buffer.alloc(2 ** 16, `${' '.repeat(1023)}\n`)
  }
  await t.rejects(readJobs(blank()), { code: 'ERR_SFT_LIMIT' })
})
