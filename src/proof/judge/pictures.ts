import {
  type ConnectionPicture,
  type Direction,
  type Dissected,
  type FlowPicture,
  type Frame,
  SHOWN_FRAMES
} from '../model.ts'
import { type Side, sealedOf, sidesOf, sizeOf, sum } from './parts.ts'
import { chiSquare, entropyOf, expectedEntropy, histogramOf } from './statistics.ts'

/** What the report draws of each connection. */

/** Pieces whose entropy is shown, and the fewest bytes that make one worth looking at. */
const MAX_PIECES = 128
const LEAST_PIECE = 512

export function picturesOf(all: readonly Dissected[]): ConnectionPicture[] {
  const sides = Map.groupBy(sidesOf(all), ({ of }) => of)
  return all.map(each => {
    const { number, dialler, listener, handshake } = each.connection
    const sequence = sequenceOf(each)
    const { first, last } = SHOWN_FRAMES
    const omitted = Math.max(0, sequence.length - first - last)
    return {
      number,
      dialler,
      listener,
      protocol: each.protocol,
      handshake,
      flows: (sides.get(each) ?? []).map(flowPicture),
      sequence: [...sequence.slice(0, first), ...sequence.slice(first + omitted)],
      omitted
    }
  })
}

function sequenceOf({ connection, frames }: Dissected): ConnectionPicture['sequence'][number][] {
  return frames
    .map(({ at, ...rest }: Frame) => {
      const flow = connection[rest.direction]
      return { ...rest, packet: flow.packetAt(at), ms: flow.timeAt(at) }
    })
    .sort((a, b) => a.packet - b.packet)
}

function flowPicture(side: Side): FlowPicture {
  const { bytes } = side.flow
  const sealed = sealedOf(side)
  const histogram = new Float64Array(256)
  const parts = sealed.length > 0 ? sealed : [{ bytes, from: 0, to: bytes.byteLength }]
  for (const part of parts) histogramOf(part.bytes.subarray(part.from, part.to), histogram)
  const total = sum(histogram)
  return {
    direction: side.direction satisfies Direction,
    bytes: bytes.byteLength,
    sealedBytes: sizeOf(sealed),
    histogram: [...histogram],
    entropy: entropyOf(histogram, total),
    expectedEntropy: expectedEntropy(total),
    chiSquare: chiSquare(histogram, total),
    entropyAlong: entropyAlong(bytes)
  }
}

function entropyAlong(bytes: Uint8Array): number[] {
  const pieces = Math.min(MAX_PIECES, Math.max(1, Math.floor(bytes.byteLength / LEAST_PIECE)))
  return Array.from({ length: pieces }, (_, at) => {
    const [from, to] = [at, at + 1].map(edge => Math.floor((edge * bytes.byteLength) / pieces)) as [number, number]
    return entropyOf(histogramOf(bytes.subarray(from, to)), to - from)
  })
}
