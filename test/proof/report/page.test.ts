import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { ConnectionPicture, Verdict } from '../../../src/proof/model.ts'
import { reportOf } from '../../../src/proof/report/page.ts'
import { Browser, hasBrowser, type Page, type Screen } from '../../fixtures/browser.ts'
import { flow, frame, held, refuted } from '../../fixtures/verdict.ts'

/** The report in a real browser: what it says, that it fits, that it fetches nothing and breaks no rule of its own policy. */

const MAX_BYTES = 5_000_000
const HOSTILE = `<script>document.title='owned'</script><img src=x onerror="document.title='owned'">\u202egpj\u0007"'&`

/** Elements that stick out of the page, but for drawings, which are cut by their box. */
const TOO_WIDE = `[...document.querySelectorAll('main *:not(svg *)')].filter(e => {
  const { left, right } = e.getBoundingClientRect()
  return right > innerWidth + 0.5 || left < -0.5
}).map(e => e.outerHTML.slice(0, 200)).slice(0, 5)`

/** Words of drawings that leave their drawing. */
const CUT_OFF = `[...document.querySelectorAll('.plot text')].filter(e => {
  const [inner, outer] = [e, e.closest('svg')].map(each => each.getBoundingClientRect())
  return inner.width > 0 && (inner.left < outer.left || inner.right > outer.right || inner.top < outer.top || inner.bottom > outer.bottom)
}).map(e => e.textContent)`

const FLAWS = `[
  ...[...document.querySelectorAll('th')].filter(e => !/^(col|row)$/.test(e.scope)).map(e => 'th without scope: ' + e.outerHTML),
  ...[...document.querySelectorAll('table')].filter(e => e.rows[0].querySelectorAll('th[scope=col]').length < 3).map(e => 'table without headers'),
  ...[...document.querySelectorAll('svg')].filter(e => e.getAttribute('aria-hidden') !== 'true' && !(e.getAttribute('role') === 'img' && e.querySelector('title')?.textContent)).map(e => 'drawing without a name: ' + e.outerHTML.slice(0, 100)),
  ...[...document.querySelectorAll('a,use')].map(e => e.getAttribute('href')).filter(to => !document.getElementById(to.slice(1))).map(to => 'leads nowhere: ' + to),
  ...[...document.querySelectorAll('[aria-labelledby]')].filter(e => !document.getElementById(e.getAttribute('aria-labelledby'))).map(e => 'no label'),
  ...[...document.querySelectorAll('[id]')].map(e => e.id).filter((id, at, all) => all.indexOf(id) !== at).map(id => 'twice: ' + id),
  ...(document.documentElement.lang === 'en' ? [] : ['no language'])
]`

/** Each pair of a text's colour and what is behind it, with the contrast of WCAG 2.2. */
const CONTRASTS = `(() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number)
  const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b)
  const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (numbers(c)[3] !== 0) return c } return 'rgb(255, 255, 255)' }
  const pairs = new Map()
  for (const e of document.querySelectorAll('main *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim() !== '') || e.tagName === 'title') continue
    const style = getComputedStyle(e)
    const [ink, paper] = [e instanceof SVGElement ? style.fill : style.color, behind(e)]
    const [a, b] = [light(numbers(ink)), light(numbers(paper))]
    pairs.set(ink + ' on ' + paper, Math.round(100 * (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)) / 100)
  }
  return [...pairs]
})()`

/** Everything that comes from a capture or a command line is hostile. */
function hostile(): Verdict {
  const verdict = refuted()
  const text = { text: HOSTILE, packets: [1] }
  return {
    ...verdict,
    capture: { ...verdict.capture, name: HOSTILE, began: HOSTILE, ended: HOSTILE },
    made: { at: HOSTILE, by: HOSTILE },
    claims: verdict.claims.map(claim => ({ ...claim, sentence: HOSTILE, evidence: [text] })),
    controls: verdict.controls.map(control => ({ ...control, name: HOSTILE, evidence: [text] })),
    steps: [{ command: HOSTILE, exit: 1, expected: 0 }],
    connections: verdict.connections.map(each => ({
      ...each,
      dialler: HOSTILE,
      listener: HOSTILE,
      sequence: [frame(1, 'up', HOSTILE, [3, 4], { detail: HOSTILE })]
    }))
  }
}

/** Many connections with long sequences in which no two neighbours are alike, and texts as long as anybody likes. */
function huge(): Verdict {
  const long = '<'.repeat(10_000)
  const sequence = Array.from({ length: 400 }, (_, at) => frame(at, 'up', `${at}${long}`, [5, at], { detail: long }))
  const flows = [flow('up', 80_000, 80_000, 3), flow('down', 80_000, 0, 4)]
  const connections = Array.from({ length: 5000 }, (_, at): ConnectionPicture => {
    const port = 1024 + at
    const ends = { dialler: `10.0.0.1:${port}`, listener: '10.0.0.2:4433' }
    return { ...ends, number: at + 1, protocol: 'sft session', handshake: [1, 2, 3], flows, sequence, omitted: 7 }
  })
  const evidence = Array.from({ length: 1000 }, (_, at) => ({ text: `${at}${long}`, packets: [at] }))
  const steps = Array.from({ length: 1000 }, () => ({ command: long, exit: 0, expected: 0 }))
  return held({ connections, steps, claims: held().claims.map(claim => ({ ...claim, evidence })) })
}

t.test('a report of any verdict is below 5 MB', t => {
  const bytes = Buffer.byteLength(reportOf(huge()))
  t.ok(bytes < MAX_BYTES, `${bytes} bytes`)
  t.ok(Buffer.byteLength(reportOf(held())) < 200_000)
  t.end()
})

