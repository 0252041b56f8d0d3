import type { SealedChunk } from '../../streams/types.ts'

/** Writes one frame; settles when its connection takes more. */
export type Lane = (frame: SealedChunk) => Promise<void>

/**
 * Deals the frames of one stream to several connections: each takes the next one when it can take one, so that a fast one carries more and all
 * leave in order. Holds one frame for each lane. One writer.
 */
export class Lanes {
  readonly #lanes: readonly Lane[]
  readonly #free: Lane[]
  #failure: { error: unknown } | undefined
  #wake = (): void => {}

  /** @param lanes at least one; the first free one in this order is the first to be asked */
  constructor(lanes: readonly Lane[]) {
    this.#lanes = lanes
    this.#free = [...lanes]
  }

  /**
   * Hands a frame to the first lane that is free; settles then, which is the pace of the caller. The frame is the lane's until it has written it.
   *
   * @throws what any lane has failed with.
   */
  async write(frame: SealedChunk): Promise<void> {
    while (!this.#failure && this.#free.length === 0) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    if (this.#failure) throw this.#failure.error
    const lane = this.#free.shift() as Lane
    lane(frame).then(
      () => this.#freed(lane),
      error => this.#failed(error)
    )
  }

  /** Writes a frame on every lane, behind what each has under way; settles when all have. */
  async end(frame: SealedChunk): Promise<void> {
    if (this.#failure) throw this.#failure.error
    await Promise.all(this.#lanes.map(lane => lane(frame)))
  }

  #freed(lane: Lane): void {
    this.#free.push(lane)
    this.#wake()
  }

  #failed(error: unknown): void {
    this.#failure ??= { error }
    this.#wake()
  }
}
