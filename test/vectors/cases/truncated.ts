import type { Vector } from '../../fixtures/vector.ts'
import { C } from '../encoder.ts'
import { ALL, base, c0, c1, c2, d0, d1, end, f0, file, regular, vector } from './base.ts'

const whole = file(base.header, c0, c1, c2, end)
const afterHeader = 8 + base.header.byteLength
const afterFirst = afterHeader + c0.byteLength
const afterSecond = afterFirst + c1.byteLength
const afterThird = afterSecond + c2.byteLength

function cut(name: string, comment: string, size: number, released: Uint8Array = Buffer.alloc(0)): Vector {
  return vector(`truncated_${name}`, 'ERR_SFT_TRUNCATED', comment, whole.subarray(0, size), { released })
}

const full = file(regular.header, regular.chunk(0, f0))

export const TRUNCATED: readonly Vector[] = [
  cut('nothing', 'no input at all', 0),
  cut('in_magic', 'inside the magic', 5),
  cut('after_magic', 'after the magic', 8),
  cut('in_header_length', 'inside the length of the header', 9),
  cut('after_header_length', 'after the length of the header', 10),
  cut('in_header_type', 'inside the type of the header', 12),
  cut('after_header_type', 'after the type of the header', 14),
  cut('in_stanza', 'inside the stanza', 100),
  cut('in_commitment', 'inside the commitment', 14 + base.commitmentAt + 5),
  cut('in_sealed_part', 'inside the sealed part of the header', afterHeader - 200),
  cut('header_last_byte', 'one byte before the end of the header', afterHeader - 1),
  cut('after_header', 'no chunk and no end', afterHeader),
  cut('in_chunk_length', 'inside the length of the first chunk', afterHeader + 1),
  cut('after_chunk_length', 'after the length of the first chunk', afterHeader + 2),
  cut('in_chunk_type', 'inside the type of the first chunk', afterHeader + 4),
  cut('in_index', 'inside the index of the first chunk', afterHeader + 9),
  cut('in_chunk', 'inside the first chunk', afterHeader + 60),
  cut('in_tag', 'inside the tag of the first chunk', afterFirst - 8),
  cut('after_first', 'after the first chunk', afterFirst, d0),
  cut('in_second_length', 'inside the length of the second chunk', afterFirst + 1, d0),
  cut('in_second', 'inside the second chunk', afterSecond - 30, d0),
  cut('after_second', 'after the second chunk', afterSecond, Buffer.concat([d0, d1])),
  cut('before_final', 'all chunks, but no end', afterThird, ALL),
  cut('after_final_length', 'after the length of the end', afterThird + 1, ALL),
  cut('in_final_type', 'inside the type of the end', afterThird + 3, ALL),
  cut('after_final_type', 'after the type of the end', afterThird + 5, ALL),
  cut('in_final', 'inside the end', afterThird + 20, ALL),
  cut('final_last_byte', 'one byte before the end', whole.byteLength - 1, ALL),
  vector('truncated_full_chunk', 'ERR_SFT_TRUNCATED', 'a whole full chunk and no end', full, { released: f0 }),
  vector(
    'truncated_in_full_chunk',
    'ERR_SFT_TRUNCATED',
    'at the place where a chunk of 4 KiB would have ended',
    full.subarray(0, full.byteLength - C + 4096)
  )
]
