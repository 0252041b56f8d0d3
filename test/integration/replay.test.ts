import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Engine } from '../../src/transfer/engine.ts'
import { pattern, sha256 } from '../fixtures/bytes.ts'
import { type Running, shellOf } from '../fixtures/command.ts'
import { makeOrganisation } from '../fixtures/organisation.ts'
import { seeded } from '../fixtures/seeded.ts'
import { cutAt, type Direction, through, type Wire } from '../fixtures/wire.ts'

/** Pipes that are cut and go on, between processes (SPEC §8.4, M86). */

const MIB = 1024 * 1024
const ANY = '127.0.0.1:0'
const timeout = 170_000
const organisation = await makeOrganisation()
const directory = t.testdir({ alice: {}, bob: { inbox: {} } })
const own = await organisation.issue('alice')
const alice = await shellOf(t, join(directory, 'alice'), own)
const bob = await shellOf(t, join(directory, 'bob'), await organisation.issue('bob'))
const received = join(bob.directory, 'inbox')
const inbox = await bob.listen(['recv', '--listen', ANY, '-o', 'inbox', '--from', 'alice', '--rename'], { timeout })
const peer = `bob@${inbox.address}`
const random = seeded()
t.comment(`seed ${random.seed}`)

/** Takes what comes after `from` bytes without passing it on, and cuts after `to`: a sender is far ahead of its receiver then. */
function swallow(from: number, to: number): Direction {
  let seen = 0
  return piece => {
    const passed = piece.subarray(0, Math.max(0, from - seen))
    seen += piece.byteLength
    return seen > to ? undefined : [passed]
  }
}

/** What a producer writes: no two blocks alike, and none kept. */
const block = (index: number): Uint8Array => pattern(MIB, index * 7 + (index >> 8))

function hashOf(blocks: number): string {
  const hash = createHash('sha256')
  for (let index = 0; index < blocks; index++) hash.update(block(index))
  return hash.digest('hex')
}

async function hashAt(path: string): Promise<string> {
  return sha256(await readFile(path))
}

/** Writes so many blocks into a sender, and ends its standard input. */
async function produce({ child }: Running, blocks: number): Promise<void> {
  const all = function* () {
    for (let index = 0; index < blocks; index++) yield block(index)
  }
  if (child.stdin) await pipeline(Readable.from(all(), { objectMode: false }), child.stdin).catch(() => {})
}

const leftOf = async (name: string): Promise<string[]> =>
  (await readdir(received)).filter(each => each.startsWith(`.${name}.`))
const until = async (found: () => Promise<boolean> | boolean): Promise<void> => {
  while (!(await found())) await delay(20)
}
const partOf = async (name: string): Promise<number> => {
  const part = (await leftOf(name)).find(each => each.endsWith('.part'))
  return part === undefined ? 0 : (await stat(join(received, part)).catch(() => ({ size: 0 }))).size
}

/** Most memory that a process has had, in MiB, as far as it was seen. */
function peakOf({ pid, ended }: Running): () => number {
  let peak = 0
  let over = false
  ended
    .catch(() => {})
    .finally(() => {
      over = true
    })
  const watching = async (): Promise<void> => {
    while (!over) {
      const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+) kB/.exec(text)?.[1] ?? 0) / 1024)
      await delay(50)
    }
  }
  watching()
  return () => peak
}

t.test('M86: a pipe of 400 MiB that is cut five times arrives whole, in bounded memory', async t => {
  const cuts = [30, 80, 20, 60, 5].map(mib => ({ up: cutAt(mib * MIB) }))
  const sending = alice.begin(['send', '-', await through(t, inbox, cuts), '--name', 'cut', '--replay', '32M'], {
    timeout
  })
  const peak = peakOf(sending)
  const [sent] = await Promise.all([sending.ended, produce(sending, 400)])
  t.match(sent, { code: 0, stderr: /: cut, 400\.0 MiB, resumed at \d+\.0 MiB, durable\n$/ })
  t.equal(sent.stderr.match(/trying again in/g)?.length, 5, sent.stderr)
  t.equal(await hashAt(join(received, 'cut')), hashOf(400))
  t.same(await leftOf('cut'), [], 'nothing is left')
  t.notOk(existsSync(join(received, 'cut (1)')))
  t.comment(`peak of the sender: ${Math.round(peak())} MiB`)
  if (existsSync('/proc/self/status')) t.ok(peak() > 32 && peak() < 32 + 250, `${peak()} MiB`)
})

