import { spawnSync } from 'node:child_process'
import { chmod, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { CLAIMS } from '../../src/proof/model.ts'
import { withoutCapture } from '../fixtures/capturing.ts'
import { type Running, Shell } from '../fixtures/command.ts'

const skip = withoutCapture()
const timeout = 170_000

/** A shell whose temporary files we see. */
function shellIn(directory: string): Shell & { readonly temporary: string } {
  const temporary = join(directory, 'temporary')
  return Object.assign(new Shell(t, directory, { TMPDIR: temporary }), { temporary })
}

t.test('a run holds, is told as a table, and leaves what was asked for and nothing else', { skip }, async t => {
  const directory = t.testdir({ temporary: {} })
  const shell = shellIn(directory)
  const args = ['proof', 'run', '--size', '256K', '--keep', 'kept.pcapng', '--report', 'report.html']
  const { code, stdout, stderr } = await shell.run(args, { timeout })
  t.equal(code, 0, stderr)
  const table = stdout.toString()
  for (const id of CLAIMS) t.match(table, new RegExp(`^holds +${id} `, 'm'))
  t.equal(table.match(/^refused /gm)?.length, 4)
  t.notMatch(table, /FAILS|MISSED|unknown/)
  t.match(table, /\n\nThe proof holds: 11 of 11 claims, 4 of 4 controls refused\n$/)
  for (const step of ['login', 'get', 'send', 'recv']) t.match(stderr, new RegExp(`^sft: sft ${step} .*: exit 0$`, 'm'))
  t.match(stderr, /^sft: sft serve .*: exit 143, as expected$/m)
  t.match(stderr, /^sft: sft recv .*: exit 40, as expected$/m)
  t.notMatch(stderr, /exit 0, as|, not \d/)
  t.match(stderr, /^sft: \w+ captures on lo\n/)
  t.match(await readFile(join(directory, 'report.html'), 'utf8'), /^<!doctype html>/i)
  t.ok((await readFile(join(directory, 'kept.pcapng'))).byteLength > 3 * 256 * 1024)
  t.same(await readdir(shell.temporary), [])

  const again = await shell.run(args, { timeout })
  t.match(again, { code: 45, bytes: 0, stderr: /kept.pcapng exists; hint: --force replaces it \[/ })
})

t.test(
  'M180: neither an interruption, nor a closed terminal, nor a kill leaves a process or a file',
  { skip },
  async t => {
    const directory = t.testdir({ temporary: {} })
    const shell = shellIn(directory)
    const left = async (): Promise<readonly string[]> => [
      ...(await readdir(shell.temporary)),
      ...(await processesIn(shell.temporary))
    ]
    const begun = async (running: Running): Promise<void> => {
      await running.until(({ stdout, stderr }) => /sft login .*: exit 0/.test(stderr + stdout.toString()))
      t.equal((await readdir(shell.temporary)).length, 1)
      t.not((await processesIn(shell.temporary)).length, 0)
    }
    const goneSoon = async (how: string): Promise<void> => {
      for (let i = 0; i < 200 && (await left()).length > 0; i++) await delay(50)
      t.same(await left(), [], how)
    }
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGHUP', 129]
    ] as const) {
      const running = shell.begin(['proof', 'run', '--size', '1M'], { timeout })
      await begun(running)
      running.kill(signal)
      // as shell and system both send it: no second signal, which would end it without a word
      if (signal === 'SIGHUP') await delay(2).then(() => running.kill(signal))
      t.match(await running.ended, { code, bytes: 0, stderr: new RegExp(`interrupted by ${signal}\n$`) })
      t.same(await readdir(shell.temporary), [])
      await goneSoon(signal)
    }
    const killed = shell.begin(['proof', 'run', '--size', '1M'], { timeout })
    await begun(killed)
    killed.kill('SIGKILL')
    t.match(await killed.ended, { signal: 'SIGKILL' })
    await goneSoon('killed')
    // the terminal goes with whoever shows it
    const terminal = await shell.terminal('exec sft proof run --size 1M', { timeout })
    await begun(terminal)
    terminal.kill('SIGKILL')
    await terminal.ended
    await goneSoon('closed')
  }
)

t.test('no program to capture with, and no rights to: exit 2 with the remedy', async t => {
  const directory = t.testdir({ temporary: {}, none: {}, denied: {} })
  const shell = shellIn(directory)
  const path = (name: string) => ({ env: { PATH: join(directory, name) } })
  const isTool = /dumpcap, tshark, tcpdump; hint: apt install tshark .* \[ERR_SFT_CAPTURE\]/
  await symlinkNode(join(directory, 'none'))
  t.match(await shell.run(['proof', 'run'], path('none')), { code: 2, bytes: 0, stderr: isTool })
  await symlinkNode(join(directory, 'denied'))
  const said = 'dumpcap: You do not have permission to capture on device "lo".'
  await writeProgram(join(directory, 'denied', 'dumpcap'), `echo '${said}' >&2; exit 1`)
  const denied =
    /permission.*hint: run it as root; or: dpkg-reconfigure wireshark-common .*setcap cap_net_raw,cap_net_admin\+eip .* \[ERR_SFT_CAPTURE\]/
  t.match(await shell.run(['proof', 'run'], path('denied')), { code: 2, bytes: 0, stderr: denied })
  t.same(await readdir(shell.temporary), [])
})

t.test('a capture that lacks bytes proves nothing: exit 47, and the table says what is wrong', { skip }, async t => {
  const directory = t.testdir({ temporary: {}, bin: {} })
  const shell = shellIn(directory)
  // of each packet the beginning only
  await writeProgram(join(directory, 'bin', 'dumpcap'), `exec '${which('dumpcap')}' -s 400 "$@"`)
  const { code, stdout, stderr } = await shell.run(['proof', 'run', '--size', '64K', '-q'], { timeout })
  t.equal(code, 47, stderr)
  t.match(stdout.toString(), /^FAILS +connections /m)
  t.match(stdout.toString(), /^FAILS +replay .*\n +Not as it must be: The recorded pipe/m)
  t.match(stdout.toString(), /\n\nThe proof does not hold: \d+ of 11 claims fail.*, 4 of 4 controls refused.*\n$/)
  t.match(stderr, /^sft: does not hold: connections, .* \[ERR_SFT_PROOF\]\n$/)
  t.same(await readdir(shell.temporary), [])
})

t.test('what is no command line', async t => {
  const shell = shellIn(t.testdir({ temporary: {}, 'there.html': '' }))
  const refused = async (args: string[], expected: object) =>
    t.match(await shell.run(['proof', 'run', ...args]), { bytes: 0, ...expected })
  for (const size of ['1K', '65M']) await refused(['--size', size], { code: 2, stderr: /64 KiB to 64 MiB/ })
  await refused(['--report', 'there.html'], { code: 45, stderr: /there.html/ })
  await refused(['--report', 'missing/report.html'], { code: 11, stderr: /there is no directory missing/ })
  await refused(['--keep', 'missing/kept.pcapng'], { code: 11, stderr: /there is no directory missing/ })
})

async function writeProgram(path: string, line: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${line}\n`)
  await chmod(path, 0o755)
}

function which(program: string): string {
  return spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim()
}

/** What it takes to start the command, and nothing else. */
async function symlinkNode(directory: string): Promise<void> {
  await symlink('/usr/bin/env', join(directory, 'env'))
  await symlink(process.execPath, join(directory, 'node'))
}

/** Processes whose directory is below that one. */
async function processesIn(directory: string): Promise<string[]> {
  const found: string[] = []
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')
    if (environment.includes(`HOME=${directory}`)) found.push(pid)
  }
  return found
}
