import { randomInt } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { createRequest } from '../src/auth/certificates/certificate.ts'
import { generateRsaKey } from '../src/auth/certificates/keys.ts'
import { exportChannel } from '../src/auth/server/channel.ts'
import { MINIMUM_COST } from '../src/auth/server/password.ts'
import { initAuthority, openAuthority, openStore, passwordHasher, serveAuthority } from '../src/index.ts'

/** `login-child.ts COUNT`: as many logins of each kind, in an order drawn anew for each turn; prints the milliseconds of each by kind, as JSON. */

const count = Number(process.argv[2])
const directory = await mkdtemp(join(tmpdir(), 'sft-login-'))
await initAuthority(directory, { org: 'bench', bits: 2048 })
const authority = await openAuthority(directory)
const hasher = passwordHasher({ cost: MINIMUM_COST })
const store = await openStore(join(directory, 'users.db'))
for (const name of ['alice', 'bob']) await store.users.add(name, await hasher.hash(Buffer.from('right')))
await store.users.setDisabled('bob', true)
// every try comes from a network of its own, so that no limit but that of the account could answer in the place of the hash
const limits = { perAccount: 1_000_000 }
const server = await serveAuthority({ authority, store, hasher, limits, host: '127.0.0.1', port: 0 })
const key = await generateRsaKey(2048)
const attempts = {
  'unknown user': { name: 'nobody', password: 'right' },
  'wrong password': { name: 'alice', password: 'wrong' },
  'disabled user': { name: 'bob', password: 'right' }
}
type Kind = keyof typeof attempts
const kinds = Object.keys(attempts) as Kind[]
const times = Object.fromEntries(kinds.map(kind => [kind, [] as number[]])) as Record<Kind, number[]>
for (const kind of kinds) await attempt(kind)
for (let turn = 0; turn < count; turn++) {
  for (const kind of kinds.toSorted(() => randomInt(2) - 0.5)) times[kind].push(await attempt(kind))
}
await server.close()
await store.close()
await rm(directory, { recursive: true })
process.stdout.write(JSON.stringify(times))

/** Milliseconds from the request to its answer, on a connection of its own whose TLS stands already. */
async function attempt(kind: Kind): Promise<number> {
  const { name, password } = attempts[kind]
  const localAddress = `127.${randomInt(1, 255)}.${randomInt(256)}.${randomInt(1, 255)}`
  const client = request(new URL('/v2/login', server.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    ca: [authority.root.toString()],
    agent: false,
    localAddress
  })
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  client.once('error', reject)
  client.once('socket', (socket: TLSSocket) =>
    socket.once('secureConnect', () => {
      const body = JSON.stringify({ name, password, request: createRequest(name, key, exportChannel(socket)) })
      const start = performance.now()
      client.once('response', response => {
        const took = performance.now() - start
        if (response.statusCode !== 401) reject(new Error(`answered ${response.statusCode}`))
        response.resume().once('end', () => resolve(took))
      })
      client.end(body)
    })
  )
  return promise
}
