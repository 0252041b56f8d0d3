import { randomBytes, X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Running, Shell } from '../fixtures/command.ts'
import { members } from '../fixtures/members.ts'

/**
 * Who is revoked, as users see it (A21, guarantee 13): an auth server, bob who follows it, and alice who never reaches it after her login; mallory is the one
 * who is revoked.
 */

const directory = t.testdir({ alice: { inbox: {} }, bob: { shared: { file: 'contents\n' } } })
const { admin, ca, shells } = await members(t, directory, ['alice', 'bob', 'mallory'])
const { alice, bob, mallory } = shells
const long = { timeout: 170_000 }
cutOff(alice)
const inbox = join(alice.directory, 'inbox')

/** From now on the auth server is nowhere for her. */
function cutOff({ directory: home }: Shell): void {
  const file = join(home, 'data/sft/identity/identity.json')
  const origin = JSON.parse(readFileSync(file, 'utf8'))
  writeFileSync(file, JSON.stringify({ ...origin, authUrl: 'https://127.0.0.1:9' }))
}

async function serialOf(shell: Shell): Promise<string> {
  const { stdout } = await shell.run(['whoami', '--cert'])
  return new X509Certificate(stdout).serialNumber.toLowerCase()
}

/** Mallory sends alice a stream that does not end. */
async function endless(address: string): Promise<Running> {
  const sending = mallory.begin(['send', `alice@${address}`], long)
  sending.child.stdin?.write(randomBytes(1 << 20))
  while (readdirSync(inbox).length === 0) await later(20)
  return sending
}

t.test(
  'A21, M53, M55: a peer that never asks the auth server learns from another, and ends what a revoked one has under way',
  async t => {
    const receiving = await alice.listen(
      ['recv', '--listen', '127.0.0.1:0', '-o', inbox, '--from', 'bob', '--from', 'mallory'],
      long
    )
    const sending = await endless(receiving.address)
    const serving = await bob.listen(['serve', join(bob.directory, 'shared'), '--listen', '127.0.0.1:0'], long)
    await admin.run(['auth', 'cert', 'revoke', await serialOf(mallory), '--dir', ca, '--reason', 'keyCompromise'])
    const revokedAt = Date.now()
    const got = await mallory.run(['get', `bob@${serving.address}`, 'file', '-o', '-'])
    t.ok([0, 42].includes(got.code ?? -1), 'bob may not have heard of it yet')
    const small = join(bob.directory, 'shared/file')
    t.match(await bob.run(['send', small, `alice@${receiving.address}`]), { code: 0 }, 'brings alice what bob knows')
    let ended = await Promise.race([sending.ended, later(2000)])
    for (let tries = 0; ended === undefined && tries < 20; tries++) {
      await bob.run(['send', small, `alice@${receiving.address}`, '--name', `file-${tries}`])
      ended = await Promise.race([sending.ended, later(1000)])
    }
    t.match(ended, { code: 42, stderr: /certificate revoked \[ERR_SFT_CERT_REVOKED\]/ }, 'mallory is told')
    t.ok(Date.now() - revokedAt < 60_000, `${Date.now() - revokedAt} ms after the revocation`)
    // it tells the peer first
    await receiving.says(/connection of mallory failed: the certificate is revoked: keyCompromise/)
    t.strictSame(
      readdirSync(inbox).filter(name => name === 'stdin'),
      [],
      'nothing half-received has a name'
    )
    t.match(await mallory.run(['send', small, `alice@${receiving.address}`]), { code: 42 }, 'nothing new is begun')
    t.match(await mallory.run(['get', `bob@${serving.address}`, 'file', '-o', '-']), { code: 42, bytes: 0 })
    for (const each of [receiving, serving]) {
      each.kill('SIGTERM')
      await each.ended
    }
    const again = await alice.listen(['recv', '--listen', '127.0.0.1:0', '-o', inbox, '--from', 'mallory'], long)
    t.match(await mallory.run(['send', small, `alice@${again.address}`]), { code: 42 }, 'a restart forgets nothing')
    again.kill('SIGTERM')
    await again.ended
  }
)

t.test('a pipe of a revoked sender is not opened, nor one sealed for a revoked peer', async t => {
  const certificate = join(directory, 'mallory.pem')
  writeFileSync(certificate, (await mallory.run(['whoami', '--cert'])).stdout)
  t.match(await alice.run(['send', '--to', certificate], { input: 'x' }), { code: 42, bytes: 0 })
  t.match(await alice.run(['peers', 'add', certificate]), { code: 42 })
  const bobs = join(directory, 'bob.pem')
  writeFileSync(bobs, (await bob.run(['whoami', '--cert'])).stdout)
  const sealed = await mallory.run(['send', '--to', bobs], { input: 'x' })
  t.equal(sealed.code, 0)
  t.match(await bob.run(['recv'], { input: sealed.stdout }), { code: 42, bytes: 0 })
})

t.test('M56: the root key is moved away, another CA issues, and those of the one before go on', async t => {
  const [target, before] = [join(directory, 'root.key'), await serialOf(bob)]
  t.match(await admin.run(['auth', 'ca', 'offline-root', target, '--dir', ca]), { code: 0, bytes: 0 })
  t.match(await admin.run(['auth', 'ca', 'rotate', '--dir', ca]), { code: 3, stderr: /hint: --root-key FILE/ })
  const rotated = await admin.run(['auth', 'ca', 'rotate', '--dir', ca, '--root-key', target, '--json'])
  t.equal(rotated.code, 0)
  const { serial } = JSON.parse(rotated.stdout.toString())
  await later(2500)
  t.match(await bob.run(['renew']), { code: 0 })
  const chain = (await bob.run(['whoami', '--cert'])).stdout.toString().split(/(?<=-----END CERTIFICATE-----\n)/)
  t.equal(new X509Certificate(chain[1] as string).serialNumber.toLowerCase(), serial)
  t.not(await serialOf(bob), before)
  const receiving = await alice.listen(['recv', '--listen', '127.0.0.1:0', '-o', inbox, '--from', 'bob'], long)
  const file = join(bob.directory, 'shared/file')
  const sent = await bob.run(['send', file, `alice@${receiving.address}`, '--name', 'rotated'])
  t.match(sent, { code: 0 }, 'bob brings the list of the new CA, of which alice has never heard')
  receiving.kill('SIGTERM')
  await receiving.ended
})

function later(ms: number): Promise<undefined> {
  return new Promise(resolve => setTimeout(resolve, ms, undefined))
}
