import t from 'tap'
import type { ConnectionPicture } from '../../../src/proof/model.ts'
import { connections } from '../../../src/proof/report/connections.ts'
import { flow, frame, held, refuted } from '../../fixtures/verdict.ts'

const flows = [flow('up', 40, 0), flow('down', 0, 0)]

function many(count: number, changes: Partial<ConnectionPicture> = {}): ConnectionPicture[] {
  return Array.from({ length: count }, (_, at) => ({
    number: at + 1,
    dialler: `10.0.0.1:${2000 + at}`,
    listener: '10.0.0.2:4433',
    protocol: 'sft session' as const,
    handshake: [],
    flows,
    sequence: [frame(at + 1, 'up', 'HELO', [40, 0])],
    omitted: 0,
    ...changes
  }))
}

const numbers = (source: string, pattern: RegExp): number[] => [...source.matchAll(pattern)].map(([, n]) => Number(n))
const drawn = (source: string): number[] => numbers(source, /id="connection-(\d+)"/g)
const opened = (source: string): number[] =>
  numbers(source, /<details class="connection" open>\s*<summary><h3 id="connection-(\d+)"/g)

t.test('the first are drawn, all are in the table, and it is said', t => {
  const { source } = connections(held({ connections: many(30) }))
  t.same(
    drawn(source),
    Array.from({ length: 24 }, (_, at) => at + 1)
  )
  t.equal(source.match(/→ <bdi>10\.0\.0\.2:4433/g)?.length, 30 + 24)
  t.match(source, '24 connections are drawn below')
  t.match(source, '6 are in the table only')
  t.notMatch(connections(held()).source, 'in the table only')
  t.match(source, 'No. 1 is <code class="filter">tcp.stream eq 0</code> there')
  t.end()
})

t.test('beyond 1,500 rows the rest is a sum', t => {
  const { source } = connections(held({ connections: many(1501) }))
  t.match(source, 'And 1 more connection with 40 bytes together.')
  t.notMatch(source, '10.0.0.1:3500')
  t.end()
})

t.test('long sequences end the drawing early', t => {
  const sequence = Array.from({ length: 400 }, (_, at) => frame(at, 'up', `${at}`, [4, 0]))
  t.same(drawn(connections(held({ connections: many(9, { sequence }) })).source), [1, 2, 3, 4])
  t.end()
})

t.test('what a failed claim points at is drawn and open, however late it comes; TLS is closed', t => {
  const all = many(40).map(each => ({ ...each, protocol: 'tls' as const }))
  t.same(opened(connections(held({ connections: all })).source), [])
  const [claim] = refuted().claims.filter(({ verdict }) => verdict === 'fails')
  const claims = [{ ...(claim as NonNullable<typeof claim>), evidence: [{ text: 'seen', packets: [38] }] }]
  const { source } = connections(held({ holds: false, claims, connections: all }))
  t.equal(drawn(source).at(-1), 38)
  t.same(opened(source), [38])
  t.same(opened(connections(held({ connections: many(8) })).source), [1, 2, 3, 4, 5, 6])
  t.end()
})

t.test('flows too small to draw are a sentence, a capture without connections too', t => {
  const { source } = connections(held({ connections: many(1) }))
  t.match(source, 'The dialler sent 40 bytes, none of them sealed: too few for a picture.')
  t.match(source, 'The listener sent nothing.')
  t.match(source, 'no TCP handshake was seen')
  t.match(connections(held({ connections: [] })).source, 'The capture holds none.')
  t.end()
})

t.test('a share of what is sealed is never rounded up to all', t => {
  const share = (bytes: number, sealed: number): string => {
    const { source } = connections(held({ connections: many(1, { flows: [flow('up', bytes, sealed)] }) }))
    return /([\d.–]+ ?%?)<\/td><\/tr>/.exec(source)?.[1] ?? ''
  }
  t.equal(share(100_000, 99_999), '99.9 %')
  t.equal(share(5000, 5000), '100.0 %')
  t.equal(share(0, 0), '–')
  t.end()
})
