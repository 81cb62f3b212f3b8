/** Requests of one sort under way in all, and bytes of their bodies. */
const mostUnderWay = 2_000
const mostUnderWayBytes = 128 * 1024 * 1024

/** Room for requests that came whole: what is only half sent takes none of it. */
export class Room {
  #taken = 0
  #bytes = 0

  /** @returns what gives it back, to be called once it is answered; null when there is none */
  enter(bytes: number): (() => void) | null {
    if (this.#taken >= mostUnderWay || this.#bytes + bytes > mostUnderWayBytes) return null
    this.#taken += 1
    this.#bytes += bytes
    return () => {
      this.#taken -= 1
      this.#bytes -= bytes
    }
  }
}

/**
 * Bounds what is held for clients that take their time, to send a request or to read an answer. When it is too much in all, whoever has
 * taken longest is let go of: the others are done within moments.
 */
export class Lingering<One extends { destroy(): unknown }> {
  readonly #most: number
  /** The longest first. */
  readonly #held = new Map<One, number>()
  #bytes = 0

  /** @param most bytes */
  constructor(most: number) {
    this.#most = most
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Holds so much more for it. */
  add(one: One, bytes: number): void {
    this.#held.set(one, (this.#held.get(one) ?? 0) + bytes)
    this.#bytes += bytes
    for (const [longest] of this.#held) {
      if (this.#bytes <= this.#most) return
      this.remove(longest)
      longest.destroy()
    }
  }

  /** Holds nothing more for it. */
  remove(one: One): void {
    this.#bytes -= this.#held.get(one) ?? 0
    this.#held.delete(one)
  }
}
