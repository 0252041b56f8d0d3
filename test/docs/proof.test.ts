import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { readCapture } from '../../src/proof/capture/read.ts'
import { writeCapture } from '../../src/proof/capture/write.ts'
import { freePorts } from '../../src/proof/run/ports.ts'
import { withoutCapture } from '../fixtures/capturing.ts'
import { shellOf } from '../fixtures/command.ts'
import { dissect } from '../fixtures/dissector.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { noTshark } from '../fixtures/tshark.ts'

/** docs/proof.md: what it shows is there, and what it tells a reader to type does what it says. */

t.setTimeout(170_000)

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

/** Packets of a capture that an expression shows. */
function packets(expression: string, capture = CLASSIC): { count: number; numbers: number[]; complaint: string } {
  const { stdout, stderr, status } = dissect('-r', capture, '-Y', expression, '-T', 'fields', '-e', 'frame.number')
  const numbers = stdout.split('\n').filter(Boolean).map(Number)
  return { count: numbers.length, numbers, complaint: status === 0 ? '' : stderr }
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

t.test('connection N of a report is tcp.stream eq N-1', { skip: noTshark }, async t => {
  const { connections } = await readCapture(CLASSIC)
  t.equal(connections.length, 4)
  for (const { number, handshake } of connections)
    t.same(packets(`tcp.stream eq ${number - 1}`).numbers.slice(0, handshake.length), handshake)
})

t.test('what is to be looked for is found where it is', { skip: noTshark }, t => {
  const line = '17 owes me the sum of'
  const said = (content: string): string => {
    const capture = join(t.testdir({}), 'clear.pcap')
    writeFileSync(capture, writeCapture([{ port: 80, pieces: [{ dialler: true, bytes: Buffer.from(content) }] }]))
    return capture
  }
  const section = /### 4\.3[\s\S]*?\n### 4\.5/.exec(text)?.[0] ?? ''
  const [names = '', plain = '', encoded = ''] = [...section.matchAll(/-Y '([^']+)'/g)].map(([, each]) => each ?? '')
  for (const [filter, content] of [
    [names, 'GET report.txt'],
    [names, 'from ALICE'],
    [plain, line],
    // base64 of the second column, as it stands when what is before it has a length of three times something
    [encoded, Buffer.from(line.slice(3)).toString('base64')],
    [encoded, Buffer.from(line).toString('hex')]
  ] as const) {
    t.equal(packets(filter, said(content)).count, 1, `${filter}: ${content}`)
    t.equal(packets(filter, said('x'.repeat(40))).count, 0, filter)
  }
  t.end()
})

/** What is to be typed, by the number of its section: blocks of sh, and in those of console what stands behind a prompt. */
function commands(): { section: string; line: string }[] {
  const parts = [...text.matchAll(/^##+ ([\d.]*\d)?.*$|^```(sh|console)\n([\s\S]*?)^```/gm)]
  let section = ''
  return parts.flatMap(([whole, number, language, body = '']) => {
    if (whole.startsWith('#')) section = number ?? ''
    const prompted = [...body.matchAll(/^\$ (.*)$/gm)].map(([, line]) => line).join('\n')
    const line = language === 'console' ? prompted : body
    return language === undefined || line === '' ? [] : [{ section, line }]
  })
}

/** Why the commands are not tried here; false where all of them can be. */
function withoutTools(): string | false {
  const missing = ['ent', 'socat', 'xxd', 'python3'].find(tool => spawnSync(tool, ['-h']).error !== undefined)
  return noTshark || withoutCapture() || (missing !== undefined && `${missing} is not installed`)
}

t.test(
  'every command, in the order of the text, in a directory where nothing is yet',
  { skip: withoutTools() },
  async t => {
    const directory = t.testdir({})
    const shell = await shellOf(t, directory, await (await makeOrganisation()).issue('alice'))
    for (const name of ['wireshark', 'test']) symlinkSync(join(dirname(DOCUMENT), '..', name), join(directory, name))
    const [port] = await freePorts(1)
    const all = commands()
    t.equal(all.length, [...text.matchAll(/^```sh/gm)].length + 2, 'blocks, and two that begin with a prompt')
    // it opens a window
    const script = [
      'wireshark() { echo "wireshark $*"; }',
      `at() { printf '\\n@%s\\n' "$1"; printf '\\n@%s\\n' "$1" >&2; }`
    ]
    for (const { section, line } of all) script.push(`at ${section}`, line.replaceAll('4433', `${port}`))
    const ended = await shell.bash(script.join('\n'), { timeout: 160_000 })
    const [out, err] = [saidIn(ended.stdout.toString()), saidIn(ended.stderr)]

    t.match(out.get('1'), /^[0-9a-f]{64} {2}own\.pcapng\n$/)
    t.match(err.get('1'), /received\/dropped on interface 'Loopback: lo': \d+\/0 /)
    const report = readFileSync(join(directory, 'shared/report.txt'))
    t.ok(report.equals(readFileSync(join(directory, 'got.txt'))))
    t.match(out.get('2'), 'wireshark -X lua_script:wireshark/sft.lua own.pcapng')
    t.ok(existsSync(join(directory, '.local/lib/wireshark/plugins/sft.lua')))
    t.notMatch(ended.stderr, /\bLua\b/i, 'the dissector may be there as a plugin, and be named as well')
    t.match(out.get('3'), /session: HELO \[\d+\]\n[\s\S]*session: STRM \[\d+\][\s\S]*RSFL 0 \[1048604\]/)
    t.equal(out.get('4.1')?.match(/\n/g)?.length, 2)
    for (const section of ['4.2', '4.3', '4.7', '4.9']) t.equal(out.get(section), '', section)
    const [, entropy, sealed, zipped] =
      /Entropy = ([\d.]+)[\s\S]*of this (\d+) byte file by 0 percent[\s\S]*\n(\d+)\n/.exec(out.get('4.5') ?? '') ?? []
    t.ok(Number(entropy) > 7.999, `${entropy} bits a byte`)
    t.ok(Number(zipped) >= Number(sealed) && Number(sealed) > report.byteLength, `${zipped} of ${sealed} bytes`)
    t.equal(out.get('4.6'), `stream 0: ${report.byteLength} bytes of the file\n`)
    const [, same, compared] = /^(\d+) of (\d+) bytes; by chance one in 256\n$/.exec(out.get('4.8') ?? '') ?? []
    t.equal(Number(compared), 2 ** 20)
    // seven deviations
    t.ok(Math.abs(Number(same) - 2 ** 12) < 7 * 2 ** 6, `${same} bytes`)
    t.match(out.get('4.11'), /^\d+\n0\n$/)
    t.match(err.get('4.11'), /sft: connection of a stranger failed: a record does not open\n/)
    t.match(err.get('4.11'), /sft: chunk failed authentication \[ERR_SFT_CHUNK_AUTH\]\n/)
    t.match(out.get('5'), /\nThe proof does not hold: 2 of 11 claims fail/)
    t.match(err.get('5'), /\[ERR_SFT_PROOF\]\n/)
    t.ok(existsSync(join(directory, 'classic.html')))
  }
)

/** By section. */
function saidIn(output: string): Map<string, string> {
  const said = new Map<string, string>()
  for (const [, section = '', words = ''] of output.matchAll(/\n@([\d.]+)\n([\s\S]*?)(?=\n@|$)/g))
    said.set(section, (said.get(section) ?? '') + words)
  return said
}
