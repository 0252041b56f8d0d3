import type { Claim, Dissected, Frame } from '../model.ts'
import { count, Findings } from './claim.ts'

/**
 * The claim `login`: what proves who somebody is can be neither read nor sent again by whoever recorded it. The classic system posts a payload that is sealed for the authority,
 * and beside it, outside what is sealed, the key to certify: so the payload serves with any key (SPEC §14.4). In TLS 1.3 nobody reads any of it, and what was recorded is of no
 * use in another connection.
 */

const CLASSIC = /^POST \/verify/
/** What a head in the clear gives away, and a body. */
const HEAD_SECRET = /^(authorization|cookie|proxy-authorization|x-api-key):/im
const BODY_SECRET = /["']?(password|passwd|secret|token)["']?\s*[:=]/i
const MAX_TEXT = 64 * 1024

export function judgeLogin(all: readonly Dissected[]): Claim {
  const findings = new Findings()
  const http = all.filter(({ protocol }) => protocol === 'http')
  for (const each of http) judgeHttp(findings, each)
  const tls = all.filter(({ protocol }) => protocol === 'tls')
  for (const each of tls) judgeTls(findings, each)
  if (tls.length + http.length === 0)
    findings.doubt('There is no connection in the capture that a login could be in: none of TLS, none of HTTP.')
  return findings.claim('login')
}

function judgeHttp(findings: Findings, { connection, frames }: Dissected): void {
  const packets = (some: readonly Frame[]): number[] =>
    some.map(({ direction, at }) => connection[direction].packetAt(at))
  const posts = frames.filter(({ label }) => CLASSIC.test(label.replace('body of ', '')))
  const name = `Connection ${connection.number}`
  if (posts.length > 0)
    findings.fault(
      `${name}: the classic login, over HTTP. What it posts can be posted again as it is, or with any other public key, for as long as the password is good.`,
      packets(posts)
    )
  const secrets = frames.filter(frame => hasSecret(connection[frame.direction].bytes, frame))
  if (secrets.length > 0)
    findings.fault(`${name}: HTTP in the clear brings something to log in with.`, packets(secrets))
  if (posts.length + secrets.length === 0) findings.note(`${name}: HTTP in the clear, without a login.`)
}

function hasSecret(bytes: Uint8Array, { at, length, label }: Frame): boolean {
  const text = Buffer.from(bytes.subarray(at, at + Math.min(length, MAX_TEXT))).toString('latin1')
  return (label.startsWith('body of') ? BODY_SECRET : HEAD_SECRET).test(text)
}

function judgeTls(findings: Findings, { connection, frames }: Dissected): void {
  const hello = frames.find(({ detail }) => /^TLS \S+, suite/.test(detail))
  const version = hello && /^TLS (\S+),/.exec(hello.detail)?.[1]
  const name = `Connection ${connection.number}`
  const packets = hello ? [connection[hello.direction].packetAt(hello.at)] : []
  const sealed = frames.filter(({ label }) => label === 'application data').length
  if (version === '1.3')
    findings.note(
      `${name}: TLS 1.3 with ${count(sealed, 'sealed record')}: keys of this connection alone, which no long-term key opens.`,
      packets
    )
  else if (version === undefined) findings.doubt(`${name}: TLS whose server has not answered.`)
  else if (version === '1.2')
    findings.doubt(
      `${name}: TLS 1.2: whether a stolen key opens it depends on its suite; the certificates can be seen.`,
      packets
    )
  else findings.fault(`${name}: TLS ${version}, which is broken.`, packets)
}
