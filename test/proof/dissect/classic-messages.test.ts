import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parseCapture, readCapture } from '../../../src/proof/capture/read.ts'
import { writeCapture } from '../../../src/proof/capture/write.ts'
import { dissect } from '../../../src/proof/dissect/dissect.ts'
import type { Connection, Dissected } from '../../../src/proof/model.ts'
import { flaws } from '../../fixtures/frame-flaws.ts'
import { piecesOf } from '../../fixtures/pieces.ts'

const CLASSIC = fileURLToPath(new URL('../../data/classic/capture.pcap', import.meta.url))
const [, , transfer] = (await readCapture(CLASSIC)).connections as [Connection, Connection, Connection]
/** certificate, certificate, name, block */
const [shown, accepted, asked, block] = piecesOf(transfer).map(({ bytes }) => bytes) as [Buffer, Buffer, Buffer, Buffer]

/** Faults of what the two say in turns. */
function faultsOf(...turns: readonly Uint8Array[]): string[] {
  const pieces = turns.map((bytes, index) => ({ dialler: index % 2 === 0, bytes }))
  const [found] = dissect(parseCapture(writeCapture([{ port: 1, pieces }]))) as [Dissected]
  t.equal(found.protocol, 'classic')
  t.same(flaws(found), [])
  return found.faults.map(({ direction, at, reason }) => `${direction} ${at}: ${reason}`)
}

/** A message with another payload. */
function message(type: string, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(8)
  header.write(type)
  header.writeUInt32BE(payload.byteLength, 4)
  return Buffer.concat([header, payload])
}

t.test('the order of the messages', t => {
  t.same(faultsOf(shown, accepted, asked, Buffer.concat([block, block])), [])
  t.same(faultsOf(shown, message('RSCI', Buffer.alloc(0))), [])
  t.same(faultsOf(shown), [])
  t.same(faultsOf(shown, block), ['down 0: a classic message RSFL has no place in state certificate shown'])
  t.same(faultsOf(shown, accepted, shown), ['up 1562: a classic message SECE has no place in state accepted'])
  t.same(faultsOf(shown, accepted, block), ['up 1562: a classic message RSFL has no place in state accepted'])
  t.end()
})

t.test('M172: what is no message, or not there whole', t => {
  t.same(faultsOf(shown, accepted, Buffer.from('RQFX\0\0\0\0')), ['up 1562: no classic message'])
  t.same(faultsOf(shown, accepted, asked.subarray(0, 7)), ['up 1562: no classic message'])
  t.same(faultsOf(shown, accepted, message('RQFL', Buffer.alloc(4097))), ['up 1562: no classic message'])
  t.same(faultsOf(shown, accepted, asked.subarray(0, -1)), ['up 1562: the flow ends inside a classic message RQFL'])
  t.end()
})

t.test('a block has the length of the key that was shown', t => {
  const longer = (bytes: Buffer): Buffer => message(bytes.toString('latin1', 0, 4), bytes.subarray(7))
  t.same(faultsOf(shown, accepted, longer(asked)), [
    'up 1562: a classic message RQFL with 257 bytes, where a block has 256'
  ])
  t.same(faultsOf(shown, accepted, asked, longer(block)), [
    'down 1562: a classic message RSFL with 257 bytes, where a block has 256'
  ])
  t.same(
    faultsOf(message('SECE', Buffer.from('none')), accepted, asked, longer(block)),
    [],
    'no key, nothing to compare with'
  )
  t.end()
})
