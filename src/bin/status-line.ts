/** The line at the bottom of a terminal that is written again and again; whatever else is said takes its place, and it comes back below. */

let drawn = false

/** Text without control characters, narrower than the terminal. */
export function drawStatus(text: string): void {
  process.stderr.write(`\r${text}\x1b[K`)
  drawn = true
}

export function clearStatus(): void {
  if (drawn) process.stderr.write('\r\x1b[K')
  drawn = false
}
