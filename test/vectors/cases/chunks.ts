import type { Vector } from '../../fixtures/vector.ts'
import { C, frame, text } from '../encoder.ts'
import {
  ALL,
  base,
  c0,
  c1,
  c2,
  carol,
  chunks,
  d0,
  d1,
  d2,
  data,
  end,
  f0,
  file,
  flip,
  regular,
  stream,
  vector
} from './base.ts'

const D01 = Buffer.concat([d0, d1])
const other = stream('another to the same recipient')
const toCarol = stream('another to another recipient', { recipients: [carol] })
const chacha = stream('base', { suite: 2 })
const [o0, o1, , oEnd] = chunks(other) as [Buffer, Buffer, Buffer, Buffer]
const total = ALL.byteLength

/** The header of `base`, and other frames after it. */
function after(name: string, expect: string, comment: string, parts: readonly Buffer[], released?: Buffer): Vector {
  return vector(name, `ERR_SFT_${expect}`, comment, file(base.header, ...parts), released && { released })
}

function ofRegular(name: string, expect: string, comment: string, parts: readonly Buffer[], released?: Buffer): Vector {
  return vector(name, `ERR_SFT_${expect}`, comment, file(regular.header, ...parts), released && { released })
}

const short = data('short', 1000)
const noTag = base.chunkBody(0, Buffer.alloc(0)).subarray(0, 23)

