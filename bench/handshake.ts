import {
  constants,
  decapsulate,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
  randomBytes,
  sign,
  verify
} from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { dataDirectory, type Identity, loadIdentity, type SecureDuplex, secure, socketDuplex } from '../src/index.ts'
import { unwrapKey, wrapKey } from '../src/workers/key-wrap.ts'
import type { Micro, MicroCase, MicroRow } from './micro.ts'

/** Handshakes a second, both sides in one thread over TCP on loopback, and the operations they are made of (RSA-3072). */

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }

function ownIdentity(): Promise<Identity> {
  return loadIdentity(dataDirectory(process.env))
}

async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const dialled = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  const [[accepted]] = await Promise.all([once(server, 'connection') as Promise<[Socket]>, once(dialled, 'connect')])
  server.close()
  return [dialled, accepted]
}

/** One session from TCP's connection to its orderly end. */
async function shake(identity: Identity, group: 'x25519' | 'x25519mlkem768'): Promise<[SecureDuplex, SecureDuplex]> {
  const [dialled, accepted] = await socketPair()
  const sessions = await Promise.all([
    secure('initiator', identity, { expect: identity.name, groups: [group] })(socketDuplex(dialled)),
    secure('responder', identity)(socketDuplex(accepted))
  ])
  const [initiator, responder] = sessions
  await initiator.accepted()
  await Promise.all([initiator.close(), responder.read().then(() => responder.close())])
  dialled.destroy()
  accepted.destroy()
  return sessions
}

async function whole(group: 'x25519' | 'x25519mlkem768'): Promise<Micro> {
  const identity = await ownIdentity()
  return {
    async check() {
      const [initiator, responder] = await shake(identity, group)
      const agreed = Buffer.compare(initiator.sessionId, responder.sessionId) === 0
      if (!agreed || initiator.group !== group || responder.peer.name !== identity.name) throw new Error('no agreement')
    },
    async step() {
      await shake(identity, group)
      return 1
    }
  }
}

async function connecting(): Promise<Micro> {
  return {
    check() {},
    async step() {
      for (const socket of await socketPair()) socket.destroy()
      return 1
    }
  }
}

function operation(work: () => void, check: () => boolean): Micro {
  return {
    check() {
      if (!check()) throw new Error('a wrong result')
    },
    step() {
      work()
      return 1
    }
  }
}

async function signing(): Promise<Micro> {
  const { privateKey, publicKey } = await ownIdentity()
  const text = randomBytes(130)
  const run = () => sign('sha256', text, { key: privateKey, ...PSS })
  return operation(run, () => verify('sha256', text, { key: publicKey, ...PSS }, run()))
}

async function verifying(): Promise<Micro> {
  const { privateKey, publicKey } = await ownIdentity()
  const text = randomBytes(130)
  const signature = sign('sha256', text, { key: privateKey, ...PSS })
  const run = () => verify('sha256', text, { key: publicKey, ...PSS }, signature)
  return operation(run, run)
}

async function unwrapping(): Promise<Micro> {
  const { privateKey, publicKey } = await ownIdentity()
  const streamId = randomBytes(32)
  const key = randomBytes(32)
  const wrapped = wrapKey(publicKey, streamId, key)
  const run = () => unwrapKey(privateKey, streamId, wrapped)
  return operation(run, () => key.equals(run() ?? Buffer.alloc(0)))
}

/** Both sides of `x25519mlkem768`: fresh keys, shared secrets. */
function agreeing(): Micro {
  const run = () => {
    const [a, b, kem] = [
      generateKeyPairSync('x25519'),
      generateKeyPairSync('x25519'),
      generateKeyPairSync('ml-kem-768')
    ]
    const { sharedKey, ciphertext } = encapsulate(kem.publicKey)
    return [
      [diffieHellman({ privateKey: a.privateKey, publicKey: b.publicKey }), sharedKey],
      [diffieHellman({ privateKey: b.privateKey, publicKey: a.publicKey }), decapsulate(kem.privateKey, ciphertext)]
    ].map(parts => Buffer.concat(parts))
  }
  return operation(run, () => {
    const [one, other] = run()
    return one !== undefined && other !== undefined && one.equals(other)
  })
}

const rows: readonly MicroRow[] = [
  { name: 'handshake, x25519mlkem768, both sides', baseline: true, prepare: () => whole('x25519mlkem768') },
  { name: 'handshake, x25519, both sides', long: true, prepare: () => whole('x25519') },
  { name: 'TCP connection alone', long: true, prepare: connecting },
  { name: 'RSA-3072 sign, one side', prepare: signing },
  { name: 'RSA-3072 verify', long: true, prepare: verifying },
  { name: 'RSA-3072 unwrap, one stream', prepare: unwrapping },
  { name: 'x25519 + ML-KEM-768, both sides', prepare: agreeing }
]

export const handshake: MicroCase = { name: 'handshake', title: 'Handshakes a second', unit: '/s', rows }
