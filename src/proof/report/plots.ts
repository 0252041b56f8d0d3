import { count } from '../judge/claim.ts'
import { expectedEntropy } from '../judge/statistics.ts'
import { type FlowPicture, SENDERS } from '../model.ts'
import { Markup, markup } from './markup.ts'
import { counted, fixed } from './numbers.ts'

/** How often each value of a byte stands in a flow, and how its entropy runs along it, each against what random bytes would show. */

const WIDTH = 360
const HEIGHT = 150
const BOX = { left: 44, top: 22, width: 304, height: 104 }
const BOTTOM = BOX.top + BOX.height
const VALUES = 256
/** Fewer than five of each value say nothing of how even they are (Cochran 1954). */
const LEAST_BYTES = 5 * VALUES
/** Chi-square of random bytes, 255 degrees of freedom, 999 times in 1,000 (Wilson and Hilferty 1931). */
const CHI_RANGE = '187 to 336'
const BITS = 8

export function plots(flow: FlowPicture): Markup {
  const who = SENDERS[flow.direction]
  return markup`<div class="plots">${histogramFigure(flow, who)}${alongFigure(flow, who)}</div>`
}

function histogramFigure(flow: FlowPicture, who: string): Markup {
  const total = flow.histogram.reduce((sum, n) => sum + n, 0)
  const what = kindOf(flow.sealedBytes)
  const title = `How often each value of a byte stands in what the ${who} sent`
  const facts = `${count(total, `${what} byte`)}. ${verdictOf(flow, total)}`
  return markup`<figure><figcaption><b>Values of ${what} bytes from the ${who}</b> ${facts}</figcaption>${histogram(flow.histogram, total, what, `${title}. ${facts}`)}</figure>`
}

type Kind = 'sealed' | 'clear'

/** What a flow is drawn as: the judge counts what is sealed, and where nothing is, all of it. */
function kindOf(sealedBytes: number): Kind {
  return sealedBytes > 0 ? 'sealed' : 'clear'
}

function verdictOf({ chiSquare, entropy, expectedEntropy }: FlowPicture, total: number): string {
  const bits = `Entropy ${fixed(entropy, 4)} bits a byte; random bytes: ${fixed(expectedEntropy, 4)}.`
  if (total < LEAST_BYTES) return `${bits} So few bytes have no shape: chi-square says nothing of them.`
  return `${bits} Chi-square ${fixed(chiSquare, 1)}; random bytes: ${CHI_RANGE}, 999 times in 1,000.`
}

function histogram(counts: readonly number[], total: number, kind: Kind, title: string): Markup {
  const expected = total / VALUES
  const spread = 3 * Math.sqrt(expected)
  const most = Math.max(1, ...counts, expected + 1.5 * spread)
  const y = (n: number): number => BOTTOM - (BOX.height * n) / most
  const width = BOX.width / VALUES
  const bars = counts.map((n, value) => {
    return n === 0
      ? ''
      : `M${short(BOX.left + value * width)} ${BOTTOM}v${short(y(n) - BOTTOM)}h${short(width)}V${BOTTOM}`
  })
  const [high, low] = [y(expected + spread), y(Math.max(0, expected - spread))]
  const band = `<rect class="band" x="${BOX.left}" y="${short(high)}" width="${BOX.width}" height="${short(low - high)}"/>`
  const ticks = [0, 64, 128, 192, 255].map(value => tick(BOX.left + (value + 0.5) * width, String(value)))
  return drawing(title, kind, [
    band,
    `<path class="bars" d="${bars.join('')}"/>`,
    line(y(expected), `random bytes: ${expected < 10 ? fixed(expected, 1) : counted(Math.round(expected))} of each`),
    side(BOX.top, brief(most)),
    side(BOTTOM, '0'),
    ...ticks
  ])
}

function alongFigure(flow: FlowPicture, who: string): Markup {
  const pieces = flow.entropyAlong.length
  const each = flow.bytes / Math.max(1, pieces)
  const facts = `${count(flow.bytes, 'byte')} in ${count(pieces, 'piece')} of about ${count(Math.round(each), 'byte')}; ${count(flow.sealedBytes, 'byte')} of them sealed.`
  const title = `Entropy along all that the ${who} sent`
  return markup`<figure><figcaption><b>Entropy along the flow from the ${who}</b> ${facts}</figcaption>${along(flow, `${title}: ${facts} ${range(flow.entropyAlong)}`)}</figure>`
}

function range(bits: readonly number[]): string {
  if (bits.length === 0) return ''
  return `Between ${fixed(Math.min(...bits), 2)} and ${fixed(Math.max(...bits), 2)} bits a byte.`
}

function along({ entropyAlong, bytes, sealedBytes }: FlowPicture, title: string): Markup {
  const kind = kindOf(sealedBytes)
  const pieces = entropyAlong.length
  const step = BOX.width / Math.max(1, pieces)
  const y = (bits: number): number => BOTTOM - (BOX.height * bits) / BITS
  const steps = entropyAlong.map(
    (bits, at) => `${at === 0 ? 'M' : 'L'}${short(BOX.left + at * step)} ${short(y(bits))}h${short(step)}`
  )
  const path = steps.join('')
  const area = pieces === 0 ? '' : `${path}V${BOTTOM}H${BOX.left}Z`
  const random = expectedEntropy(Math.round(bytes / Math.max(1, pieces)))
  return drawing(title, kind, [
    `<path class="area" d="${area}"/><path class="line" d="${path}"/>`,
    line(y(random), `random bytes: ${fixed(random, 2)} bits a byte`),
    ...[0, 2, 4, 6, 8].map(bits => side(y(bits), String(bits))),
    tick(BOX.left, '0', 'start'),
    tick(BOX.left + BOX.width, count(bytes, 'byte'), 'end')
  ])
}

/** Every part is made here, of numbers and of fixed words: nothing of the capture. */
function drawing(title: string, kind: Kind, parts: readonly string[]): Markup {
  const frame = `<path class="axis" d="M${BOX.left} ${BOX.top}V${BOTTOM}H${BOX.left + BOX.width}"/>`
  return markup`<svg class="plot ${kind}" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}"><title>${title}</title>${new Markup(parts.join('') + frame)}</svg>`
}

/** The line is told beside it, above all that is drawn. */
function line(y: number, words: string): string {
  const [from, to] = [BOX.left, BOX.left + BOX.width]
  return `<path class="random" d="M${from} ${short(y)}H${to}M${from + 2} 9h18"/><text class="key" x="${from + 26}" y="13">${words}</text>`
}

/** `5,443`, `262K`: it has a margin for six characters. */
function brief(number: number): string {
  const rounded = Math.round(number)
  return rounded < 100_000 ? counted(rounded) : new Intl.NumberFormat('en-US', { notation: 'compact' }).format(rounded)
}

function side(y: number, words: string): string {
  return `<text x="${BOX.left - 5}" y="${short(y + 4)}" text-anchor="end">${words}</text>`
}

function tick(x: number, words: string, anchor: 'start' | 'middle' | 'end' = 'middle'): string {
  return `<text x="${short(x)}" y="${BOTTOM + 15}" text-anchor="${anchor}">${words}</text>`
}

function short(number: number): string {
  return String(Math.round(number * 10) / 10)
}
