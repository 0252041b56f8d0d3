import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { sha256 } from '../fixtures/bytes.ts'
import { shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'

const organisation = await makeOrganisation()
const directory = t.testdir({ alice: {}, bob: { inbox: {} } })
const open = async (name: string) => shellOf(t, join(directory, name), await organisation.issue(name))
const [alice, bob] = await Promise.all([open('alice'), open('bob')])
const at = (name: string): string => join(alice.directory, name)
await writeFile(at('file'), 'contents')

t.test('M76, M78: sft send --receipt, and sft receipt verify', async t => {
  const listener = await bob.listen(['recv', '--listen', '127.0.0.1:0', '--from', 'alice', '-o', 'inbox'])
  const to = `bob@${listener.address}`
  t.match(await alice.run(['send', 'file', to, '--receipt', 'r.json']), { code: 0, bytes: 0 })
  const text = await readFile(at('r.json'), 'utf8')
  const again = await alice.run(['send', 'file', to, '--name', 'other', '--receipt', 'r.json'])
  t.match(again, { code: 45, stderr: /r\.json exists/ }, 'before anything is sent')
  t.match(await bob.run(['recv', '--help']), { stdout: /--no-receipts/ })
  const said = await alice.run(['receipt', 'verify', 'r.json', '--file', 'file'])
  t.match(said, { code: 0, stderr: '' })
  const hash = sha256(Buffer.from('contents'))
  t.match(
    said.stdout.toString(),
    new RegExp(`^bob received file from alice at \\S+Z\\n8 bytes \\(8 B\\), SHA-256 ${hash}\\nthe file is that one\\n$`)
  )
  await writeFile(at('root.crt'), organisation.root.toString())
  const json = await bob.run(['receipt', 'verify', at('r.json'), '--ca', at('root.crt'), '--json'])
  t.match(JSON.parse(json.stdout.toString()), { verified: true, name: 'file', size: 8, sha256: hash, receiver: 'bob' })
  await writeFile(at('altered.json'), text.replace('"size": 8', '"size": 9'))
  t.match(await alice.run(['receipt', 'verify', 'altered.json']), { code: 40, bytes: 0, stderr: /ERR_SFT_SIGNATURE/ })
  const other = await alice.run(['receipt', 'verify', 'r.json', '--file', 'r.json'])
  t.match(other, { code: 40, bytes: 0, stderr: /the file is not the one of the receipt/ })
  await writeFile(at('foreign.crt'), (await makeOrganisation()).root.toString())
  const foreign = await alice.run(['receipt', 'verify', 'r.json', '--ca', 'foreign.crt'])
  t.match(foreign, { code: 41, bytes: 0, stderr: /ERR_SFT_CERT_UNTRUSTED/ })
  t.match(await alice.run(['send', 'file', '--receipt', 'x']), { code: 2, bytes: 0, stderr: /belongs to a peer/ })
})

t.test('M76: --no-receipts', async t => {
  const listener = await bob.listen([
    'recv',
    '--listen',
    '127.0.0.1:0',
    '--from',
    'alice',
    '-o',
    'got',
    '--no-receipts'
  ])
  const sent = await alice.run(['send', 'file', `bob@${listener.address}`, '--receipt', 'none.json'])
  t.match(sent, { code: 44, stderr: /hint: it may be that this receiver gives no receipts/ })
  await t.rejects(readFile(at('none.json')), { code: 'ENOENT' })
})
