import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { reportOf } from '../../../src/proof/report/page.ts'
import { STYLE } from '../../../src/proof/report/style.ts'
import { hasBrowser, openPage } from '../../fixtures/browser.ts'
import { FAILS, HOLDS, session } from '../../fixtures/verdict.ts'

/** The report, as a browser shows it. */

const directory = t.testdir()
const skip = hasBrowser ? false : 'chromium is not installed'
const timeout = 120_000

t.test('it needs nothing else, and its size has a bound', t => {
  const links =
    /<[^>]*\b(?:src|href|srcset|action)\s*=|url\((?!#)|@import|<(?:script|link|iframe|img|object|form|base)\b/i
  for (const verdict of [HOLDS, FAILS]) t.notMatch(reportOf(verdict), links)
  const one = session(1, 380, 5000)
  const connections = Array.from({ length: 1000 }, (_, index) => ({ ...one, number: index + 1 }))
  const claims = HOLDS.claims.map(claim => ({
    ...claim,
    evidence: Array.from({ length: 1000 }, () => claim.evidence[0])
  }))
  const large = reportOf({ ...HOLDS, connections, claims: claims as typeof HOLDS.claims })
  t.ok(large.length < 5_000_000, `${large.length} characters`)
  t.match(large, /The first 16 are drawn here; all 1000 were judged[\s\S]+5,000 frames more/)
  t.end()
})

t.test('its words', t => {
  const [good, bad] = [reportOf(HOLDS), reportOf(FAILS)]
  t.match(good, /11 claims of 11 hold, 0 fail; 4 of 4 controls were caught/)
  t.match(bad, /3 claims of 11 hold, 4 fail, 4 could not be judged; 3 of 4 controls were caught/)
  for (const { sentence, evidence } of HOLDS.claims) {
    t.ok(good.includes(sentence), sentence)
    for (const { text } of evidence) t.ok(good.includes(text))
  }
  t.match(good, /frame\.number in \{3, 17, 240\}/)
  t.match(good, /none<\/td>/, 'of what is in the clear')
  t.end()
})

t.test('text is told from its ground, light and dark: 4.5 to 1 (WCAG 2.2, 1.4.3)', t => {
  const schemes = [...STYLE.matchAll(/:root \{([^}]+)\}/g)].map(([, text = '']) =>
    Object.fromEntries([...text.matchAll(/--(\w+): #([0-9a-f]{3,6})/g)].map(([, name, colour]) => [name, colour]))
  )
  t.equal(schemes.length, 3, 'light, dark, on paper')
  for (const { paper = '', panel = '', ...inks } of schemes)
    for (const name of ['ink', 'mute', 'good', 'bad', 'open', 'blue'])
      for (const ground of [paper, panel]) {
        const contrast = contrastOf(inks[name] ?? '', ground)
        t.ok(contrast >= 4.5, `${name} on ${ground}: ${contrast.toFixed(1)}`)
      }
  t.end()
})

function contrastOf(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (light + 0.05) / (dark + 0.05)
}

function luminance(hex: string): number {
  const full = hex.length === 3 ? [...hex].map(digit => digit + digit).join('') : hex
  const parts = [0, 2, 4].map(at => {
    const part = Number.parseInt(full.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  const [red = 0, green = 0, blue = 0] = parts
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

t.test('in a browser: nothing is asked for, nothing is refused, nothing runs', { skip, timeout }, async t => {
  for (const [name, verdict] of Object.entries({ holds: HOLDS, fails: FAILS })) {
    const path = join(directory, `${name}.html`)
    await writeFile(path, reportOf(verdict))
    const page = await openPage(t, path)
    for (const width of [360, 768, 1280]) {
      await page.show({ width })
      const [wide, seen] = await page.evaluate<number[]>('[document.documentElement.scrollWidth, innerWidth]')
      t.ok((wide as number) <= (seen as number), `${name} at ${width}: ${wide} wide`)
    }
    t.equal(await page.evaluate('document.querySelectorAll("script, img, iframe, object, link").length'), 0)
    t.equal(await page.evaluate('document.querySelectorAll("th:not([scope])").length'), 0, 'every head says of what')
    const levels = await page.evaluate<number[]>(
      '[...document.querySelectorAll("h1, h2, h3, h4")].map(h => +h.tagName[1])'
    )
    t.equal(levels[0], 1)
    t.ok(
      levels.every((level, index) => index === 0 || (level > 1 && level <= (levels[index - 1] as number) + 1)),
      `${levels}`
    )
    t.equal(await page.evaluate('[...document.querySelectorAll("figure svg")].every(svg => svg.ariaLabel)'), true)
    t.same(page.complaints, [])
  }
})

t.test('in a browser: light, dark and on paper', { skip, timeout }, async t => {
  const path = join(directory, 'looks.html')
  await writeFile(path, reportOf(HOLDS))
  const page = await openPage(t, path)
  const ground = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
  await page.show({ width: 1280, scheme: 'light' })
  const light = await ground()
  await page.show({ width: 1280, scheme: 'dark' })
  t.not(await ground(), light)
  await page.show({ width: 1280, scheme: 'dark', media: 'print' })
  t.equal(await ground(), 'rgb(255, 255, 255)', 'paper is white, whatever the screen is')
  const cut = await page.evaluate(
    '[...document.querySelectorAll(".scroll")].filter(box => box.scrollHeight > box.clientHeight + 1).length'
  )
  t.equal(cut, 0, 'and has all of it')
  t.equal((await page.pdf()).subarray(0, 5).toString(), '%PDF-')
  await page.show({ width: 360 })
  const shot = await page.screenshot(0, 800)
  t.equal(shot.subarray(1, 4).toString(), 'PNG')
  t.ok(shot.byteLength > 10_000, `${shot.byteLength} bytes: something is there to see`)
})
