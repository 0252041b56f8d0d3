import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { dissect } from '../fixtures/dissector.ts'
import { noTshark } from '../fixtures/tshark.ts'

/** docs/proof.md: what it shows is there, and Wireshark understands what it tells a reader to type. */

const DOCUMENT = fileURLToPath(new URL('../../docs/proof.md', import.meta.url))
const CLASSIC = fileURLToPath(new URL('../data/classic/capture.pcap', import.meta.url))
const MAX_PICTURES = 500_000

const text = readFileSync(DOCUMENT, 'utf8')

t.test('links lead somewhere, pictures are there, described and small', t => {
  const links = [...text.matchAll(/\]\(([^)#]+)|src="([^"]+)"/g)].map(([, link, source]) => link ?? source ?? '')
  t.ok(links.length >= 7)
  for (const link of links) t.ok(existsSync(join(dirname(DOCUMENT), link)), link)
  const pictures = links.filter(link => link.endsWith('.png'))
  t.equal(new Set(pictures).size, 5)
  const bytes = pictures.reduce((sum, each) => sum + statSync(join(dirname(DOCUMENT), each)).size, 0)
  t.ok(bytes < MAX_PICTURES, `${bytes} bytes`)
  const described = [...text.matchAll(/!\[([^\]]*)\]|alt="([^"]*)"/g)].map(([, one, other]) => one ?? other ?? '')
  t.equal(described.length, pictures.length)
  for (const words of described) t.ok(words.length > 20, words)
  t.end()
})

/** How many packets of the classic capture an expression shows. */
function packets(expression: string): { count: number; complaint: string } {
  const { stdout, stderr, status } = dissect('-r', CLASSIC, '-Y', expression, '-T', 'fields', '-e', 'frame.number')
  return { count: stdout.split('\n').filter(Boolean).length, complaint: status === 0 ? '' : stderr }
}

t.test('Wireshark understands every filter, and finds in the classic capture what is said', { skip: noTshark }, t => {
  const filters = [...text.matchAll(/-Y '([^']+)'|-Y (sft[.\w]*)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '')
  const found = new Map([...new Set(filters)].map(each => [each, packets(each)]))
  t.ok(found.size >= 10, `${found.size} filters`)
  for (const [filter, { complaint }] of found) t.equal(complaint, '', filter)
  t.equal(found.get('tls.handshake.certificate || sft.classic.certificate')?.count, 4)
  t.equal(found.get('tcp.flags.syn == 1')?.count, 8, 'two for each of 4 connections')
  t.equal(packets('http.request.uri == "/verify"').count, 2)
  t.end()
})
