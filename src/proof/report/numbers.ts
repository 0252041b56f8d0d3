import { type Markup, markup } from './markup.ts'

/** Numbers as a reader sees them, and the packets that stand behind them as Wireshark takes them. */

export function counted(number: number): string {
  return number.toLocaleString('en-US')
}

export function fixed(number: number, digits: number): string {
  return number.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** A click selects all of it. */
export function filter(expression: string): Markup {
  return markup`<code class="filter">${expression}</code>`
}

/** `frame.number in {3,7}` */
export function packetFilter(packets: readonly number[]): Markup | undefined {
  return packets.length === 0 ? undefined : filter(`frame.number in {${packets.join(',')}}`)
}

/** Both directions of one connection; `undefined` for an address that is none. */
export function connectionFilter({ dialler, listener }: { dialler: string; listener: string }): string | undefined {
  const [from, to] = [dialler, listener].map(end => /^\[?([0-9a-f.:]+)\]?:(\d{1,5})$/i.exec(end))
  if (!from?.[1] || !to?.[1]) return
  const host = (address: string): string => `${address.includes(':') ? 'ipv6' : 'ip'}.addr == ${address}`
  const hosts = [...new Set([host(from[1]), host(to[1])])]
  return [...hosts, `tcp.port == ${from[2]}`, `tcp.port == ${to[2]}`].join(' && ')
}
