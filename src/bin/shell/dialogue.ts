import { Unfinished } from '../continuing.ts'
import { lineOf } from '../failure.ts'
import { Interrupted } from '../interrupt.ts'
import { say } from '../terminal.ts'
import { ACTIONS, getFile, type ShellContext } from './actions.ts'
import { completeCommand, completePath, completePeer, type Known, pathsOf, peersOf } from './completion.ts'
import type { Question } from './console.ts'
import type { History } from './history.ts'
import { quoteWord, splitWords } from './words.ts'

/** The dialogue of the classic system: whether to request a file, of whom, and which; and commands in the place of an answer. */

/** How it was left: `quit` and Ctrl-D end it, Ctrl-C interrupts it. */
export type Left = 'ended' | 'interrupted'

export async function converse(context: ShellContext, history: History): Promise<Left> {
  const known = { neighbours: context.neighbours, lines: history.lines }
  const question = { text: 'request a file? (t/f) ', history: history.lines, complete: completeCommand(known) }
  for (let warned = false; ; ) {
    context.neighbours.refresh()
    const answer = await context.console.ask(question)
    if ('line' in answer) {
      warned = false
      if (/^\s*(quit|exit)\s*$/.test(answer.line)) return 'ended'
      await act(context, history, known, answer.line).catch(error => failed(context, error))
    } else if (answer.left === 'ended' || warned) return answer.left
    else if (answer.typed === '') {
      warned = true
      say('Ctrl-C once more leaves and cuts off what peers have under way; quit and Ctrl-D let it end')
    }
  }
}

/** Anything is a line, and the dialogue goes on. */
async function failed(context: ShellContext, error: unknown): Promise<void> {
  if (error instanceof Unfinished) {
    await failed(context, error.cause)
    say(error.advice)
  } else if (error instanceof Interrupted) say('cancelled')
  else await context.console.above(lineOf(error))
}

async function act(context: ShellContext, history: History, known: Known, line: string): Promise<void> {
  const [word = ''] = splitWords(line).words
  if (word === '') return
  if (/^t(rue)?$/i.test(word)) return request(context, history, known)
  if (/^f(alse)?$/i.test(word)) return say('peers are answered meanwhile; help says what else there is')
  const action = ACTIONS.get(word)
  if (action === undefined) {
    const { SftError } = await import('../../index.ts')
    throw new SftError('ERR_SFT_USAGE', `no such command: ${word}`, { hint: 'help lists them' })
  }
  history.add(line, word !== 'msg')
  await action(context, line)
}

/** Peer and file name; whoever leaves one of them empty has thought better of it. */
async function request(context: ShellContext, history: History, known: Known): Promise<void> {
  const { lines } = known
  const given = await filled(context, { text: 'peer ', history: peersOf(lines), complete: completePeer(known) })
  const peer = given?.replace(/:$/, '')
  if (peer === undefined) return
  const complete = completePath(known, peer)
  const path = await filled(context, { text: 'file name ', history: pathsOf(lines, peer), complete })
  if (path === undefined) return
  history.add(peer.includes('@') ? `get ${quoteWord(peer)} ${quoteWord(path)}` : `get ${quoteWord(`${peer}:${path}`)}`)
  await getFile(context, { peer, path })
}

async function filled({ console }: ShellContext, question: Question): Promise<string | undefined> {
  const answer = await console.ask(question)
  return ('line' in answer && answer.line.trim()) || undefined
}
