import { readFileSync, writeFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

/**
 * Loaded ahead of a Node program (`NODE_OPTIONS=--import`), where GNU time is not installed: writes the peak of the process in KiB to the file
 * that SFT_PEAK_FILE names.
 */

const file = process.env.SFT_PEAK_FILE

if (file !== undefined && isMainThread) {
  process.on('exit', () => writeFileSync(file, `${peakOfThisProgram() ?? process.resourceUsage().maxRSS}\n`))
}

/** Linux counts what the parent had when it forked into `maxRSS`; the high-water mark of this program alone is in /proc. */
function peakOfThisProgram(): string | undefined {
  try {
    return /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  } catch {
    return undefined
  }
}