t.test('it names nothing outside itself, and runs nothing', t => {
  for (const verdict of [held(), refuted()]) {
    const html = reportOf(verdict)
    t.notMatch(html, /<script|<link|<iframe|<img|<object|@import|src=|\son\w+=|style="/i)
    const references = [...html.matchAll(/(?:href|url)[=(]["']?([^"')]+)/g)].map(([, target]) => target ?? '')
    t.ok(references.length > 10)
    t.same(
      references.filter(target => !target.startsWith('#')),
      []
    )
  }
  t.end()
})

const skip = hasBrowser ? false : 'chromium is not installed'

t.test('in a browser', { skip, timeout: 170_000 }, async t => {
  const directory = t.testdir({})
  await mkdir(join(directory, 'profile'))
  const browser = new Browser(join(directory, 'profile'))
  t.teardown(() => browser.stop())
  const files = { held: held(), refuted: refuted(), hostile: hostile(), huge: huge() }
  for (const [name, verdict] of Object.entries(files))
    await writeFile(join(directory, `${name}.html`), reportOf(verdict))
  const open = async (name: keyof typeof files, screen: Screen): Promise<Page> =>
    await browser.open(join(directory, `${name}.html`), screen)

  await t.test('nothing is wider than the screen, asked for, or complained of', async t => {
    for (const name of ['held', 'refuted', 'hostile', 'huge'] as const)
      for (const width of [360, 768, 1280]) {
        const page = await open(name, { width, dark: width === 768 })
        t.equal(await page.evaluate('document.documentElement.scrollWidth'), width, `${name} at ${width}`)
        t.same(await page.evaluate(TOO_WIDE), [], `${name} at ${width}`)
        t.same(await page.evaluate(CUT_OFF), [], `${name} at ${width}`)
        t.equal(page.requests.length, 1, 'the file itself')
        t.same(page.complaints, [])
        await page.close()
      }
  })

  await t.test('headings in order, tables with headers, drawings with names, links that lead somewhere', async t => {
    for (const name of ['held', 'refuted', 'hostile'] as const) {
      const page = await open(name, { width: 1280 })
      const levels = await page.evaluate<number[]>(`[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])`)
      t.equal(levels.filter(level => level === 1).length, 1)
      for (const [at, level] of levels.entries()) t.ok(level <= (levels[at - 1] ?? 0) + 1, levels.join())
      t.same(await page.evaluate(FLAWS), [], name)
      await page.close()
    }
  })

  await t.test('what it says', async t => {
    const page = await open('held', { width: 1280 })
    const text = await page.evaluate<string>('document.body.innerText')
    t.equal(await page.evaluate(`document.querySelector('h1').innerText`), 'The proof holds')
    for (const { sentence } of held().claims) t.match(text, sentence)
    t.match(text, 'frame.number in {52,54}')
    t.match(text, '27 November 2026, 16:20:07 UTC')
    t.match(text, '27 November 2026, 16:19:31 UTC, for 18.4\u00a0s')
    t.match(text, 'DATA × 17')
    const hash = await page.evaluate<string>(`document.querySelector('.hash').textContent`)
    t.equal(hash, held().capture.sha256, 'copied without the spaces that are seen')
    await page.load(`file://${join(directory, 'refuted.html')}`)
    t.equal(await page.evaluate(`document.querySelector('h1').innerText`), 'The proof does not hold')
    t.equal(await page.evaluate(`document.querySelectorAll('#claims ~ table tr.fails').length`), 3)
    t.equal(await page.evaluate(`document.querySelectorAll('#claims ~ table tr.unknown').length`), 2)
    t.equal(await page.evaluate(`document.querySelectorAll('#controls ~ table tr.fails').length`), 1)
    await page.close()
  })

  await t.test('hostile text stays text', async t => {
    const page = await open('hostile', { width: 1280 })
    t.equal(await page.evaluate(`document.querySelectorAll('script,img').length`), 0)
    const title = await page.evaluate<string>('document.title')
    t.match(title, /^The proof does not hold: <script>/)
    const text = await page.evaluate<string>('document.body.textContent')
    t.ok(text.split(`<script>document.title='owned'</script>`).length > 20, 'shown where it stood')
    t.notMatch(text, /[\u202e\u0007]/)
    t.match(text, '\\u{202e}gpj\\u{7}')
    await page.close()
  })

  await t.test('text can be read: contrast of 4.5 in light and in dark', async t => {
    for (const dark of [false, true])
      for (const name of ['held', 'refuted'] as const) {
        const page = await open(name, { width: 1280, dark })
        const contrasts = await page.evaluate<[string, number][]>(CONTRASTS)
        t.ok(contrasts.length > 5, `${contrasts.length} pairs of colours`)
        for (const [pair, contrast] of contrasts) t.ok(contrast >= 4.5, `${pair}: ${contrast}`)
        await page.close()
      }
  })

  await t.test('it can be printed', async t => {
    const page = await open('held', { width: 1280, dark: true })
    const pdf = (await page.printed()).toString('latin1')
    t.match(pdf, /^%PDF/)
    const pages = pdf.match(/\/Type \/Page\b/g)?.length ?? 0
    t.ok(pages >= 3 && pages <= 15, `${pages} pages`)
    await page.show({ width: 700, dark: true, print: true })
    t.equal(await page.evaluate(`getComputedStyle(document.body).backgroundColor`), 'rgb(255, 255, 255)')
    t.equal(await page.evaluate(`getComputedStyle(document.querySelector('tbody tr')).breakInside`), 'avoid')
    t.equal(await page.evaluate('document.documentElement.scrollWidth'), 700)
    await page.close()
  })
})
