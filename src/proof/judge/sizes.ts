import type { Claim, Dissected, Frame, Known } from '../model.ts'
import { count, Findings } from './claim.ts'
import { cutsOf, type Fit, fitOf } from './file-sizes.ts'
import { type Side, sent, sidesOf, sum } from './parts.ts'
import { dataOf, ofSft, type Stream, streamName, streamsOf } from './streams.ts'

/** The claim `sizes`: nothing is on the wire that the protocol has no name for, and no file takes more bytes than it must (M172). */

/** length, type, `Seal` of three u64 (SPEC §7.3) */
const FINL_BYTES = 1 + 4 + 24 + 16
/** A stream that misses the size of a file by no more than this part of it was meant to be that file. */
const NEAR = 1 / 100
/** Bytes of a file in a classic block. */
const CLASSIC_BLOCK = 100

const ELSEWHERE = 'has the sizes of no stream: it may be in the archive of a directory, or have gone elsewhere.'
const NOWHERE = 'was in no stream: the capture has none with an end.'

export function judgeSizes(all: readonly Dissected[], { plain = [] }: Known): Claim {
  const findings = new Findings()
  const sides = sidesOf(all)
  for (const side of sides) judgeFrames(findings, side)
  const streams = streamsOf(all)
  for (const stream of streams) judgeStream(findings, stream)
  const classic = all.filter(({ protocol }) => protocol === 'classic')
  judgeFiles(findings, streams, classic, plain)
  for (const each of classic) noteBlocks(findings, each)
  const bytes = sum(sides.map(({ flow }) => flow.bytes.byteLength))
  const frames = count(sum(sides.map(side => side.frames.length)), 'frame')
  findings.note(`${count(bytes, 'byte')} of ${count(sides.length, 'flow')} in ${frames}.`)
  const data = sum(streams.map(dataOf))
  if (streams.length > 0) {
    const own = sum(sidesOf(ofSft(all)).map(({ flow }) => flow.bytes.byteLength))
    findings.note(
      `sft: ${count(own, 'byte')}, of which ${data.toLocaleString('en-US')} are the data of ${count(streams.length, 'stream')} and ${(own - data).toLocaleString('en-US')} handshakes, headers, lengths, indices and tags. What is hidden is the content, not its length.`
    )
  }
  return findings.claim('sizes')
}

function judgeFrames(findings: Findings, side: Side): void {
  const { flow, frames, of, direction } = side
  let end = 0
  for (const { at, length, label } of frames) {
    if (at !== end)
      findings.fault(
        `Frames of ${sent(side)} do not follow each other: one ends at ${end}, the next begins at ${at}.`,
        [flow.packetAt(Math.min(at, end))]
      )
    end = at + length
    if (label === 'unexplained')
      findings.fault(`${count(length, 'byte')} from byte ${at} on of ${sent(side)} are in no frame.`, [
        flow.packetAt(at)
      ])
  }
  const left = flow.bytes.byteLength - end
  if (left !== 0)
    findings.fault(`${count(left, 'byte')} at the end of ${sent(side)} are in no frame.`, [flow.packetAt(end)])
  for (const fault of of.faults.filter(each => each.direction === direction))
    findings.fault(`${sent(side)}, byte ${fault.at}: ${fault.reason}.`, [flow.packetAt(fault.at)])
}

/** What a stream must be of itself, whatever it carries. */
function judgeStream(findings: Findings, stream: Stream): void {
  const { chunks, ends, header, sides } = stream
  const packets = (of: readonly Stream['chunks'][number][]): number[] =>
    of.map(({ side, frame }) => side.flow.packetAt(frame.at))
  const wrong = chunks.filter((chunk, at) => at > 0 && chunk.index !== (chunks[at - 1]?.index as number) + 1)
  if (wrong.length > 0)
    findings.fault(
      `Of ${streamName(stream)}, chunk ${wrong[0]?.index} does not follow the one before it.`,
      packets(wrong)
    )
  const empty = chunks.filter(({ length }) => length === 0)
  if (empty.length > 0)
    findings.fault(`Of ${streamName(stream)}, ${count(empty.length, 'chunk')} have no byte.`, packets(empty))
  if (header && !header.variable && cutsOf(stream).length === 0)
    findings.fault(
      `The sizes of ${streamName(stream)} are not those of full chunks of ${count(header.chunkSize, 'byte')} and a rest.`,
      packets(chunks)
    )
  if (ends.length < sides.length) findings.note(`${streamName(stream)}: without an end.`)
  for (const end of ends)
    if (end.length !== FINL_BYTES)
      findings.fault(`The end of ${streamName(stream)} has ${count(end.length, 'byte')} instead of ${FINL_BYTES}.`)
}

