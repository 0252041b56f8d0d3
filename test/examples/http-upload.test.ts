import { readdirSync, readFileSync } from 'node:fs'
import { request as httpRequest, type RequestOptions } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { pattern } from '../fixtures/bytes.ts'
import { type Running, shellOf } from '../fixtures/command.ts'
import { example } from '../fixtures/example.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

/** `examples/http-upload.ts`, started as its users start it, and uploads to it through real HTTP. */

const MIB = 1024 * 1024
const LIMIT = 24 * MIB
const timeout = 170_000
const organisation = await makeOrganisation()
const directory = t.testdir({ alice: {}, bob: { inbox: {}, refusing: {} } })
const alice = await shellOf(t, join(directory, 'alice'), await organisation.issue('alice'))
const bob = await shellOf(t, join(directory, 'bob'), await organisation.issue('bob'))
const inbox = join(bob.directory, 'inbox')
const receiving = (from: string, into: string) =>
  bob.listen(['recv', '--listen', '127.0.0.1:0', '-o', into, '--from', from], { timeout })
const [receiver, refusing] = await Promise.all([receiving('alice', inbox), receiving('carol', 'refusing')])

async function upload(to: string): Promise<Running & { url: string }> {
  const [args, options] = example('http-upload.ts', [to, '--port', '0', '--limit', String(LIMIT)])
  const running = alice.begin(args, { ...options, timeout })
  await running.until(({ stderr }) => stderr.includes('listening on'))
  const [, address = ''] = /listening on (\S+)\n/.exec(running.stderr) ?? []
  return Object.assign(running, { url: `http://${address}` })
}

const server = await upload(`bob@${receiver.address}`)
const put = async (url: string, body: Uint8Array | ReadableStream<Uint8Array>, method = 'PUT') => {
  const answer = await fetch(url, { method, body, duplex: 'half' } as RequestInit)
  return { status: answer.status, retry: answer.headers.get('retry-after'), ...((await answer.json()) as object) }
}

t.test('a body becomes a file of the peer, of a size that is told or not', async t => {
  const file = pattern(12 * MIB + 3)
  t.match(await put(`${server.url}/told.bin`, file), { status: 201, name: 'told.bin', bytes: file.byteLength })
  t.ok(readFileSync(join(inbox, 'told.bin')).equals(file))
  const pieces = new Blob([file]).stream()
  t.match(await put(`${server.url}/un%20told`, pieces), { status: 201, kind: 'durable', bytes: file.byteLength })
  t.ok(readFileSync(join(inbox, 'un told')).equals(file))
  t.match(await put(`${server.url}/empty`, new Uint8Array(0)), { status: 201, bytes: 0 })
  t.equal(readFileSync(join(inbox, 'empty')).byteLength, 0)
})

t.test('what a client did wrong: 4xx', async t => {
  const before = await settled()
  t.match(await put(`${server.url}/told.bin`, pattern(5)), { status: 409, code: 'ERR_SFT_EXISTS', retryable: false })
  for (const name of ['a%2Fb', '..', '', '%FF', 'x'.repeat(300)])
    t.match(await put(`${server.url}/${name}`, pattern(5)), { status: 400, code: 'ERR_SFT_USAGE' }, name)
  t.match(await put(`${server.url}/post`, pattern(5), 'POST'), { status: 405 })
  t.match(await put(`${server.url}/announced`, pattern(LIMIT + 1)), { status: 413, code: 'ERR_SFT_LIMIT' })
  t.match(await tooLong(`${server.url}/unannounced`), { status: 413 })
  t.same(await settled(), before, 'and nothing came of it')
})

/** More than the limit, of a size that is not told; it has not all gone when the answer comes. */
function tooLong(url: string): Promise<{ status: number | undefined }> {
  return new Promise((resolve, reject) => {
    const options: RequestOptions = { method: 'PUT' }
    const request = httpRequest(url, options, answer => resolve({ status: answer.statusCode }))
    request.on('error', reject)
    const write = (left: number): void => {
      if (left > 0) request.write(pattern(MIB), () => write(left - 1))
    }
    write(LIMIT / MIB + 8)
  })
}

t.test('an upload that breaks off leaves nothing', async t => {
  const before = await settled()
  const request = httpRequest(`${server.url}/broken`, { method: 'PUT' })
  request.on('error', () => {})
  await new Promise<void>(resolve => request.write(pattern(4 * MIB), () => resolve()))
  await until(() => readdirSync(inbox).length > before.length)
  request.destroy()
  t.same(await settled(), before)
  t.match(await put(`${server.url}/after`, pattern(5)), { status: 201 }, 'and the next one is served')
})

/** What the inbox has once nothing is under way: a client may have its answer while the receiver still takes away what it had begun. */
async function settled(): Promise<string[]> {
  await until(() => !readdirSync(inbox).some(name => name.startsWith('.')))
  return readdirSync(inbox).sort()
}

async function until(found: () => boolean): Promise<void> {
  while (!found()) await delay(20)
}

t.test('what the peer can not, or will not: 5xx and 403', async t => {
  const nobody = await upload('bob@127.0.0.1:1')
  t.match(await put(`${nobody.url}/late`, pattern(5)), { status: 503, retry: '5', code: 'ERR_SFT_CONNECT' })
  const other = await upload(`carol@${receiver.address}`)
  t.match(await put(`${other.url}/other`, pattern(5)), { status: 502, code: 'ERR_SFT_CERT_NAME', retryable: false })
  const refused = await upload(`bob@${refusing.address}`)
  t.match(await put(`${refused.url}/refused`, pattern(5)), { status: 403, code: 'ERR_SFT_PUSH_REFUSED' })
  for (const each of [nobody, other, refused]) t.equal(await stopped(t, each), 0)
})

t.test('it stops in the middle of an upload', async t => {
  const before = await settled()
  const request = httpRequest(`${server.url}/stopped`, { method: 'PUT' })
  const answered = new Promise(resolve => request.on('response', ({ statusCode }) => resolve(statusCode)))
  request.on('error', () => {})
  await new Promise<void>(resolve => request.write(pattern(4 * MIB), () => resolve()))
  await until(() => readdirSync(inbox).length > before.length)
  t.equal(await stopped(t, server), 0)
  t.equal(await answered, 503)
  t.same(await settled(), before)
})

async function stopped(t: Test, running: Running): Promise<number | null> {
  running.kill('SIGTERM')
  const { code, stderr } = await running.ended
  t.match(stderr, /^listening on \S+\n$/)
  return code
}

t.test('what it can not do', async t => {
  const [args, options] = example('http-upload.ts', [])
  t.match(await alice.run(args, options), { code: 2, stderr: /^usage: / })
})
