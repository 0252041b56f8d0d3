import { expectedEntropy } from '../judge/statistics.ts'
import type { FlowPicture } from '../model.ts'
import { html, type Markup } from './markup.ts'
import { bytes, count } from './words.ts'

/** What a flow looks like, beside what random bytes would: SVG that is text, follows light and dark, and says in words what it shows. */

const WIDTH = 560
const HEIGHT = 150
const PLOT = { left: 40, right: 8, top: 10, bottom: 24 }
const INNER = { width: WIDTH - PLOT.left - PLOT.right, height: HEIGHT - PLOT.top - PLOT.bottom }
const VALUES = 256
/** Standard deviations that nearly all of 256 random counts keep to. */
const BAND = 4
const MAX_ENTROPY = 8

/** How often each value of a byte stands in a flow. */
export function histogram(flow: FlowPicture): Markup {
  const { histogram: counts, sealedBytes, chiSquare } = flow
  const total = counts.reduce((sum, each) => sum + each, 0)
  const mean = total / VALUES
  const band = BAND * Math.sqrt(mean)
  const most = Math.max(mean + band, ...counts, 1)
  const y = (value: number): number => PLOT.top + INNER.height * (1 - value / most)
  const x = (value: number): number => PLOT.left + (INNER.width * value) / VALUES
  const bars = counts.map((each, value) => `M${fixed(x(value + 0.5))} ${fixed(y(0))}V${fixed(y(each))}`).join('')
  const [high, low] = [y(Math.min(most, mean + band)), y(Math.max(0, mean - band))]
  const of = sealedBytes > 0 ? 'what is sealed' : 'all of it, for nothing is sealed'
  const words = `Byte values of ${of}: chi-square ${chiSquare.toFixed(1)} (255 of random bytes, give or take 23)`
  return figure(
    words,
    html`<rect class="band" x="${PLOT.left}" y="${fixed(high)}" width="${INNER.width}" height="${fixed(low - high)}"/>
<path class="bars" d="${bars}"/>
<path class="expected" d="M${PLOT.left} ${fixed(y(mean))}H${WIDTH - PLOT.right}"/>
${axisLeft([
  [y(most), count(most)],
  [y(0), '0']
])}${axisBottom([
  [x(0), '0x00'],
  [x(VALUES / 2), '0x80'],
  [x(VALUES), '0xff']
])}`
  )
}

/** Bits a byte along a flow. */
export function entropyAlong(flow: FlowPicture): Markup {
  const { entropyAlong: pieces, entropy, bytes: size } = flow
  const y = (bits: number): number => PLOT.top + INNER.height * (1 - bits / MAX_ENTROPY)
  const x = (index: number): number =>
    PLOT.left + (pieces.length < 2 ? INNER.width / 2 : (INNER.width * index) / (pieces.length - 1))
  const line = pieces.map((bits, index) => `${index === 0 ? 'M' : 'L'}${fixed(x(index))} ${fixed(y(bits))}`).join('')
  const dots =
    pieces.length < 2
      ? pieces.map((bits, index) => html`<circle class="dot" cx="${fixed(x(index))}" cy="${fixed(y(bits))}" r="3"/>`)
      : []
  const piece = Math.ceil(size / Math.max(1, pieces.length))
  const expected = expectedEntropy(piece)
  const words = `Entropy of all that was sent, in ${pieces.length} pieces of ${bytes(piece)}: random ones would have ${expected.toFixed(2)} bits a byte. Of what the histogram counts: ${entropy.toFixed(4)}, expected ${flow.expectedEntropy.toFixed(4)}`
  return figure(
    words,
    html`<path class="expected" d="M${PLOT.left} ${fixed(y(expected))}H${WIDTH - PLOT.right}"/>
<path class="line" d="${line}"/>${dots}
${axisLeft([
  [y(MAX_ENTROPY), '8 bits'],
  [y(MAX_ENTROPY / 2), '4'],
  [y(0), '0']
])}${axisBottom([
  [PLOT.left, 'first byte'],
  [WIDTH - PLOT.right, 'last']
])}`
  )
}

function figure(words: string, drawing: Markup): Markup {
  return html`<figure>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${words}">
${drawing}
</svg>
<figcaption>${words}.</figcaption>
</figure>`
}

function axisLeft(marks: readonly (readonly [y: number, text: string])[]): Markup {
  const ticks = marks.map(
    ([y, text]) => html`<text x="${PLOT.left - 6}" y="${fixed(y + 4)}" class="end">${text}</text>`
  )
  return html`<path class="axis" d="M${PLOT.left} ${PLOT.top}V${HEIGHT - PLOT.bottom}H${WIDTH - PLOT.right}"/>${ticks}`
}

function axisBottom(marks: readonly (readonly [x: number, text: string])[]): Markup {
  const anchor = (index: number): string => (index === 0 ? 'start' : index === marks.length - 1 ? 'end' : 'middle')
  return html`${marks.map(([x, text], index) => html`<text x="${fixed(x)}" y="${HEIGHT - 6}" class="${anchor(index)}">${text}</text>`)}`
}

function fixed(number: number): string {
  return number.toFixed(1)
}
