import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Browser, type Page, type Part, type Screen } from '../test/fixtures/browser.ts'

/**
 * Makes the pictures of docs/proof.md anew, from reports that the command writes: of a proof that it runs, and of the capture of the classic system. It takes Chromium,
 * the right to capture on loopback, and pngquant if it is there. `node scripts/proof-pictures.ts [DIRECTORY]`
 */

const SFT = fileURLToPath(new URL('../src/bin/sft.js', import.meta.url))
const CLASSIC = fileURLToPath(new URL('../test/data/classic/capture.pcap', import.meta.url))
const DOCS = fileURLToPath(new URL('../docs/proof', import.meta.url))
const DEADLINE = 300_000
const REFUSED = 47

interface Picture {
  readonly name: string
  readonly report: 'run' | 'classic'
  readonly screen: Screen
  /** What of the page; without, what the screen shows. */
  part?(page: Page): Promise<Part>
}

const WIDE = { width: 1080, height: 820 }
/** White around what is cut out, in pixels. */
const MARGIN = 20

const PICTURES: readonly Picture[] = [
  { name: 'judgement', report: 'run', screen: WIDE, part: beginning },
  { name: 'session', report: 'run', screen: WIDE, part: sessionOf },
  { name: 'controls', report: 'run', screen: WIDE, part: page => around(page, '#controls ~ table') },
  { name: 'refuted', report: 'classic', screen: WIDE, part: page => around(page, 'header') },
  { name: 'phone', report: 'run', screen: { width: 360, height: 760, dark: true } }
]

/** The connection that moves a file, of those the one with the handshake: from its heading to the end of its diagram. */
async function sessionOf(page: Page): Promise<Part> {
  await page.evaluate(`[...document.querySelectorAll('details.connection')].find(each =>
    each.textContent.includes('HELO') && each.textContent.includes('RSFL')).id = 'session'`)
  return await around(page, '#session')
}

/** The head of the report, and the first three claims. */
async function beginning(page: Page): Promise<Part> {
  const { y, height } = await page.place('#claims ~ table tbody tr:nth-child(3)')
  return { x: 0, y: 0, width: WIDE.width, height: y + height + 1 }
}

async function around(page: Page, selector: string): Promise<Part> {
  const { x, y, width, height } = await page.place(selector)
  return { x: x - MARGIN, y: y - MARGIN, width: width + 2 * MARGIN, height: height + 2 * MARGIN }
}

function sft(args: readonly string[], expected: number): void {
  const { status, stderr } = spawnSync(process.execPath, [SFT, ...args], { encoding: 'utf8', timeout: DEADLINE })
  if (status !== expected) throw new Error(`sft ${args.join(' ')}: exit ${status}\n${stderr}`)
}

async function draw(browser: Browser, { name, report, screen, part }: Picture, from: string, to: string) {
  const page = await browser.open(join(from, `${report}.html`), screen)
  const png = await page.picture(await part?.(page))
  await page.close()
  const path = join(to, `${name}.png`)
  await writeFile(path, png)
  // fewer colours, and no worse to look at: text and flat areas
  spawnSync('pngquant', ['--force', '--strip', '--speed', '1', '--output', path, '64', path], { timeout: DEADLINE })
  console.log(`${path}: ${(await readFile(path)).byteLength} bytes`)
}

const to = process.argv[2] ?? DOCS
const directory = await mkdtemp(join(tmpdir(), 'sft-pictures-'))
const browser = new Browser(join(directory, 'profile'))
try {
  await mkdir(to, { recursive: true })
  sft(['proof', 'run', '--report', join(directory, 'run.html')], 0)
  sft(['proof', 'check', CLASSIC, '--report', join(directory, 'classic.html')], REFUSED)
  for (const picture of PICTURES) await draw(browser, picture, directory, to)
} finally {
  await browser.stop()
  await rm(directory, { recursive: true, force: true, maxRetries: 10 })
}
