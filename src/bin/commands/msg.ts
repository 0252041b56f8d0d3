import type { Command } from 'commander'
import { addressOf } from '../directory.ts'
import { interruptible } from '../interrupt.ts'
import { withJson } from '../json-flags.ts'
import { openEngine, type PassphraseOptions, withPassphrase } from '../options.ts'
import { reader } from '../reader.ts'
import { say } from '../terminal.ts'

/** `sft msg NAME TEXT…` and `sft msg NAME -`. */
export function registerMsg(program: Command): void {
  withJson(withPassphrase(program.command('msg')))
    .description('send a message to a peer that runs sft recv --listen')
    .argument('<peer>', 'NAME, whom the auth server finds, or NAME@HOST:PORT')
    .argument('<text...>', 'what to say, up to 64 KiB; - alone is standard input')
    .addHelpText('after', '\nExamples:\n  $ sft msg bob "the report is in your inbox"\n  $ df -h | sft msg bob -')
    .action(msg)
}

async function msg(peer: string, words: string[], options: PassphraseOptions): Promise<void> {
  await using engine = await openEngine({ ...options, threads: 0 })
  await interruptible(async signal => {
    const text = words.length === 1 && words[0] === '-' ? await standardInput(signal) : words.join(' ')
    const address = await addressOf(engine, peer, 'receive')
    await engine.message(text, address, { signal, onEvent: event => reader()?.event(event) })
    say(`delivered to ${address}`)
  })
}

/** A byte more than a message may have is enough to refuse it. */
async function standardInput(signal: AbortSignal): Promise<Uint8Array> {
  const { MAX_MESSAGE, readDescriptor } = await import('../../index.ts')
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of readDescriptor(0, { signal })) {
    pieces.push(piece)
    bytes += piece.byteLength
    if (bytes > MAX_MESSAGE) break
  }
  return Buffer.concat(pieces)
}
