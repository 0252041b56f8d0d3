import type { Vector } from '../../fixtures/vector.ts'
import { C, frame, integer, MAGIC, text } from '../encoder.ts'
import { ALL, base, c0, c1, c2, d0, end, file, flip, NOTHING, vector } from './base.ts'

const whole = file(base.header, c0, c1, c2, end)
const rest = whole.subarray(8)

function bytes(name: string, expect: string, comment: string, content: Uint8Array, released?: Buffer): Vector {
  return vector(name, `ERR_SFT_${expect}`, comment, content, released && { released })
}

/** Raw bytes after the header and the first chunk. */
function afterFirst(name: string, expect: string, comment: string, ...parts: readonly Uint8Array[]): Vector {
  return bytes(name, expect, comment, file(base.header, c0, ...parts), d0)
}

/** Raw bytes after a stream that is whole. */
function trailing(name: string, comment: string, tail: Uint8Array): Vector {
  return bytes(`trailing_${name}`, 'TRAILING', comment, Buffer.concat([whole, tail]), ALL)
}

/** `frame` with a length of the caller's making. */
function framed(length: string, type: string, body: Uint8Array = NOTHING): Buffer {
  return Buffer.concat([Buffer.from(length, 'hex'), text(type), body])
}

const PING = frame('PING', NOTHING)

export const FRAMES: readonly Vector[] = [
  bytes('magic_first_byte', 'MAGIC', 'the first byte without its top bit', flip(whole, 0, 0x80)),
  bytes('magic_last_byte', 'MAGIC', 'the last byte of the magic changed', flip(whole, 7)),
  bytes(
    'magic_line_ends',
    'MAGIC',
    'sent as text: CR LF became LF',
    Buffer.concat([MAGIC.subarray(0, 4), whole.subarray(5)])
  ),
  bytes('magic_missing', 'MAGIC', 'the stream without its magic', rest),
  bytes('magic_text', 'MAGIC', 'some text', text('this is no sft stream\n')),
  bytes('magic_short_text', 'MAGIC', 'text shorter than the magic', text('sft')),
  bytes(
    'magic_twice',
    'TRUNCATED',
    'the magic twice: the second reads as the length of a frame that never ends',
    file(MAGIC, rest)
  ),
  bytes('length_zero', 'FRAME_LENGTH', 'a frame of length zero first', file(Buffer.of(0), rest)),
  bytes('length_three', 'FRAME_LENGTH', 'a frame shorter than its type', file(framed('03', 'PIN'), rest)),
  bytes(
    'length_header_not_minimal',
    'FRAME_LENGTH',
    'the length of the header in three bytes',
    file(Buffer.of((base.header[0] as number) | 0x80, (base.header[1] as number) | 0x80, 0), base.header.subarray(2))
  ),
  bytes(
    'length_header_5_bytes',
    'FRAME_LENGTH',
    'a length of five bytes',
    file(framed('8080808001', 'STRM', base.body))
  ),
  bytes('length_header_oversize', 'FRAME_TOO_LARGE', 'a header of 64 KiB and a byte', file(framed('818004', 'STRM'))),
  bytes('length_header_huge', 'FRAME_TOO_LARGE', 'a header of 256 MiB', file(framed('ffffff7f', 'STRM'))),
  afterFirst('length_zero_later', 'FRAME_LENGTH', 'a frame of length zero between chunks', Buffer.of(0), c1, c2, end),
  afterFirst('length_zeros_for_ever', 'FRAME_LENGTH', 'nothing but zeros', Buffer.alloc(1000)),
  afterFirst('length_two', 'FRAME_LENGTH', 'a frame of two bytes', framed('02', 'RS'), c1, c2, end),
  afterFirst('length_not_minimal', 'FRAME_LENGTH', 'a length of one byte in two', framed('8400', 'PING'), c1, c2, end),
  afterFirst('length_not_minimal_4', 'FRAME_LENGTH', 'a length of one byte in four', framed('84808000', 'PING'), c1),
  afterFirst('length_5_bytes', 'FRAME_LENGTH', 'a length of five bytes, minimal', framed('8080808010', 'RSFL'), c1),
  afterFirst('length_endless', 'FRAME_LENGTH', 'a length that does not end', Buffer.alloc(20, 0xff)),
  afterFirst(
    'length_oversize',
    'FRAME_TOO_LARGE',
    'a chunk frame of one byte too much',
    framed('9d8001', 'RSFL'),
    Buffer.alloc(C)
  ),
  afterFirst('length_huge', 'FRAME_TOO_LARGE', 'a chunk frame of 256 MiB', framed('ffffff7f', 'RSFL')),
  afterFirst('type_unknown', 'FRAME_TYPE', 'a type that nobody knows', frame('XXXX', d0), c1, c2, end),
  afterFirst('type_reserved', 'FRAME_TYPE', 'a type that is reserved', frame('MESG', d0), c1, c2, end),
  afterFirst('type_lower_case', 'FRAME_TYPE', 'a type in lower case', frame('rsfl', base.chunkBody(1, d0)), c2, end),
  afterFirst('type_zeros', 'FRAME_TYPE', 'a type of zeros', framed('04', '\0\0\0\0'), c1, c2, end),
  afterFirst('type_ping', 'FRAME_TYPE', 'a sign of life inside a pipe', PING, c1, c2, end),
  afterFirst('type_abort', 'FRAME_TYPE', 'an ABRT inside a pipe', frame('ABRT', Buffer.of(2)), c1, c2, end),
  afterFirst('type_close', 'FRAME_TYPE', 'a CLOS in the place of the end', frame('CLOS', NOTHING)),
  afterFirst('type_header_again', 'FRAME_TYPE', 'the header once more', base.header, c1, c2, end),
  bytes(
    'type_header_twice',
    'FRAME_TYPE',
    'two headers before the chunks',
    file(base.header, base.header, c0, c1, c2, end)
  ),
  bytes('type_chunk_first', 'FRAME_TYPE', 'a chunk before the header', file(c0, base.header, c1, c2, end)),
  bytes('type_final_first', 'FRAME_TYPE', 'the end before the header', file(end)),
  bytes('type_ping_first', 'FRAME_TYPE', 'a sign of life before the header', file(PING, rest)),
  bytes('type_hello_first', 'FRAME_TYPE', 'a handshake in the place of the header', file(frame('HELO', base.body), c0)),
  bytes('type_no_header', 'FRAME_TYPE', 'chunks without a header', file(c0, c1, c2, end)),
  trailing('one_byte', 'one byte after the end', Buffer.of(0x0a)),
  trailing('zero', 'a zero after the end', Buffer.of(0)),
  trailing('in_length', 'a byte that would start a longer length', Buffer.of(0x80)),
  trailing('zeros', 'a block of zeros, as tapes and pads have', Buffer.alloc(512)),
  trailing('garbage', 'garbage after the end', text('trailing garbage, and some more of it\n')),
  trailing('frame', 'a whole frame after the end', PING),
  trailing('unknown_frame', 'an unknown frame after the end', frame('XXXX', d0)),
  trailing('chunk', 'a chunk after the end', c2),
  trailing('next_chunk', 'the next chunk after the end', base.chunk(3, d0)),
  trailing('two_finals', 'the end twice', end),
  trailing(
    'final_of_more',
    'one more chunk and its end',
    Buffer.concat([base.chunk(3, d0), base.final(4, ALL.byteLength + 100)])
  ),
  trailing('stream', 'a second stream', whole),
  trailing('length', 'a length alone', integer(44, 1))
]
