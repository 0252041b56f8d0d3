import { bufferOf } from '../capture/packet.ts'
import { ANOTHER_HELLO, EARLY_DATA, NO_KEY_SHARE } from '../dissect/tls-handshake.ts'
import type { Claim, Dissected, Frame, Stray } from '../model.ts'
import { count, Findings } from './claim.ts'
import { type Credential, credentialsInBody, credentialsInHead, namesOf } from './credentials.ts'
import { Budget, beginnings } from './inflations.ts'
import { httpPartsOf } from './joined.ts'
import { type Side, sidesOf } from './parts.ts'
import { findUnframed } from './unframed.ts'

/**
 * The claim `login`: what proves who somebody is can be neither read nor sent again by whoever recorded it. The classic system posts a payload that is sealed for the authority,
 * and beside it, outside what is sealed, the key to certify: so the payload serves with any key (SPEC §14.4). In TLS 1.3 nobody reads any of it, and what was recorded is of no
 * use in another connection.
 */

const CLASSIC = /^POST \/verify/
/** Of a body its beginning is looked at, as it is and inflated. */
const MAX_BODY = 64 * 1024
const MAX_COMPRESSED = 512
/** What text has none of, in ASCII. */
const UNPRINTABLE = /[^\t\r\n\x20-\x7e]/

/** @param strays what is in no flow of the capture */
export function judgeLogin(all: readonly Dissected[], strays: readonly Stray[] = []): Claim {
  const findings = new Findings()
  const budget = new Budget()
  const of = (protocol: Dissected['protocol']): Dissected[] => all.filter(each => each.protocol === protocol)
  const [http, tls] = [of('http'), of('tls')]
  for (const each of http) judgeHttp(findings, each, budget)
  for (const each of tls) judgeTls(findings, each)
  if (tls.length + http.length === 0)
    findings.doubt('There is no connection in the capture that a login could be in: none of TLS, none of HTTP.')
  for (const { connection } of of('unknown').filter(each => sidesOf([each]).length > 0))
    findings.doubt(`Connection ${connection.number}: what it carries is not known, so a login may be in it.`)
  findUnframed(findings, all, strays)
  return findings.claim('login')
}

function judgeHttp(findings: Findings, dissected: Dissected, budget: Budget): void {
  const { connection, frames } = dissected
  const packets = (some: readonly Frame[]): number[] =>
    some.map(({ direction, at }) => connection[direction].packetAt(at))
  const posts = frames.filter(({ label }) => CLASSIC.test(label.replace('body of ', '')))
  const name = `Connection ${connection.number}`
  if (posts.length > 0)
    findings.fault(
      `${name}: the classic login, over HTTP. What it posts can be posted again as it is, or with any other public key, for as long as the password is good.`,
      packets(posts)
    )
  const found = sidesOf([dissected]).flatMap(side => credentialsOf(side, budget))
  if (found.length > 0)
    findings.fault(
      `${name}: HTTP in the clear brings something to log in with: ${namesOf(found)}.`,
      packets(found.map(({ frame }) => frame))
    )
  // what says who somebody is may be called anything
  if (posts.length + found.length === 0)
    findings.doubt(`${name}: HTTP in the clear. No login was recognised in it, and nobody can know that there is none.`)
}

interface Found extends Credential {
  readonly frame: Frame
}

function credentialsOf(side: Side, budget: Budget): Found[] {
  const found: Found[] = []
  for (const { frame, head, chunks } of httpPartsOf(side)) {
    const { at, length } = frame
    const body = chunks?.bytes ?? side.flow.bytes.subarray(at, at + length)
    const all = head
      ? [...credentialsInHead(head)]
      : textsOf(body, budget).flatMap(text => [...credentialsInBody(text)])
    const own = new Map(all.map(each => [`${each.name} ${each.where}`, { ...each, frame }]))
    found.push(...own.values())
  }
  return found
}

/** A body with a character for each byte, and what it inflates to. */
function textsOf(body: Uint8Array, budget: Budget): string[] {
  const start = body.subarray(0, MAX_COMPRESSED)
  const isText = !UNPRINTABLE.test(bufferOf(start).toString('latin1'))
  const inflated = isText ? [] : [...beginnings(start, [0], budget)].map(({ first }) => first)
  return [body, ...inflated].map(bytes => bufferOf(bytes).toString('latin1', 0, MAX_BODY))
}

function judgeTls(findings: Findings, { connection, frames }: Dissected): void {
  const hello = frames.findLast(isHello)
  const version = hello && /^TLS (\S+),/.exec(hello.detail)?.[1]
  const name = `Connection ${connection.number}`
  const packets = hello ? [connection.down.packetAt(hello.at)] : []
  const doubts = hello && version === '1.3' ? doubtsOf(frames, connection, hello) : []
  const sealed = frames.filter(({ label }) => label === 'application data').length
  if (version === undefined) findings.doubt(`${name}: TLS whose server has not answered.`)
  else if (version === '1.2')
    findings.doubt(
      `${name}: TLS 1.2: whether a stolen key opens it depends on its suite; the certificates can be seen.`,
      packets
    )
  else if (version !== '1.3') findings.fault(`${name}: TLS ${version}, which is broken.`, packets)
  else if (doubts.length > 0) findings.doubt(`${name}: TLS 1.3 ${doubts.join(', and ')}.`, packets)
  else
    findings.note(
      `${name}: TLS 1.3 with ${count(sealed, 'sealed record')}: keys of this connection alone, which no long-term key opens.`,
      packets
    )
}

const isHello = ({ direction, detail }: Frame): boolean =>
  direction === 'down' && /^TLS \S+, suite/.test(detail) && !detail.endsWith(ANOTHER_HELLO)

/** What takes from TLS 1.3 that its keys are of one connection, each of them. */
function doubtsOf(frames: readonly Frame[], { up, down }: Dissected['connection'], hello: Frame): string[] {
  const answered = down.packetAt(hello.at)
  const isEarly = frames.some(
    ({ direction, label, detail, at }) =>
      direction === 'up' &&
      (detail.includes(EARLY_DATA) || (label === 'application data' && up.packetAt(at) < answered))
  )
  return [
    ...(isEarly ? ['with early data (0-RTT), which can be sent again to another connection (RFC 8446 §8)'] : []),
    ...(hello.detail.endsWith(NO_KEY_SHARE)
      ? ['without a key share: its keys are made of one that both had before, which opens it (RFC 8446 §2.2)']
      : [])
  ]
}