/** Each file that is known must have its stream, of exactly its size. */
function judgeFiles(
  findings: Findings,
  streams: readonly Stream[],
  classic: readonly Dissected[],
  plain: NonNullable<Known['plain']>
): void {
  const whole = streams.filter(({ ends }) => ends.length > 0)
  const nowhere = whole.length > 0 ? ELSEWHERE : NOWHERE
  const matched = new Set<Stream>()
  if (whole.length > 0 && !plain.some(({ bytes }) => bytes.byteLength > 0)) findings.doubt(noChunkOf(plain))
  for (const { name, bytes } of plain) {
    const size = bytes.byteLength
    const found = whole.map(stream => ({ stream, fit: fitOf(stream, size) }))
    const exact = found.filter(({ fit }) => fit?.off === 0)
    const near = found.find(({ fit }) => fit && Math.abs(fit.off) <= size * NEAR)
    const file = `${JSON.stringify(name)} (${count(size, 'byte')})`
    for (const { stream, fit } of exact) {
      matched.add(stream)
      findings.note(`${file} has exactly the sizes of ${streamName(stream)}${inWords(stream, fit)}.`)
    }
    if (exact.length + noteClassic(findings, classic, file, size) > 0) continue
    if (near && !matched.has(near.stream))
      findings.fault(`${file} does not have the sizes of ${streamName(near.stream)}: ${near.fit?.off} bytes off.`)
    else findings.doubt(`${file} ${nowhere}`)
  }
  const others = whole.length - matched.size
  if (plain.length > 0 && others > 0)
    findings.note(
      `${count(others, 'stream')} of other sizes, which may be directories, messages or files that were not given.`
    )
}

const noChunkOf = ({ length }: { readonly length: number }): string =>
  length === 0
    ? 'No file was given to compare the sizes of chunks with.'
    : 'Every file that was given is empty: there are no chunks of it to compare.'

/** @returns in how many connections of the classic system it may have been */
function noteClassic(findings: Findings, classic: readonly Dissected[], file: string, size: number): number {
  const taken = Math.ceil(size / CLASSIC_BLOCK)
  const found = classic.filter(each => taken > 0 && blocksOf(each).length === taken)
  for (const { connection } of found)
    findings.note(`${file} takes as many blocks as connection ${connection.number} has.`)
  return found.length
}

function inWords({ chunks: [first] }: Stream, fit: Fit | undefined): string {
  const cut = fit?.cut
  if (first === undefined || cut === undefined) return ''
  if (first.index > 0) return `, from byte ${(first.index * cut.file).toLocaleString('en-US')} on`
  return cut.block ? `, in RSA blocks of ${cut.block.wire} bytes with ${cut.block.file} of the file in each` : ''
}

const blocksOf = ({ frames }: Dissected): Frame[] => frames.filter(({ label }) => label === 'RSFL')

/** The length of a classic file is seen to 100 bytes. */
function noteBlocks(findings: Findings, each: Dissected): void {
  const { connection } = each
  const blocks = blocksOf(each)
  if (blocks.length === 0) return
  const [least, most] = [(blocks.length - 1) * CLASSIC_BLOCK + 1, blocks.length * CLASSIC_BLOCK]
  findings.note(
    `Connection ${connection.number}, classic: ${count(blocks.length, 'block')}, so the lengths reveal that the file has ${least.toLocaleString('en-US')} to ${most.toLocaleString('en-US')} bytes.`,
    blocks.map(({ direction, at }) => connection[direction].packetAt(at))
  )
}
