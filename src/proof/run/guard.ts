import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Writable } from 'node:stream'

/**
 * Who is killed cleans up nothing. A shell that reads from a pipe sees the end of whoever holds the other end, whatever that end was, and does it then: it ends the programs
 * that are still there, each with all of its group, and removes the directory (M180). In a session of its own no terminal and no Ctrl-C ends it with the others.
 */

// kill before rm, and rm again: a program that dies may be writing
const SCRIPT = `
live=' '
while read -r what pid; do
  case $what in
    begun) live="$live$pid " ;;
    ended) live="\${live%% $pid *} \${live#* $pid }" ;;
  esac
done
for pid in $live; do kill -KILL "-$pid"; done
for again in 1 2 3 4 5; do rm -rf -- "$1" && break; sleep 1; done
`

export class Guard implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #over: Promise<unknown>

  /** @param directory what is removed once this process is gone, or the guard disposed of */
  constructor(directory: string) {
    const stdio = ['pipe', 'ignore', 'ignore'] as const
    this.#child = spawn('/bin/sh', ['-c', SCRIPT, 'sft-proof-guard', directory], {
      cwd: '/',
      stdio: [...stdio],
      detached: true
    })
    // without a shell, or once somebody has killed it, this process still cleans up whatever it lives to see
    this.#input.on('error', () => undefined)
    this.#over = once(this.#child, 'close').catch(() => undefined)
  }

  get #input(): Writable {
    return this.#child.stdin as Writable
  }

  /** @param pid of a program that leads a group of its own */
  begun(pid: number): void {
    this.#input.write(`begun ${pid}\n`)
  }

  /** Its number may be somebody else's from now on. */
  ended(pid: number): void {
    this.#input.write(`ended ${pid}\n`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#input.end()
    await this.#over
  }
}
