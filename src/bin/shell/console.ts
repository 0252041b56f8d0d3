import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from 'node:readline'
import { Interrupted } from '../interrupt.ts'
import type { StatusLine } from '../status-line.ts'
import { printable } from '../terminal.ts'

/**
 * The line at the bottom of the terminal, which asks, and shows how far something is. Everything else is written above it, and what has been typed stays: while
 * something is under way as well, when it waits for the next question.
 */

/** What may stand in the place of `typed`, the end of a line. */
export interface Completion {
  readonly candidates: readonly string[]
  readonly typed: string
}

export interface Question {
  readonly text: string
  /** What the arrow keys bring, the latest first. */
  readonly history?: readonly string[]
  /** What Tab offers for a line. */
  readonly complete?: (line: string) => Completion
}

/** A line, or how the question was left: by Ctrl-C, with what had been typed, or by Ctrl-D, a signal or the end of the terminal. */
export type Answer =
  | { readonly line: string }
  | { readonly left: 'interrupted'; readonly typed: string }
  | { readonly left: 'ended' }

/** Lines that are typed ahead while something is under way. */
const MAX_AHEAD = 100
/** Lines that the arrow keys can bring. */
const MAX_HISTORY = 1000
/** Columns of a terminal that does not say. */
const COLUMNS = 80

/** Not documented: by how many rows the line is drawn higher than where the cursor stands. Node forgets to count what was pasted. */
type Lines = Interface & { prevRows?: number }

export class Console implements Disposable {
  readonly #lines: Lines
  readonly #output: NodeJS.WriteStream
  readonly #signal: AbortSignal
  /** The array that the interface works with itself. */
  readonly #history: string[] = []
  readonly #ahead: string[] = []
  #question: Question | undefined
  #answer: ((answer: Answer) => void) | undefined
  #cancel: (() => void) | undefined
  #counting: NodeJS.Immediate | undefined
  #ended = false
  #closing = false

  /** @param signal ends every question, and what is under way */
  constructor(input: NodeJS.ReadStream, output: NodeJS.WriteStream, signal: AbortSignal) {
    this.#output = output
    this.#signal = signal
    this.#lines = createInterface({
      input,
      output,
      terminal: true,
      prompt: '',
      history: this.#history,
      historySize: MAX_HISTORY,
      completer: (line: string) => this.#complete(line)
    })
    this.#lines
      .on('line', line => this.#typed(line))
      .on('SIGINT', () => this.#interrupted())
      // after Ctrl-Z
      .on('SIGCONT', () => this.#lines.prompt(true))
      .on('close', () => this.#end())
      // a terminal that has gone
      .on('error', () => this.#close())
    input.on('keypress', () => this.#count())
    output.on('error', () => this.#close())
    signal.addEventListener('abort', () => this.#close(), { once: true })
  }

  get columns(): number {
    return this.#output.columns || COLUMNS
  }

  /** Asks; a line that was typed ahead is the answer at once. */
  ask(question: Question): Promise<Answer> {
    const ahead = this.#signal.aborted ? undefined : this.#ahead.shift()
    if (ahead !== undefined) {
      void this.above(`${question.text}${printable(ahead)}\n`)
      return Promise.resolve({ line: ahead })
    }
    if (this.#ended) return Promise.resolve({ left: 'ended' })
    this.#history.splice(0, this.#history.length, ...(question.history ?? []).slice(0, MAX_HISTORY))
    this.#question = question
    this.#show(question.text)
    return new Promise(resolve => {
      this.#answer = resolve
    })
  }

  /** Writes whole lines above the one that is being typed; fulfilled with whether they have been written. */
  above(text: string): Promise<boolean> {
    if (this.#ended) return this.#write(text)
    const { rows } = this.#lines.getCursorPos()
    moveCursor(this.#output, 0, -rows)
    cursorTo(this.#output, 0)
    clearScreenDown(this.#output)
    const written = this.#write(text)
    this.#lines.prevRows = 0
    this.#lines.prompt(true)
    return written
  }

  /** Runs something that Ctrl-C cancels. Meanwhile the line shows how far it is. */
  async work<T>(run: (signal: AbortSignal, status: StatusLine) => Promise<T>): Promise<T> {
    const stop = new AbortController()
    const signal = AbortSignal.any([stop.signal, this.#signal])
    this.#cancel = () => stop.abort(new Interrupted('SIGINT'))
    const draw = (text: string): void => this.#show(text === '' ? '' : `${text.slice(0, this.columns - 2)} `)
    try {
      return await run(signal, { draw, clear: () => draw('') })
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    } finally {
      this.#cancel = undefined
      draw('')
    }
  }

  [Symbol.dispose](): void {
    this.#close()
  }

  /** Once: to close the lines of a terminal that has gone fails, which closes them. */
  #close(): void {
    if (this.#closing) return
    this.#closing = true
    this.#lines.close()
  }

  /** Once for all keys that come together: each would take as long as the line. */
  #count(): void {
    this.#counting ??= setImmediate(() => {
      this.#counting = undefined
      if (!this.#ended) this.#lines.prevRows = this.#lines.getCursorPos().rows
    })
  }

  #write(text: string): Promise<boolean> {
    return new Promise(resolve => {
      this.#output.write(text, error => resolve(!error))
    })
  }

  #show(prompt: string): void {
    if (this.#ended) return
    this.#lines.setPrompt(prompt)
    this.#lines.prompt(true)
  }

  #typed(line: string): void {
    if (this.#answer) this.#settle({ line })
    else if (this.#ahead.length < MAX_AHEAD) this.#ahead.push(line)
  }

  #interrupted(): void {
    if (this.#cancel) {
      this.#cancel()
      return
    }
    if (!this.#question) return
    const { line: typed } = this.#lines
    this.#lines.write(null, { ctrl: true, name: 'e' })
    this.#lines.write(null, { ctrl: true, name: 'u' })
    this.#lines.setPrompt('')
    void this.above(`${this.#question.text}${printable(typed)}^C\n`)
    this.#settle({ left: 'interrupted', typed })
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    const busy = this.#cancel !== undefined && !this.#signal.aborted
    if (busy) void this.#write('\nsft: leaving once this has ended; Ctrl-C ends it\n')
    // below a question that nobody has answered
    else if (this.#question) void this.#write('\n')
    this.#settle({ left: 'ended' })
  }

  #settle(answer: Answer): void {
    const settle = this.#answer
    this.#answer = undefined
    this.#question = undefined
    if (!this.#ended) this.#lines.setPrompt('')
    settle?.(answer)
  }

  #complete(line: string): [string[], string] {
    const { candidates = [], typed = line } = this.#question?.complete?.(line) ?? {}
    return [[...candidates], typed]
  }
}
