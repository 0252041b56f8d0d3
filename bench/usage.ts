import { readFileSync, writeFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

/**
 * Loaded ahead of a Node program (`NODE_OPTIONS=--import`), where GNU time is not installed: writes what the process used, all threads
 * included, to the file that SFT_USAGE_FILE names: `user system peak`, in seconds, seconds and KiB.
 */

const file = process.env.SFT_USAGE_FILE

if (file !== undefined && isMainThread) {
  process.on('exit', () => {
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
    writeFileSync(file, `${userCPUTime / 1e6} ${systemCPUTime / 1e6} ${peakOfThisProgram() ?? maxRSS}\n`)
  })
}

/** Linux counts what the parent had when it forked into `maxRSS`; the high-water mark of this program alone is in /proc. */
function peakOfThisProgram(): string | undefined {
  try {
    return /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  } catch {
    return undefined
  }
}
