import t from 'tap'
import { frame, frameBytes } from '../../src/streams/frame.ts'
import { parseType, typeBytes } from '../../src/streams/frame-types.ts'
import type { Frame } from '../../src/streams/types.ts'
import { collect, hex, pattern, print } from '../fixtures/bytes.ts'

const bytesOf = (each: Frame): Buffer => Buffer.concat([...frameBytes(each)])

t.test('length, type, body: the bytes of SPEC §3', t => {
  t.equal(print(bytesOf({ type: 'PING', body: [] })), '0450494e47')
  t.equal(print(bytesOf({ type: 'RSCI', body: [hex('06')] })), '055253434906')
  t.equal(print(bytesOf({ type: 'RQFL', body: [pattern(3), pattern(2)] })), '095251464c001f3e001f')
  for (const [size, prefix] of [
    [123, '7f'],
    [124, '8001'],
    [16_379, 'ff7f'],
    [16_380, '808001'],
    [2 ** 21 - 5, 'ffff7f'],
    [2 ** 21 - 4, '80808001']
  ] as const) {
    const bytes = bytesOf({ type: 'STRM', body: [new Uint8Array(size)] })
    t.equal(print(bytes.subarray(0, prefix.length / 2)), prefix, `${size} bytes of body`)
    t.equal(bytes.byteLength, prefix.length / 2 + 4 + size)
  }
  t.end()
})

t.test('a large piece passes on without a copy, small ones leave together', async t => {
  const large = pattern(100_000)
  const pieces = await collect(frame()([{ type: 'RSFL', body: [pattern(8), large, pattern(16)] }]))
  t.equal(pieces.length, 3)
  t.equal(pieces[1], large)
  t.equal(pieces[0]?.byteLength, 3 + 4 + 8)
  t.equal((await collect(frame()([{ type: 'FINL', body: [pattern(24), pattern(16)] }]))).length, 1)
})

t.test('many frames are the concatenation of each', async t => {
  const frames: Frame[] = [0, 1, 200, 600, 70_000].map(size => ({ type: 'RSFL', body: [pattern(size)] }))
  t.equal(print(Buffer.concat(await collect(frame()(frames)))), print(Buffer.concat(frames.map(bytesOf))))
})

t.test('every type of SPEC §3 is known, and no other', t => {
  const names =
    'HELO HELR SECE SECV SECF RSCV RSCI JOIN JOIR RQFL OFFR ACPT STRM RSFL CKPT FINL PING ABRT CLOS CRLN'.split(' ')
  for (const name of names) t.equal(parseType(Buffer.from(`${name}rest`)), name)
  for (const name of names) t.equal(Buffer.from(typeBytes(name as 'PING')).toString(), name)
  for (const name of ['MESG', 'XXXX', 'ping', 'PIN', '', 'PIN\u00c7']) {
    t.throws(() => parseType(Buffer.from(name, 'latin1')), { code: 'ERR_SFT_FRAME_TYPE' }, name)
  }
  t.end()
})
