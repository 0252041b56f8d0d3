import t from 'tap'
import { expectedEntropy } from '../../../src/proof/judge/statistics.ts'
import { plots } from '../../../src/proof/report/plots.ts'
import { flow } from '../../fixtures/verdict.ts'

/** Where the line of random bytes and the bars are, in the units of the drawing: y grows downwards. */
function measures(source: string) {
  const [histogram = '', along = ''] = source.split('</figure>')
  const line = (drawing: string): number => Number(/class="random" d="M\d+ ([\d.]+)H/.exec(drawing)?.[1])
  const bars = [...histogram.matchAll(/M[\d.]+ (\d+)v-?([\d.]+)h/g)].map(([, , height]) => Number(height))
  return {
    random: line(histogram),
    bars,
    band: Number(/class="band"[^>]* height="([\d.]+)"/.exec(histogram)?.[1]),
    along: line(along)
  }
}

const BOTTOM = 126
const HEIGHT = 104

t.test('sealed bytes stand around the line of random bytes, text far from it', t => {
  const { random, bars, band } = measures(plots(flow('up', 65_536, 65_536)).source)
  t.equal(bars.length, 256)
  const level = BOTTOM - random
  const outside = bars.filter(height => Math.abs(height - level) > band / 2 + 0.1)
  t.ok(outside.length <= 4, `${outside.length} of 256 outside of three standard deviations`)
  const clear = measures(plots(flow('up', 65_536, 0)).source)
  t.ok(clear.bars.length < 64, 'most values never come')
  t.equal(Math.max(...clear.bars), HEIGHT)
  t.ok(BOTTOM - clear.random < HEIGHT / 10)
  t.end()
})

t.test('the line of the entropy is that of pieces of their length', t => {
  for (const bytes of [2048, 65_536, 1_048_576]) {
    const picture = flow('down', bytes, bytes)
    const expected = expectedEntropy(Math.round(bytes / picture.entropyAlong.length))
    t.equal(measures(plots(picture).source).along, Math.round(10 * (BOTTOM - (HEIGHT * expected) / 8)) / 10)
  }
  t.end()
})

t.test('numbers are said in words; of few bytes, that they say nothing', t => {
  const { source } = plots(flow('up', 65_536, 65_536))
  t.match(
    source,
    /65,536 sealed bytes\. Entropy 7\.99\d\d bits a byte; random bytes: 7\.9972\. Chi-square [\d.]+; random bytes: 187 to 336/
  )
  t.match(source, /<title>Entropy along all that the dialler sent: 65,536 bytes in 128 pieces/)
  t.match(plots(flow('down', 1200, 1200)).source, 'So few bytes have no shape')
  t.match(plots(flow('down', 8_000_000, 0)).source, />\d+(\.\d)?M</, 'a large count is short')
  t.end()
})
