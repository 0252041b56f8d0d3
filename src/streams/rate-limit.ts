import { setTimeout as sleep } from 'node:timers/promises'
import { SftError } from './errors.ts'
import type { AbortableDuplex } from './messages.ts'
import type { Stage } from './types.ts'

/** Slowest limit in bytes a second: whoever is slower is given up by the other side (SPEC §6, M22). */
export const MIN_RATE = 1024
/** ms of a limit that may be made up for after a pause, and that one piece is long at most. */
const BURST_MS = 100
/** Bytes of the shortest and the longest piece that a limit cuts. */
const MIN_STEP = 1024
const MAX_STEP = 1024 * 1024
/** Bytes of a new connection that do not wait, though they count: its handshake has a deadline (M121). */
const HANDSHAKE_BYTES = 32 * 1024

/** What a limit measures and waits with, in ms. */
export interface Clock {
  now(): number
  wait(ms: number): Promise<unknown>
}

const CLOCK: Clock = { now: () => performance.now(), wait: ms => sleep(ms) }

/**
 * A rate that any number of streams share. Who asks first goes first: each grant has its moment, computed from the grants before it, so that late
 * timers do not add up. After a pause 100 ms of the rate may go at once.
 */
export class RateLimit {
  /** Bytes to ask for at once, at most: what pieces are cut to. */
  readonly step: number
  readonly #rate: number
  readonly #clock: Clock
  /** When all that was granted is paid for. */
  #paidAt = Number.NEGATIVE_INFINITY

  /**
   * @param rate bytes a second
   * @throws SftError ERR_SFT_USAGE below 1 KiB a second
   */
  constructor(rate: number, clock: Clock = CLOCK) {
    if (!(Number.isFinite(rate) && rate >= MIN_RATE))
      throw new SftError('ERR_SFT_USAGE', 'a bandwidth limit is at least 1 KiB a second, or 0 for none')
    this.#rate = rate
    this.#clock = clock
    this.step = Math.trunc(Math.min(MAX_STEP, Math.max(MIN_STEP, (rate * BURST_MS) / 1000)))
  }

  /** Waits until `bytes` may go. */
  async take(bytes: number): Promise<void> {
    const wait = this.count(bytes)
    if (wait >= 1) await this.#clock.wait(wait)
  }

  /** Counts bytes that go at once; returns the ms that they should have waited. */
  count(bytes: number): number {
    const now = this.#clock.now()
    const start = Math.max(this.#paidAt, now - BURST_MS)
    this.#paidAt = start + (bytes * 1000) / this.#rate
    return start - now
  }
}

/**
 * Passes bytes on no faster than a limit: long pieces are cut, and each cut waits for its turn. Cuts are copies: whoever owns the pieces
 * owns them. Memory: one piece and one cut.
 *
 * @param free bytes at the beginning that count and do not wait
 */
export function limited(limit: RateLimit, free = 0): Stage<Uint8Array, Uint8Array> {
  return async function* (source) {
    let early = free
    for await (const piece of source) {
      for (const cut of cuts(piece, limit.step)) {
        if (early > 0) limit.count(cut.byteLength)
        else await limit.take(cut.byteLength)
        early -= cut.byteLength
        yield cut
      }
    }
  }
}

function* cuts(piece: Uint8Array, step: number): Generator<Uint8Array, void, undefined> {
  if (piece.byteLength <= step) return yield piece
  for (let offset = 0; offset < piece.byteLength; offset += step)
    yield new Uint8Array(piece.subarray(offset, offset + step))
}

/** The limits of both directions. */
export interface RateLimits {
  readonly sent: RateLimit
  readonly received: RateLimit
}

/** The same duplex at a limited rate, each way by itself. */
export function limitedDuplex(duplex: AbortableDuplex, { sent, received }: RateLimits): AbortableDuplex {
  return {
    source: limited(received, HANDSHAKE_BYTES)(duplex.source),
    sink: source => duplex.sink(limited(sent, HANDSHAKE_BYTES)(source)),
    abort: error => duplex.abort?.(error)
  }
}
