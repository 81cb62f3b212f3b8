import type { ChangeFrame } from '../graph/subscription.ts'
import type { FrameResult } from './frame.ts'

/** Between the tries of a frame; the last one goes on for as long as somebody watches. */
const waitsMs = [1_000, 3_000, 10_000, 30_000] as const

interface Repeat {
  readonly timer: NodeJS.Timeout
  readonly tries: number
}

/**
 * Whether trying again may give more: a tool failed in passing, or what it had before was served in its place. Such a frame
 * would stay on the screen until the next Change.
 */
export function isUnfinished({ errors = [], extensions }: FrameResult): boolean {
  return errors.some(error => error.extensions['isRetryable'] === true) || extensions?.['stale'] !== undefined
}

/** Frames of one group that could not be read in full, by the entity they are about, each waiting for its next try. */
export class Repeats {
  readonly #waiting = new Map<string, Repeat>()
  readonly #random: () => number
  readonly #repeat: (frame: ChangeFrame) => void

  constructor(random: () => number, repeat: (frame: ChangeFrame) => void) {
    this.#random = random
    this.#repeat = repeat
  }

  /** Tries again when the tool said it may be asked, or later each time; with jitter, for others wait for the same tool. */
  later(key: string, frame: ChangeFrame, { errors = [] }: FrameResult): void {
    const before = this.#waiting.get(key)
    clearTimeout(before?.timer)
    const tries = (before?.tries ?? 0) + 1
    const hints = errors.map(error => Number(error.extensions['retryAfterMs'] ?? 0))
    const waitMs = Math.max(waitsMs[Math.min(tries, waitsMs.length) - 1] ?? 0, ...hints)
    const timer = setTimeout(() => this.#repeat(frame), waitMs * (1 + this.#random() / 4)).unref()
    this.#waiting.set(key, { timer, tries })
  }

  /** It was read in full meanwhile. */
  drop(key: string): void {
    clearTimeout(this.#waiting.get(key)?.timer)
    this.#waiting.delete(key)
  }

  clear(): void {
    for (const { timer } of this.#waiting.values()) clearTimeout(timer)
    this.#waiting.clear()
  }
}
