import { randomBytes } from 'node:crypto'
import t from 'tap'
import { answerShares, finishShares, GROUPS, makeShares, publicShares } from '../../../src/auth/session/key-exchange.ts'

/** Points of small order on Curve25519 (RFC 7748 §7, and the list of "cr.yp.to/ecdh.html"). */
const SMALL_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'
].map(point => Uint8Array.from(Buffer.from(point, 'hex')))

t.test('both sides compute the same secret, in every group, and never the same twice', async t => {
  const secrets = new Set<string>()
  for (const group of [...GROUPS, ...GROUPS]) {
    const shares = await makeShares([group])
    const { answer, z } = await answerShares(group, publicShares(shares))
    t.equal(z.byteLength, group === 'x25519' ? 32 : 64)
    t.equal(Buffer.compare(finishShares(group, shares, answer), z), 0)
    t.strictSame([answer.x25519.byteLength, answer.kem?.byteLength], [32, group === 'x25519' ? undefined : 1088])
    secrets.add(Buffer.from(z).toString('hex'))
  }
  t.equal(secrets.size, 4)
})

t.test('an offer carries an encapsulation key only where a group needs one', async t => {
  t.equal(publicShares(await makeShares(['x25519'])).kem, undefined)
  t.equal(publicShares(await makeShares(['x25519', 'x25519mlkem768'])).kem?.byteLength, 1184)
})

t.test('an all-zero X25519 result is refused, on both sides (M17)', async t => {
  for (const x25519 of SMALL_ORDER) {
    await t.rejects(answerShares('x25519', { x25519 }), { code: 'ERR_SFT_HANDSHAKE' })
    const shares = await makeShares(['x25519mlkem768'])
    const { answer } = await answerShares('x25519mlkem768', publicShares(shares))
    t.throws(() => finishShares('x25519mlkem768', shares, { ...answer, x25519 }), { code: 'ERR_SFT_HANDSHAKE' })
  }
})

t.test('an encapsulation key with a coefficient out of range is refused (FIPS 203 §7.2)', async t => {
  const { x25519 } = publicShares(await makeShares(['x25519']))
  const kem = new Uint8Array(1184).fill(0xff)
  await t.rejects(answerShares('x25519mlkem768', { x25519, kem }), { code: 'ERR_SFT_HANDSHAKE' })
})

t.test('another ciphertext gives another secret, not an error: the MAC finds it', async t => {
  const shares = await makeShares(['x25519mlkem768'])
  const { answer, z } = await answerShares('x25519mlkem768', publicShares(shares))
  const other = finishShares('x25519mlkem768', shares, { ...answer, kem: randomBytes(1088) })
  t.not(Buffer.compare(other, z), 0)
  t.equal(Buffer.compare(other.subarray(0, 32), z.subarray(0, 32)), 0)
})