t.test('M86: a window that is too small ends it with 25, a larger one brings it through', async t => {
  const far = () => through(t, inbox, [{ up: swallow(20 * MIB, 44 * MIB) }])
  const send = async (name: string, replay: string) => {
    const sending = alice.begin(['send', '-', await far(), '--name', name, '--replay', replay], { timeout })
    const [sent] = await Promise.all([sending.ended, produce(sending, 60)])
    return sent
  }
  const small = await send('small', '4M')
  t.match(small, { code: 25, stderr: /trying again[^\n]+\nsft: [^\n]+; hint: a larger --replay [^\n]+REPLAY\]\n$/ })
  t.notOk(existsSync(join(received, 'small')))
  t.equal((await leftOf('small')).length, 2, 'the part and its journal are for gc')
  t.match(await send('large', '64M'), { code: 0, stderr: /resumed at/ })
  t.equal(await hashAt(join(received, 'large')), hashOf(60))
})

t.test(
  'M86: over several connections, with small chunks, and of a producer that is slow or has less than a chunk',
  async t => {
    const cut = await through(t, inbox, [{ up: cutAt(8 * MIB) }, { up: cutAt(9 * MIB) }])
    const striped = alice.begin(['send', '-', cut, '--name', 'striped', '--replay', '64M', '--streams', '2'], {
      timeout
    })
    const [first] = await Promise.all([striped.ended, produce(striped, 40)])
    t.match(first, { code: 0, stderr: /resumed at/ })
    t.equal(await hashAt(join(received, 'striped')), hashOf(40))

    let now = false
    const upon: Direction = piece => (now ? undefined : [piece])
    const peer = await through(t, inbox, [{ up: upon }])
    const slow = alice.begin(['send', '-', peer, '--name', 'slow', '--replay', '1M', '--chunk-size', '64K'], {
      timeout
    })
    slow.child.stdin?.write(pattern(100_000))
    await until(async () => (await partOf('slow')) === 100_000)
    now = true
    slow.child.stdin?.write(pattern(30_000, 1))
    await slow.until(({ stderr }) => stderr.includes('trying again'))
    slow.child.stdin?.end(pattern(5, 2))
    t.match(await slow.ended, { code: 0, stderr: /127\.0 KiB|126\.\d KiB/ })
    const expected = Buffer.concat([pattern(100_000), pattern(30_000, 1), pattern(5, 2)])
    t.ok(expected.equals(await readFile(join(received, 'slow'))))
  }
)

/** Cuts a pipe where chance wants it, twice; what comes of it must be whole. */
async function cutAnywhere(t: Test, turn: number): Promise<void> {
  const size = [1, 1000, MIB, 5 * MIB + 3, 17 * MIB][turn % 5] as number
  const name = `anywhere${turn}`
  const bytes = pattern(size, turn)
  const wire = (): Wire =>
    random.int(2) === 0 ? { up: cutAt(random.int(size + 20_000)) } : { down: cutAt(random.int(9000)) }
  const sending = alice.begin([
    'send',
    '-',
    await through(t, inbox, [wire(), wire()]),
    '--name',
    name,
    '--replay',
    '32M'
  ])
  sending.child.stdin?.on('error', () => {})
  sending.child.stdin?.end(bytes)
  const sent = await sending.ended
  t.match(sent, { code: 0 }, `${size} bytes, turn ${turn}`)
  t.equal(await hashAt(join(received, name)), sha256(bytes))
  t.notOk(existsSync(join(received, `${name} (1)`)), 'once')
}

t.test('M86: a pipe may be cut at any byte', async t => {
  const todo = Array(process.env.SFT_TEST_LONG === '1' ? 200 : 15).keys()
  const lane = async (): Promise<void> => {
    for (const turn of todo) await cutAnywhere(t, turn)
  }
  // most of a turn is waiting
  await Promise.all([lane(), lane()])
})

t.test('M83: a pipe whose last answer is lost is done', async t => {
  const target = join(received, 'answered')
  const down: Direction = piece => (existsSync(target) ? undefined : [piece])
  const sending = alice.begin([
    'send',
    '-',
    await through(t, inbox, [{ down }]),
    '--name',
    'answered',
    '--replay',
    '1M'
  ])
  const [sent] = await Promise.all([sending.ended, produce(sending, 6)])
  t.match(sent, { code: 0, stderr: /trying again[^\n]+\nsft: sent to [^\n]+: answered, 6\.0 MiB, [^\n]*durable\n$/ })
  t.equal(await hashAt(target), hashOf(6))
  t.notOk(existsSync(`${target} (1)`))
})

