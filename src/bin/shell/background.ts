import type { AnswerOptions, Engine, OnMessage } from '../../index.ts'
import { type AnnounceFlags, announcer } from '../directory.ts'
import { lineOf } from '../failure.ts'
import { Interrupted } from '../interrupt.ts'
import { messageLines } from '../messages.ts'
import { sayListening } from '../options.ts'
import { pointsToDirectory } from '../points-to-directory.ts'
import { completeDirectory } from './completion.ts'
import type { Console, Question } from './console.ts'

/** What the shell does for peers while it asks: on one port, told to the directory. */

export interface Background {
  /** Takes the word to the directory back, and lets what is under way finish for at most so many ms. */
  close(drain: number): Promise<void>
}

export interface BackgroundFlags extends AnnounceFlags {
  listen?: string
  /** Asked for when it is undefined; false with `--no-serve`. */
  serve?: string | false
}

type Answering = Omit<AnswerOptions, 'host' | 'port' | 'serve'>

/**
 * Begins to answer peers; what the flags do not say is asked for, the port until one can be had. `undefined` when a question was left by Ctrl-D.
 *
 * @throws SftError for an address or a directory that was given and can not be had; the interruption
 */
export async function answerPeers(
  engine: Engine,
  console: Console,
  flags: BackgroundFlags,
  options: Answering
): Promise<Background | undefined> {
  const { SftError } = await import('../../index.ts')
  let { serve } = flags
  for (;;) {
    const listen = flags.listen ?? (await askPort(console))
    if (listen === undefined) return undefined
    serve ??= await askDirectory(console)
    if (serve === undefined) return undefined
    try {
      return await begin(engine, { ...flags, listen, serve }, options)
    } catch (error) {
      if (flags.listen !== undefined || !SftError.is(error) || !PORT_FAULTS.includes(error.code)) throw error
      await console.above(lineOf(error))
    }
  }
}

/** An address that is none, and one that can not be had. */
const PORT_FAULTS = ['ERR_SFT_USAGE', 'ERR_SFT_CONNECT']

async function askPort(console: Console): Promise<string | undefined> {
  const { DEFAULT_PORT } = await import('../../index.ts')
  const typed = await answered(console, { text: `port to listen on (${DEFAULT_PORT}) ` })
  return typed === '' ? String(DEFAULT_PORT) : typed
}

/** Until it is one, or nothing. */
async function askDirectory(console: Console): Promise<string | undefined> {
  const question = { text: 'directory whose files peers may get (none) ', complete: completeDirectory }
  for (;;) {
    const path = await answered(console, question)
    if (!path) return path
    if (await pointsToDirectory(path)) return path
    const { SftError } = await import('../../index.ts')
    await console.above(lineOf(new SftError('ERR_SFT_NOT_FOUND', `there is no directory ${path}`)))
  }
}

/** @throws the interruption */
async function answered(console: Console, question: Question): Promise<string | undefined> {
  const answer = await console.ask(question)
  if ('line' in answer) return answer.line.trim()
  if (answer.left === 'interrupted') throw new Interrupted('SIGINT')
  return undefined
}

async function begin(
  engine: Engine,
  flags: BackgroundFlags & { listen: string },
  options: Answering
): Promise<Background> {
  const { parseHostPort } = await import('../../index.ts')
  // nothing is served for an empty answer, too
  const serve = flags.serve || undefined
  const listener = await engine.answer({ ...options, ...parseHostPort(flags.listen), serve })
  sayListening(listener)
  const kinds = serve === undefined ? (['receive'] as const) : (['serve', 'receive'] as const)
  const announce = await Promise.all(kinds.map(kind => announcer(engine, kind, flags)))
  const withdrawals = announce.map(each => each(listener))
  const close = async (drain: number): Promise<void> => {
    await Promise.all(withdrawals.map(withdraw => withdraw()))
    await listener.close({ drain })
  }
  return { close }
}

/** Prints messages above the line that is being typed, each of their lines behind the name of its sender (M80). */
export function printMessages(console: Console): OnMessage {
  return async (text, { name }) => {
    if (await console.above(messageLines(`sft: message from ${name}: `, text, console.columns))) return
    const { SftError } = await import('../../index.ts')
    throw new SftError('ERR_SFT_OUTPUT_CLOSED', 'nobody reads the messages any more')
  }
}
