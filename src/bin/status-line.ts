/** The line at the bottom of a terminal that is written again and again; whatever else is said takes its place, and it comes back below. */

export interface StatusLine {
  /** @param text without control characters, narrower than the terminal */
  draw(text: string): void
  clear(): void
}

/** Where nobody types meanwhile. */
export const PLAIN_STATUS: StatusLine = { draw: drawStatus, clear: clearStatus }

let drawn = false

function drawStatus(text: string): void {
  process.stderr.write(`\r${text}\x1b[K`)
  drawn = true
}

export function clearStatus(): void {
  if (drawn) process.stderr.write('\r\x1b[K')
  drawn = false
}
