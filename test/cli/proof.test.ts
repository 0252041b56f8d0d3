import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { writeCapture } from '../../src/proof/capture/write.ts'
import { CLAIMS, type Verdict } from '../../src/proof/model.ts'
import { Shell, shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { recorder } from '../fixtures/recorder.ts'

/** `sft proof check` as a process, on the capture of the classic system and on one of real processes. */

t.setTimeout(170_000)
const CLASSIC = fileURLToPath(new URL('../data/classic/capture.pcap', import.meta.url))
const PASSWORD = 'correct horse battery'
const directory = t.testdir({ nobody: {}, alice: {}, bob: { served: {} } })
const nobody = new Shell(t, join(directory, 'nobody'))
const organisation = await makeOrganisation()
const alice = await shellOf(t, join(directory, 'alice'), await organisation.issue('alexandra-the-sender'))
const bob = await shellOf(t, join(directory, 'bob'), await organisation.issue('bartholomew'))

const figures = Buffer.from(Array.from({ length: 3000 }, (_, i) => `figure ${i}: ${(i * 7919) % 100_003}\n`).join(''))
await mkdir(join(bob.directory, 'served'), { recursive: true })
await writeFile(join(bob.directory, 'served', 'quarterly-figures.txt'), figures)
await writeFile(join(nobody.directory, 'quarterly-figures.txt'), figures)
await writeFile(
  join(nobody.directory, 'texts'),
  `user: alexandra-the-sender\r\nuser: bartholomew\n\npassword: ${PASSWORD}\nsome project\n`
)
const server = await bob.listen(['serve', 'served', '--listen', '127.0.0.1:0'])
const wire = await recorder(t, server.address, 4433)
const get = await alice.run(['get', `bartholomew@${wire.address}`, 'quarterly-figures.txt', '-o', 'got'])
const capture = writeCapture(wire.connections)
await writeFile(join(nobody.directory, 'good.pcap'), capture)
const known = ['--plain', 'quarterly-figures.txt', '--texts', 'texts']

const check = (args: readonly string[], input?: Uint8Array) =>
  nobody.run(['proof', 'check', ...args], input ? { input } : {})

t.test('a good transfer: exit 0, and a table', async t => {
  t.equal(get.code, 0, get.stderr)
  const { code, stdout, stderr } = await check(['good.pcap', ...known])
  t.same([code, stderr], [0, ''])
  const text = stdout.toString()
  const words = [...text.matchAll(/^(holds|FAILS|unknown) +([a-z-]+) /gm)].map(([, word, id]) => [id, word])
  const open = ['login', 'forward-secrecy', 'replay']
  t.same(
    words,
    CLAIMS.map(id => [id, open.includes(id) ? 'unknown' : 'holds'])
  )
  t.match(text, /\n\nClaims\nholds +connections /)
  t.match(text, /\n\nControls: captures of bad systems, which the judge must refuse\nrefused +plaintext /)
  t.equal(text.match(/^refused /gm)?.length, 4)
  t.match(text, /\n\nNothing fails, but 3 of 11 claims could not be judged: 8 hold, 4 of 4 controls refused\n$/)
  t.match(text, /"quarterly-figures\.txt" \([\d,]+ bytes\) has exactly the sizes of/)
  t.match(text, new RegExp(`^good.pcap: \\d+ packets, ${capture.byteLength} bytes, SHA-256 `))
})

t.test('--json: one document, without a secret', async t => {
  const { code, stdout } = await check(['good.pcap', ...known, '--json'])
  t.equal(code, 0)
  const verdict = JSON.parse(stdout.toString()) as Verdict
  t.match(verdict, { holds: true, unjudged: 3, capture: { name: 'good.pcap', bytes: capture.byteLength }, steps: [] })
  t.match(verdict.made.by, /^sft \d/)
  t.equal(verdict.capture.sha256, createHash('sha256').update(capture).digest('hex'))
  t.same(
    verdict.claims.map(({ id }) => id),
    CLAIMS
  )
  t.notMatch(stdout.toString(), /horse|some project/)
})

t.test('a capture from standard input', async t => {
  const { code, stdout } = await check(['-', '--json'], capture)
  t.equal(code, 0)
  const { capture: said } = JSON.parse(stdout.toString()) as Verdict
  t.match(said, { name: 'standard input', sha256: createHash('sha256').update(capture).digest('hex') })
})

t.test('the classic capture: exit 47, and what is visible', async t => {
  const { code, stdout, stderr } = await check([CLASSIC])
  t.equal(code, 47)
  t.match(stderr, /^sft: does not hold: certificates, login; hint: [^\n]+ \[ERR_SFT_PROOF\]\n$/)
  const text = stdout.toString()
  t.match(text, /^FAILS +certificates .*\n +Connection 1: .*CN=user1.*\(packet 18\)$/m)
  t.match(text, /^FAILS +login .*\n +Connection 1: the classic login, over HTTP\. .*any other public key/m)
  t.match(text, /^holds +sizes [\s\S]*3 blocks, so the lengths reveal that the file has 201 to 300 bytes/m)
  t.match(text, /^holds +fresh-keys /m)
  t.match(text, /\n\nThe proof does not hold: 2 of 11 claims fail, \d could not be judged, 4 of 4 controls refused\n$/)
  t.equal((await check([CLASSIC, '--json'])).code, 47)
})

t.test('what was in the clear: the file, the name and the password are found', async t => {
  const clear = Buffer.concat([Buffer.from(`POST /login ${PASSWORD} alexandra-the-sender `), figures])
  const bad = writeCapture([{ port: 80, pieces: [{ dialler: true, bytes: clear }] }])
  const { code, stdout, stderr } = await check(['-', ...known], bad)
  t.equal(code, 47)
  t.match(stderr, /does not hold: names, plaintext, sizes/)
  t.match(stdout.toString(), /"quarterly-figures\.txt": [\d,]+ bytes in 1 place as they are/)
  t.match(stdout.toString(), /A password of 21 characters is seen/)
  t.notMatch(stdout.toString(), /horse/)
})

t.test('of many packets the first are named, and how many more there are', async t => {
  const bytes = Buffer.from('GET / HTTP/1.1\r\nHost: example\r\n\r\n')
  const many = writeCapture(Array.from({ length: 8 }, () => ({ port: 80, pieces: [{ dialler: true, bytes }] })))
  const { stdout } = await check(['-'], many)
  t.match(stdout.toString(), /8 connections with .* were looked for\. \(packets 1, 2, 3, (\d+, ){12}\d+ and 8 more\)\n/)
})

t.test('--report writes a page, and replaces nothing unless it is told to', async t => {
  const args = ['good.pcap', ...known, '--report', 'report.html']
  t.match(await check(args), { code: 0, stderr: 'sft: report in report.html\n' })
  t.match(await readFile(join(nobody.directory, 'report.html'), 'utf8'), /^<!doctype html>/i)
  t.match(await check(args), { code: 45, bytes: 0, stderr: /report\.html exists; hint: --force replaces it \[/ })
  t.match(await check([...args, '--force']), { code: 0 })

  // no file may have more than 4 KiB
  const full = (option: string) =>
    nobody.bash(`ulimit -f 4; sft proof check good.pcap --report ${option}; code=$?; ls -A; exit $code`)
  const before = await readFile(join(nobody.directory, 'report.html'))
  for (const option of ['another.html', 'report.html --force']) {
    const ended = await full(option)
    t.match(ended, { code: 11, stderr: /ERR_SFT_FILE/ }, option)
    t.match(ended.stdout.toString(), /\nNothing fails/, 'what was found is told all the same')
    t.notMatch(ended.stdout.toString(), /another|\.part/)
  }
  t.same(await readFile(join(nobody.directory, 'report.html')), before)
})

t.test('--texts as editors of all systems write it, and what would be another text than was meant', async t => {
  const clear = Buffer.from('a line in the clear of alexandra-the-sender')
  const bad = writeCapture([{ port: 80, pieces: [{ dialler: true, bytes: clear }] }])
  const withTexts = async (content: string | Uint8Array) => {
    await writeFile(join(nobody.directory, 'other-texts'), content)
    return await check(['-', '--texts', 'other-texts'], bad)
  }
  const same = [
    '\uFEFFUser: alexandra-the-sender\r\n',
    'USER:alexandra-the-sender',
    '\n  user name :  alexandra-the-sender \t\r\n\r\n',
    '\uFEFFtext: nothing of it\ruser: alexandra-the-sender\r'
  ]
  for (const content of same) {
    const { code, stdout } = await withTexts(content)
    t.equal(code, 47, JSON.stringify(content))
    t.match(stdout.toString(), /The user name "alexandra-the-sender" is seen 1 time: as it is in what/)
    t.match(stdout.toString(), /Looked for: .*1 user name of 20 characters/)
  }
  const refused = async (content: string | Uint8Array, code: number, stderr: RegExp) =>
    t.match(await withTexts(content), { code, bytes: 0, stderr })
  const utf16 = Buffer.from('\uFEFFuser: alexandra\n', 'utf16le')
  await refused(utf16, 12, /line 1 of other-texts is no UTF-8.*iconv.*ERR_SFT_ENCODING/)
  await refused(utf16.subarray(2), 12, /line 1 .*ERR_SFT_ENCODING/)
  await refused(Buffer.from('user: bob\r\nuser: M\xfcller\n', 'latin1'), 12, /line 2 .*ERR_SFT_ENCODING/)
  await refused(
    'user: bob\nusr: alexandra\n',
    2,
    /^sft: line 2 of other-texts begins with .* no kind .*text:.*ERR_SFT_USAGE/
  )
  await refused('pwd:hunter-two', 2, /line 1 [^\n]*ERR_SFT_USAGE/)
  t.notMatch((await withTexts('hunter: two')).stderr, /hunter/)
  await refused('user: bob\npassword:  \n', 2, /line 2 of other-texts has no text behind its kind.*ERR_SFT_USAGE/)
  t.match(await withTexts('text: re: alexandra-the-sender'), { code: 47 })
})

t.test('what can not be read', async t => {
  await writeFile(join(nobody.directory, 'empty'), '\n')
  await writeFile(join(nobody.directory, 'words'), 'this is no capture of anything at all')
  const refused = async (args: string[], code: number, stderr: RegExp) =>
    t.match(await check(args), { code, bytes: 0, stderr })
  await refused([], 2, /missing required argument 'capture'/)
  await refused(['nowhere'], 3, /ERR_SFT_NOT_FOUND/)
  await refused(['words'], 12, /ERR_SFT_ENCODING/)
  await refused([CLASSIC, '--plain', 'nowhere'], 3, /there is no file nowhere/)
  await refused([CLASSIC, '--plain', '.'], 11, /ERR_SFT_FILE/)
  await refused([CLASSIC, '--texts', 'nowhere'], 3, /there is no file nowhere/)
  await refused([CLASSIC, '--texts', 'empty'], 2, /there is no text in empty/)
  await writeFile(join(nobody.directory, 'large'), Buffer.alloc(33 << 20))
  await refused([CLASSIC, '--plain', 'large', '--plain', 'large'], 12, /files of more than 64 MiB.*ERR_SFT_LIMIT/)
})

t.test('M170: what has no end is refused by its first bytes or at its limit, and takes no more memory', async t => {
  const MIB = 1024 * 1024
  const told = `data:text/javascript,process.on('exit',()=>process.stderr.write('peak:'+process.resourceUsage().maxRSS*1024))`
  const endless = async (line: string, stderr: RegExp, room: number): Promise<void> => {
    const ended = await nobody.bash(`export NODE_OPTIONS="--import ${told}"; ${line}`)
    t.match(ended, { code: 12, bytes: 0, stderr }, line)
    const peak = Number(/peak:(\d+)$/.exec(ended.stderr)?.[1])
    t.ok(peak < room, `${line}: ${peak} bytes`)
  }
  const usual = 200 * MIB
  const [none, tooLarge] = [/^sft: this is no capture;/, /more than [\d,]+ MiB.*ERR_SFT_LIMIT/]
  await endless('sft proof check /dev/zero', none, usual)
  await endless('sft proof check - < /dev/zero', none, usual)
  await endless(`sft proof check '${CLASSIC}' --plain /dev/zero`, tooLarge, usual + 64 * MIB)
  await endless(`sft proof check '${CLASSIC}' --texts /dev/zero`, tooLarge, usual)
  const fifo = 'mkfifo fifo; cat good.pcap /dev/zero > fifo & sft proof check'
  await endless(`${fifo} fifo`, tooLarge, usual + 800 * MIB)
  await endless(`rm fifo; ${fifo} '${CLASSIC}' --plain quarterly-figures.txt --plain fifo`, tooLarge, usual + 64 * MIB)
  await endless('cat good.pcap /dev/zero | sft proof check -', tooLarge, usual + 800 * MIB)
})
