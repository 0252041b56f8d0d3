/** How the report writes numbers and names. */

export function count(number: number): string {
  return Math.round(number).toLocaleString('en-US')
}

/** `1 packet`, `12,000 packets`. */
export function counted(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? '' : 's'}`
}

const UNITS = ['KiB', 'MiB', 'GiB'] as const

/** `512 B`, `1.5 MiB`. */
export function bytes(number: number): string {
  if (number < 1024) return `${number} B`
  const power = Math.min(UNITS.length, Math.floor(Math.log2(number) / 10))
  return `${(number / 1024 ** power).toFixed(1)} ${UNITS[power - 1]}`
}

/** `0.4 ms`, `1,250.0 ms`. */
export function milliseconds(ms: number): string {
  return ms.toLocaleString('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 })
}

/** What shows these packets in Wireshark when it is put into its filter. */
export function packetFilter(packets: readonly number[]): string {
  return packets.length === 1 ? `frame.number == ${packets[0]}` : `frame.number in {${packets.join(', ')}}`
}