export const CHUNKS: readonly Vector[] = [
  after('order_swapped', 'CHUNK_ORDER', 'the first two chunks swapped', [c1, c0, c2, end]),
  after('order_swapped_last', 'CHUNK_ORDER', 'the last two chunks swapped', [c0, c2, c1, end], d0),
  after('order_repeated', 'CHUNK_ORDER', 'the first chunk twice', [c0, c0, c1, c2, end], d0),
  after('order_repeated_last', 'CHUNK_ORDER', 'the last chunk twice', [c0, c1, c2, c2, end], ALL),
  after('order_first_dropped', 'CHUNK_ORDER', 'no first chunk', [c1, c2, end]),
  after('order_middle_dropped', 'CHUNK_ORDER', 'no second chunk', [c0, c2, end], d0),
  after('order_reversed', 'CHUNK_ORDER', 'all chunks in reverse', [c2, c1, c0, end]),
  after('order_index_changed', 'CHUNK_ORDER', 'the index of the first chunk changed on the way', [
    flip(c0, 13),
    c1,
    c2,
    end
  ]),
  after('order_index_high', 'CHUNK_ORDER', 'an index above 2^53', [flip(c0, 6, 0x80), c1, c2, end]),
  after('order_swapped_relabelled', 'CHUNK_AUTH', 'two chunks swapped, their indices put right', [
    base.chunk(1, d1, { claim: 0 }),
    base.chunk(0, d0, { claim: 1 }),
    c2,
    end
  ]),
  after('auth_first_chunk', 'CHUNK_AUTH', 'a bit of the first chunk changed', [flip(c0, 20), c1, c2, end]),
  after('auth_first_tag', 'CHUNK_AUTH', 'the tag of the first chunk changed', [flip(c0, -1), c1, c2, end]),
  after('auth_second_tag', 'CHUNK_AUTH', 'the tag of the second chunk changed', [c0, flip(c1, -1, 0x80), c2, end], d0),
  after('auth_last_tag', 'CHUNK_AUTH', 'the tag of the last chunk changed', [c0, c1, flip(c2, -16), end], D01),
  after('auth_tag_zero', 'CHUNK_AUTH', 'a tag of zeros', [
    Buffer.concat([c0.subarray(0, -16), Buffer.alloc(16)]),
    c1,
    c2,
    end
  ]),
  after(
    'auth_tag_cut',
    'CHUNK_AUTH',
    'the last chunk one byte shorter',
    [c0, c1, frame('RSFL', base.chunkBody(2, d2).subarray(0, -1)), end],
    D01
  ),
  after('auth_tag_of_4', 'CHUNK_AUTH', 'a tag of 4 bytes, which GCM would take', [
    frame('RSFL', base.chunkBody(0, d0).subarray(0, -12)),
    c1,
    c2,
    end
  ]),
  after('auth_byte_added', 'CHUNK_AUTH', 'the first chunk one byte longer', [
    frame('RSFL', Buffer.concat([base.chunkBody(0, d0), Buffer.of(0)])),
    c1,
    c2,
    end
  ]),
  after('auth_other_suite', 'CHUNK_AUTH', 'a chunk sealed in the other suite', [
    base.chunk(0, d0, { suite: 2 }),
    c1,
    c2,
    end
  ]),
  after('auth_nonce', 'CHUNK_AUTH', 'a chunk sealed under the nonce of another index', [
    base.chunk(0, d0, { nonce: 1 }),
    c1,
    c2,
    end
  ]),
  after('auth_aad', 'CHUNK_AUTH', 'a chunk sealed without its index in the AAD', [
    base.chunk(0, d0, { aad: text('RSFL') }),
    c1,
    c2,
    end
  ]),
  after('auth_group', 'CHUNK_AUTH', 'a chunk of the next group under an index of this one', [
    base.chunk(65_536, d0, { claim: 0 }),
    c1,
    c2,
    end
  ]),
  after('splice_chunk', 'CHUNK_AUTH', 'a chunk of another stream to the same recipient', [c0, o1, c2, end], d0),
  after('splice_all', 'CHUNK_AUTH', 'all of another stream behind this header', chunks(other)),
  after('splice_recipient', 'CHUNK_AUTH', 'a chunk of a stream to somebody else', [toCarol.chunk(0, d0), c1, c2, end]),
  after('splice_suite', 'CHUNK_AUTH', 'chunks of the same stream in the other suite', chunks(chacha)),
  after('splice_final', 'FINAL', 'the end of another stream of the same size', [c0, c1, c2, oEnd], ALL),
  after('splice_into_tail', 'CHUNK_AUTH', 'the first chunk, then another stream', [c0, o1, oEnd], d0),
  after('size_empty', 'CHUNK_SIZE', 'a chunk of no bytes', [base.chunk(0, Buffer.alloc(0)), base.final(1, 0)]),
  after(
    'size_empty_later',
    'CHUNK_SIZE',
    'a chunk of no bytes after a good one',
    [c0, base.chunk(1, Buffer.alloc(0)), base.final(2, 100)],
    d0
  ),
  after('size_no_tag', 'CHUNK_SIZE', 'a body too short for index and tag', [frame('RSFL', noTag), end]),
  after('size_no_body', 'CHUNK_SIZE', 'a chunk without a body', [frame('RSFL', Buffer.alloc(0)), end]),
  after('size_oversize', 'FRAME_TOO_LARGE', 'a chunk one byte larger than the chunk size', [
    base.chunk(0, data('large', C + 1)),
    base.final(1, C + 1)
  ]),
  ofRegular(
    'size_short_first',
    'CHUNK_SIZE',
    'a short chunk that is not the last, without VAR',
    [regular.chunk(0, short), regular.chunk(1, short), regular.final(2, 2000)],
    short
  ),
  ofRegular(
    'size_short_middle',
    'CHUNK_SIZE',
    'a full chunk, a short one, and one more, without VAR',
    [regular.chunk(0, f0), regular.chunk(1, short), regular.chunk(2, short), regular.final(3, C + 2000)],
    Buffer.concat([f0, short])
  ),
  ofRegular(
    'size_empty_last',
    'CHUNK_SIZE',
    'an empty chunk to mark the end',
    [regular.chunk(0, f0), regular.chunk(1, Buffer.alloc(0)), regular.final(2, C)],
    f0
  ),
  after('final_last_dropped', 'FINAL', 'no last chunk', [c0, c1, end], D01),
  after('final_all_dropped', 'FINAL', 'no chunk', [end]),
  after('final_wrong_count', 'FINAL', 'a count of one more', [c0, c1, c2, base.final(4, total, 0, { nonce: 3 })], ALL),
  after(
    'final_wrong_nonce',
    'FINAL',
    'sealed under another nonce',
    [c0, c1, c2, base.final(3, total, 0, { nonce: 0 })],
    ALL
  ),
  after('final_wrong_bytes', 'FINAL', 'one byte less', [c0, c1, c2, base.final(3, total - 1)], ALL),
  after('final_wrong_first', 'FINAL', 'another first chunk', [c0, c1, c2, base.final(3, total, 1)], ALL),
  after(
    'final_longer',
    'FINAL',
    'a byte more inside the seal',
    [c0, c1, c2, base.final(3, total, 0, { extra: Buffer.of(0) })],
    ALL
  ),
  after(
    'final_wrong_key',
    'FINAL',
    'sealed under the key of the header',
    [c0, c1, c2, base.final(3, total, 0, { label: 'sft/1 hdr' })],
    ALL
  ),
  after('final_changed', 'FINAL', 'a bit changed', [c0, c1, c2, flip(end, 8)], ALL),
  after('final_tag', 'FINAL', 'its tag changed', [c0, c1, c2, flip(end, -1)], ALL),
  after('final_cut', 'FINAL', 'shorter than its tag', [c0, c1, c2, frame('FINL', end.subarray(5, 17))], ALL),
  after('final_no_body', 'FINAL', 'without a body', [c0, c1, c2, frame('FINL', Buffer.alloc(0))], ALL),
  after('final_early', 'TRAILING', 'the end before the last chunks', [c0, end, c1, c2], d0),
  after(
    'final_honest_early',
    'TRAILING',
    'a true end after the first chunk, then the rest',
    [c0, base.final(1, 100), c1, c2, end],
    d0
  ),
  after('final_as_chunk', 'CHUNK_SIZE', 'the end under the type of a chunk', [frame('RSFL', end.subarray(5, 28)), end]),
  after('final_of_empty', 'FINAL', 'the end of an empty file after chunks', [c0, c1, c2, base.final(0, 0)], ALL),
  after('splice_first', 'CHUNK_AUTH', 'the first chunk of another stream', [o0, c1, c2, end])
]
