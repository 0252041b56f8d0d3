import { resolve } from 'node:path'
import t from 'tap'
import { type Job, keyedJob, peerOf } from '../../../src/transfer/batch/job.ts'

const send = { send: 'a', to: 'bob:' }
const get = { get: 'a/b', from: 'bob@host:1' }

t.test('a job gets absolute paths, and a key that says what it is', t => {
  const job = keyedJob(send)
  t.match(job, { send: resolve('a'), to: 'bob:', key: /^[0-9a-f]{32}$/ })
  t.match(keyedJob(get), { get: 'a/b', output: resolve('received_b') })
  t.same(
    keyedJob({ to: 'bob:', recursive: false, name: undefined, send: './a' }),
    job,
    'order and defaults are nothing'
  )
  t.equal(JSON.stringify(keyedJob(JSON.parse(JSON.stringify(job)))), JSON.stringify(job), 'nothing changes any more')
  const others = [{ to: 'bob' }, { send: 'b' }, { recursive: true }, { streams: 2 }, { name: 'b' }]
  const keys = [job, keyedJob(get), ...others.map(other => keyedJob({ ...send, ...other }))].map(({ key }) => key)
  t.equal(new Set(keys).size, keys.length)
  t.match(keyedJob({ ...send, key: 'mine' }), { key: 'mine' })
  t.same(
    [send, get].map(each => peerOf(each as Job)),
    [
      { peer: 'bob:', kind: 'receive' },
      { peer: 'bob@host:1', kind: 'serve' }
    ]
  )
  t.end()
})

t.test('what is no job', t => {
  const refused = (value: unknown, message: RegExp) =>
    t.throws(() => keyedJob(value), { code: 'ERR_SFT_USAGE', message }, JSON.stringify(value)?.slice(0, 80))
  for (const value of [undefined, null, 1, 'send', [], [send]]) refused(value, /a job is an object/)
  for (const value of [{}, { ...send, ...get }]) refused(value, /either send or get/)
  refused({ send: 'a' }, /to is missing/)
  refused({ get: 'a' }, /from is missing/)
  refused({ send: undefined, to: 'bob' }, /send is missing/)
  for (const more of [{ output: 'x' }, { force: true }, { fast: 1 }, { toString: 1 }, JSON.parse('{"__proto__":1}')])
    refused({ ...send, ...Object.fromEntries(Object.entries(more)) }, /is no field of such a job/)
  refused(JSON.parse('{"send":"a","to":"bob","__proto__":{}}'), /"__proto__" is no field/)
  const wrong = [
    { send: '' },
    { send: 'x'.repeat(4097) },
    { send: 1 },
    { to: 'Bob' },
    { to: 'bob:file' },
    { to: 'bob@host' },
    { name: {} },
    { key: '' },
    { key: 'two words' },
    { key: 'x'.repeat(129) },
    { recursive: 'yes' },
    { recursive: true, exclude: '*' },
    { recursive: true, exclude: [1] },
    { streams: 0 },
    { streams: 17 },
    { streams: 1.5 },
    { streams: '2' },
    { streams: null }
  ]
  for (const more of wrong) refused({ ...send, ...more }, /can not be that/)
  for (const more of [{ output: '' }, { force: 1 }, { rename: 'x' }]) refused({ ...get, ...more }, /can not be that/)
  refused({ ...send, exclude: ['*'] }, /belong to recursive/)
  refused({ ...get, force: true, rename: true }, /exclude each other/)
  refused({ ...send, recursive: true, exclude: Array(20).fill('x'.repeat(4096)) }, /at most 65536 bytes/)
  t.end()
})
