import { createHash, createHmac, hkdfSync } from 'node:crypto'
import t from 'tap'
import {
  expandLabel,
  handshakeSecrets,
  sessionSecrets,
  stripeSecrets,
  zero
} from '../../../src/auth/session/key-schedule.ts'
import { expand, extract } from '../../../src/workers/hkdf.ts'

const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'))
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

t.test('HKDF with SHA-256: the vectors of RFC 5869, appendix A.1 to A.3', t => {
  const range = (from: number, to: number) => Uint8Array.from({ length: to - from }, (_, i) => from + i)
  const vectors = [
    {
      ikm: new Uint8Array(22).fill(0x0b),
      salt: range(0x00, 0x0d),
      info: range(0xf0, 0xfa),
      prk: '077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5',
      okm: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865'
    },
    {
      ikm: range(0x00, 0x50),
      salt: range(0x60, 0xb0),
      info: range(0xb0, 0x100),
      prk: '06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244',
      okm:
        'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09' +
        'da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87'
    },
    {
      ikm: new Uint8Array(22).fill(0x0b),
      salt: new Uint8Array(0),
      info: new Uint8Array(0),
      prk: '19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04',
      okm: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8'
    }
  ]
  for (const { ikm, salt, info, prk, okm } of vectors) {
    t.equal(toHex(extract(salt, ikm)), prk)
    t.equal(toHex(expand(hex(prk), info, okm.length / 2)), okm)
  }
  t.end()
})

t.test('a label is encoded as RFC 8446 §7.1 has it, with another prefix', t => {
  const secret = new Uint8Array(32).fill(1)
  const context = new Uint8Array(32).fill(2)
  const info = Buffer.concat([hex('002c'), hex('0a'), Buffer.from('sft/1 s_hs'), hex('20'), context])
  const first = createHmac('sha256', secret).update(info).update(hex('01')).digest()
  const second = createHmac('sha256', secret).update(first).update(info).update(hex('02')).digest()
  t.equal(toHex(expandLabel(secret, 's_hs', context, 44)), toHex(Buffer.concat([first, second]).subarray(0, 44)))
  t.throws(() => expandLabel(secret, 'x'.repeat(250), context, 32), { code: 'ERR_SFT_INTERNAL' })
  t.end()
})

t.test('the secrets, against a second derivation over the HKDF of Node', t => {
  const z = new Uint8Array(64).fill(3)
  const hello = new Uint8Array(32).fill(4)
  const final = new Uint8Array(32).fill(5)
  const handshake = handshakeSecrets('chacha20-poly1305', 'x25519mlkem768', z, hello)
  const session = sessionSecrets(handshake.derived, final)
  const hs = (label: string, context: Uint8Array, size: number) =>
    Buffer.from(hkdfSync('sha256', z, suiteSalt(2, 2), info(label, context, size), size)).toString('hex')
  const ms = (label: string, size: number) =>
    Buffer.from(hkdfSync('sha256', new Uint8Array(32), handshake.derived, info(label, final, size), size)).toString(
      'hex'
    )
  t.strictSame(
    Object.fromEntries(Object.entries({ ...handshake, ...session }).map(([name, value]) => [name, toHex(value)])),
    {
      s_hs: hs('s_hs', hello, 44),
      c_hs: hs('c_hs', hello, 44),
      s_fin: hs('s_fin', hello, 32),
      c_fin: hs('c_fin', hello, 32),
      derived: hs('derived', new Uint8Array(0), 32),
      s_ap: ms('s_ap', 44),
      c_ap: ms('c_ap', 44),
      exp: ms('exp', 32),
      join: ms('join', 32),
      sid: ms('sid', 32)
    }
  )
  t.end()
})

function suiteSalt(suite: number, group: number): Uint8Array {
  return createHash('sha256')
    .update('sft/1 ')
    .update(Uint8Array.of(0, suite, 0, group))
    .digest()
}

function info(label: string, context: Uint8Array, size: number): Uint8Array {
  const name = Buffer.from(`sft/1 ${label}`)
  return Buffer.concat([Uint8Array.of(0, size, name.length), name, Uint8Array.of(context.length), context])
}

t.test('the secrets of a stripe, against a second derivation, differ by stripe, by random and by direction', t => {
  const join = new Uint8Array(32).fill(6)
  const derive = (label: string, stripe: number, random: Uint8Array) =>
    toHex(expand(join, info(label, Buffer.concat([Uint8Array.of(stripe), random]), 44), 44))
  const randoms = [new Uint8Array(32).fill(7), new Uint8Array(32).fill(8)]
  const seen = new Set<string>()
  for (const stripe of [1, 15]) {
    for (const random of randoms) {
      const { s_st, c_st } = stripeSecrets(join, stripe, random)
      t.strictSame([toHex(s_st), toHex(c_st)], [derive('s_st', stripe, random), derive('c_st', stripe, random)])
      seen.add(toHex(s_st)).add(toHex(c_st))
    }
  }
  t.equal(seen.size, 8)
  t.end()
})

t.test('suite and group separate the secrets', t => {
  const z = new Uint8Array(32)
  const th = new Uint8Array(32)
  const all = [
    handshakeSecrets('aes-256-gcm', 'x25519', z, th),
    handshakeSecrets('aes-256-gcm', 'x25519mlkem768', z, th),
    handshakeSecrets('chacha20-poly1305', 'x25519', z, th)
  ]
  t.equal(new Set(all.flatMap(secrets => Object.values(secrets)).map(toHex)).size, 15)
  t.end()
})

t.test('zero overwrites', t => {
  const secret = new Uint8Array(4).fill(9)
  zero(secret)
  t.strictSame(secret, new Uint8Array(4))
  t.end()
})
