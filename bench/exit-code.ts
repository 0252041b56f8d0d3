import type { Children } from './children.ts'

/** Runs the work of a script to an exit code: an interruption ends its children first, and whatever goes wrong is one line. */
export async function exitCode(name: string, children: Children, work: () => Promise<void>): Promise<number> {
  let interrupted = 0
  const stop = (signal: NodeJS.Signals): void => {
    interrupted = signal === 'SIGINT' ? 130 : 143
    void children[Symbol.asyncDispose]()
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  try {
    await work()
    return 0
  } catch (error) {
    process.stderr.write(`${name}: ${interrupted ? 'interrupted' : (error as Error).message}\n`)
    return interrupted || 1
  }
}