t.test('M86: a receiver that is killed and comes back goes on; what a killed sender leaves is for gc', async t => {
  const place = join(bob.directory, 'killed')
  await mkdir(place)
  const receiving = (at: string) => bob.listen(['recv', '--listen', at, '-o', 'killed', '--from', 'alice'], { timeout })
  const first = await receiving(ANY)
  const peer = `bob@${first.address}`
  const sending = alice.begin(['send', '-', peer, '--name', 'pipe', '--replay', '64M'], { timeout })
  sending.child.stdin?.write(block(0))
  sending.child.stdin?.write(block(1))
  sending.child.stdin?.write(block(2))
  const sizeOf = async (): Promise<number> => {
    const [part = ''] = (await readdir(place)).filter(each => each.endsWith('.part'))
    return (await stat(join(place, part)).catch(() => ({ size: 0 }))).size
  }
  await until(async () => (await sizeOf()) === 3 * MIB)
  first.kill('SIGKILL')
  await first.ended
  await sending.until(({ stderr }) => stderr.includes('trying again'))
  const second = await receiving(first.address)
  sending.child.stdin?.end(block(3))
  t.match(await sending.ended, { code: 0, stderr: /4\.0 MiB, resumed at 3\.0 MiB/ })
  t.equal(await hashAt(join(place, 'pipe')), hashOf(4))

  const killed = alice.begin(['send', '-', `bob@${second.address}`, '--name', 'left', '--replay', '64M'])
  killed.child.stdin?.write(block(0))
  killed.child.stdin?.write(block(1))
  await until(async () => (await sizeOf()) === 2 * MIB)
  killed.kill('SIGKILL')
  await killed.ended
  await second.until(({ stderr }) => stderr.includes('connection of alice failed'))
  const left = async (): Promise<string[]> => (await readdir(place)).filter(each => each.startsWith('.left.'))
  t.equal((await left()).length, 2)
  const anew = await alice.run(['send', '-', `bob@${second.address}`, '--name', 'left', '--replay', '64M'], {
    input: 'another pipe'
  })
  t.match(anew, { code: 0 }, 'nobody goes on with it')
  t.equal(await readFile(join(place, 'left'), 'utf8'), 'another pipe')
  t.same(await left(), [])

  const then = new Date(Date.now() - 8 * 86_400_000)
  for (const name of await leftOf('small')) await utimes(join(received, name), then, then)
  t.match(await bob.run(['gc', 'inbox']), { code: 0, stderr: /removed inbox\/\.small\.[^\n]+ MiB\n$/ })
  t.same(await leftOf('small'), [])
})

t.test('without --replay a pipe is not sent twice, nor what a FIFO gave', async t => {
  const cut = alice.begin(['send', '-', await through(t, inbox, [{ up: cutAt(8 * MIB) }]), '--name', 'once'])
  const [lost] = await Promise.all([cut.ended, produce(cut, 20)])
  t.match(lost, { code: 75, stderr: /^sft: [^\n]+LOST\]\n$/ })
  const line = (more: string, at: string) =>
    `mkfifo f-${more} && { head -c 20971520 /dev/zero > f-${more} & } && sft send f-${more} ${at} --retry 3 && echo no`
  const fifo = await alice.bash(line('a', await through(t, inbox, [{ up: cutAt(8 * MIB) }])))
  t.match(fifo, { code: 75, bytes: 0 })
  t.notOk(existsSync(join(received, 'f-a')), 'the rest of it does not pass for the whole')
  const kept = await alice.bash(
    `mkfifo f-b && { head -c 20971520 /dev/zero > f-b & } && sft send f-b ${await through(t, inbox, [{ up: cutAt(8 * MIB) }])} --replay 32M`
  )
  t.match(kept, { code: 0, stderr: /20\.0 MiB, resumed at/ })
  t.equal((await stat(join(received, 'f-b'))).size, 20 * MIB)
})

t.test('what --replay is not for', async t => {
  await writeFile(join(alice.directory, 'file'), 'bytes')
  const refused = async (args: string[], stderr: RegExp) =>
    t.match(await alice.run(['send', ...args], { input: 'x' }), { code: 2, bytes: 0, stderr }, args.join(' '))
  await refused(['file', peer, '--replay', '16M'], /can be read again/)
  await refused(['-', peer, '--replay', '16M', '--receipt', 'r'], /a receipt is of the whole/)
  await refused(['-', peer, '--replay', '1000'], /1 MiB/)
  await refused(['-', peer, '--replay', '900T'], /memory/)
  await refused(['-', '--to', 'alice', '--replay', '16M'], /belongs to a peer that is dialled/)
  await refused(['-', peer, '--retry', '2'], /hint: --replay/)
})

t.test('a program gives any stream, and sees it go on', async t => {
  await using engine = new Engine({ identity: own, threads: 0 })
  const address = await through(t, inbox, [{ up: cutAt(9 * MIB) }, { up: cutAt(9 * MIB) }])
  const stream = Readable.from(
    (function* () {
      for (let index = 0; index < 20; index++) yield block(index)
    })()
  )
  const seen: string[] = []
  const sent = await engine.send(stream, address, {
    name: 'program',
    replay: 32 * MIB,
    onEvent: ({ type }) => seen.push(type)
  })
  t.match(sent, { bytes: 20 * MIB, kind: 'durable', restart: undefined })
  t.ok(sent.resumedAt > 8 * MIB)
  t.equal(await hashAt(join(received, 'program')), hashOf(20))
  t.equal(seen.filter(type => type === 'retry').length, 2)
  t.equal(seen.filter(type => type === 'resumed').length, 2)
  t.equal(seen.at(-1), 'end')
})
