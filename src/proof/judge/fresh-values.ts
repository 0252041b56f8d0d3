import { hello, helloReply, joinRequest } from '../../auth/session/handshake-messages.ts'
import { parseHeader } from '../../streams/header.ts'
import { readBody } from '../dissect/frame-body.ts'
import { handshakeMessages } from '../dissect/tls.ts'
import { freshInHellos } from '../dissect/tls-handshake.ts'
import type { Protocol } from '../model.ts'
import { WINDOW } from './anchors.ts'
import { count, type Findings } from './claim.ts'
import { isInGap, type Side, sent } from './parts.ts'

/**
 * What stands in the clear and is made anew each time: of a pipe the id of its stream, wrapped keys and the commitment; random numbers, key shares and the MAC of `JOIN` of a
 * session (the id in it is that of the session, by design); random numbers and key shares of TLS. Two that are the same are of one key, or of what makes none.
 */

interface Value {
  readonly name: string
  readonly bytes: Uint8Array
}

interface Fresh extends Value {
  readonly side: Side
  readonly at: number
}

/** Of what TLS says in the clear: hellos come first. */
const MAX_HELLOS = 64 * 1024
/** Pairs that are told. */
const MAX_FOUND = 1000

export function compareFresh(findings: Findings, sides: readonly Side[]): void {
  const seen = new Map<string, Fresh>()
  let [compared, found] = [0, 0]
  for (const side of sides)
    for (const fresh of freshOf(side)) {
      if (fresh.bytes.byteLength < WINDOW) continue
      compared++
      const key = Buffer.from(fresh.bytes).toString('latin1')
      const before = seen.get(key)
      if (before === undefined) seen.set(key, fresh)
      // one who is asked for another hello says the same again
      else if (before.side !== side && found++ < MAX_FOUND) findings.fault(...same(before, fresh))
    }
  if (compared > 0)
    findings.note(
      `${count(compared, 'value')} in the clear compared with each other, which must be new each time: ids of streams, wrapped keys, commitments, key shares, random numbers.`
    )
}

function same(one: Fresh, other: Fresh): [string, number[]] {
  const [first, second] = [one, other].map(({ name, side }) => `the ${name} in ${sent(side)}`)
  const text = `The same ${count(one.bytes.byteLength, 'byte')} are ${first} and ${second}.`
  return [text, [one, other].map(({ side, at }) => side.flow.packetAt(at))]
}

function* freshOf(side: Side): Generator<Fresh> {
  const { of, flow, frames } = side
  if (of.protocol === 'tls') {
    const [first] = frames
    if (first === undefined || isInGap(flow, 0, MAX_HELLOS)) return
    for (const value of freshInHellos(handshakeMessages(flow.bytes, frames, MAX_HELLOS)))
      yield { ...value, side, at: first.at }
  }
  for (const { protocol, label, read } of READERS) {
    const frame = of.protocol === protocol ? frames.find(each => each.label === label) : undefined
    if (frame === undefined || isInGap(flow, frame.at, frame.at + frame.length - 1)) continue
    for (const value of readBody(flow, frame, read) ?? []) yield { ...value, side, at: frame.at }
  }
}

type Read = (body: Uint8Array) => Value[]

const READERS: readonly { readonly protocol: Protocol; readonly label: string; readonly read: Read }[] = [
  {
    protocol: 'sft pipe',
    label: 'STRM',
    read: body => {
      const { streamId, stanzas, commitment } = parseHeader(body)
      return [
        { name: 'id of a stream', bytes: streamId },
        ...stanzas.map(({ ciphertext }) => ({ name: 'wrapped key', bytes: ciphertext })),
        { name: 'commitment', bytes: commitment }
      ]
    }
  },
  {
    protocol: 'sft session',
    label: 'HELO',
    read: body => {
      const { random, x25519, kemKey } = hello.decode(body)
      return exchanged(random, x25519, kemKey)
    }
  },
  {
    protocol: 'sft session',
    label: 'HELR',
    read: body => {
      const { random, x25519, kemCiphertext } = helloReply.decode(body)
      return exchanged(random, x25519, kemCiphertext)
    }
  },
  {
    protocol: 'sft session',
    label: 'JOIN',
    read: body => {
      const { random, mac } = joinRequest.decode(body)
      return [
        { name: 'random number', bytes: random },
        { name: 'MAC', bytes: mac }
      ]
    }
  }
]

function exchanged(random: Uint8Array, ...shares: readonly (Uint8Array | undefined)[]): Value[] {
  const present = shares.filter(share => share !== undefined)
  return [{ name: 'random number', bytes: random }, ...present.map(bytes => ({ name: 'key share', bytes }))]
}
