import t from 'tap'
import { fitted } from '../../src/bin/fitted.ts'
import { barOf, wordsOf } from '../../src/bin/progress.ts'

const MIB = 1024 * 1024

t.test('how far it is, in words, as far as it is known', t => {
  const rows: [Parameters<typeof wordsOf>[0], string][] = [
    [{ bytes: 0, rate: 0 }, '0 B, 0 B/s'],
    [{ bytes: 12 * MIB, rate: 8 * MIB }, '12.0 MiB, 8.0 MiB/s'],
    [{ bytes: 12 * MIB, size: 24 * MIB, rate: 2 * MIB }, '12.0 MiB of 24.0 MiB, 50 %, 2.0 MiB/s, 0:06 left'],
    [{ bytes: MIB, size: 751 * MIB, rate: MIB }, '1.0 MiB of 751.0 MiB, 0 %, 1.0 MiB/s, 12:30 left'],
    [{ bytes: 0, size: 11_100 * MIB, rate: MIB }, '0 B of 10.8 GiB, 0 %, 1.0 MiB/s, 3:05:00 left'],
    [{ bytes: MIB, size: 2 * MIB, rate: 0 }, '1.0 MiB of 2.0 MiB, 50 %, 0 B/s'],
    [{ bytes: 999_999, size: 1_000_000, rate: MIB }, '976.6 KiB of 976.6 KiB, 99 %, 1.0 MiB/s, 0:01 left'],
    [{ bytes: MIB, size: MIB, rate: MIB, boundBy: 'write' }, '1.0 MiB of 1.0 MiB, 100 %, 1.0 MiB/s, bound by write'],
    [
      { bytes: MIB, rate: MIB, boundBy: 'cipher', privateOperations: 5519 },
      '1.0 MiB, 1.0 MiB/s, 5,519 RSA operations, bound by cipher'
    ],
    [{ bytes: 190, rate: 0, privateOperations: 1 }, '190 B, 0 B/s, 1 RSA operation'],
    [{ bytes: 2 * MIB, size: MIB, rate: 0 }, '2.0 MiB of 1.0 MiB, 100 %, 0 B/s'],
    [{ bytes: 0, size: 0, rate: 0 }, '0 B of 0 B, 0 B/s']
  ]
  for (const [event, words] of rows) t.equal(wordsOf(event), words)
  t.end()
})

t.test('a terminal that is narrower loses the least important first, and never a part of a figure', t => {
  const strict = {
    ...{ bytes: 12 * MIB, size: 24 * MIB, rate: 8 * MIB },
    ...{ privateOperations: 66_227, boundBy: 'cipher' as const }
  }
  const plain = { ...strict, privateOperations: undefined }
  const few = '12.0 MiB of 24.0 MiB, 50 %, 8.0 MiB/s'
  const rows: [number, Parameters<typeof barOf>[0], string][] = [
    [120, strict, `[#####-----] ${few}, 0:02 left, 66,227 RSA operations, bound by cipher`],
    [100, strict, `[#####-----] ${few}, 0:02 left, 66,227 RSA operations`],
    [80, strict, `${few}, 0:02 left, 66,227 RSA operations`],
    [60, strict, `${few}, 0:02 left`],
    [40, strict, few],
    [100, plain, `[#####-----] ${few}, 0:02 left, bound by cipher`],
    [80, plain, `[#####-----] ${few}, 0:02 left, bound by cipher`],
    [60, plain, `${few}, 0:02 left`],
    [40, plain, few],
    [30, plain, '12.0 MiB of 24.0 MiB, 50 %'],
    [20, plain, '12.0 MiB, 50 %'],
    [10, plain, '12.0 MiB'],
    [80, { bytes: 5, rate: 1 }, '5 B, 1 B/s']
  ]
  for (const [columns, told, line] of rows) t.equal(fitted(barOf(told), columns - 1), line, `${columns} columns`)
  t.end()
})
