/** How long a process runs before it tries what was under way at several deaths. */
const longAfterMs = 30_000

/**
 * What is tried alone is followed by the next after so many times its time: a process that is ended from outside at any moment
 * then seldom puts the blame on something that has nothing to do with it.
 */
const restsFor = 9

/** A process that has run for so long is being ended by nobody, and what is tried alone rests no more: hundreds may have been under way at both deaths. */
const calmAfterMs = 180_000

export interface SuspectsPorts<Suspect> {
  /**
   * The next few.
   * @param isLong whether this process has run for a while
   */
  claim(isLong: boolean): Promise<{ readonly suspects: readonly Suspect[]; readonly isAlone: boolean }>
  /** Begins to try one; `ended` is to be told. */
  try(suspect: Suspect): void
}

/** What was under way when a process ended, one of which may be what ends it: tried few at a time, the next only after the last. */
export class Suspects<Suspect> {
  readonly #ports: SuspectsPorts<Suspect>
  readonly #tried = new Set<Suspect>()
  #asking: Promise<void> | null = null
  #startedAtMs = 0
  /** Since when one is tried alone; null when none is. */
  #aloneSinceMs: number | null = null
  #nextAfterMs = 0

  constructor(ports: SuspectsPorts<Suspect>) {
    this.#ports = ports
  }

  start(): void {
    this.#startedAtMs = performance.now()
  }

  /** Tries the next few, unless it is too early. Calls meanwhile are one. @throws StoreError */
  next(): Promise<void> {
    if (this.#tried.size > 0 || performance.now() < this.#nextAfterMs) return Promise.resolve()
    this.#asking ??= this.#take().finally(() => (this.#asking = null))
    return this.#asking
  }

  /** Resolves once nothing is being claimed; never rejects. */
  async settled(): Promise<void> {
    await this.#asking?.catch(() => undefined)
  }

  /** It was tried, well or not. @returns whether it was a suspect */
  ended(one: Suspect): boolean {
    if (!this.#tried.delete(one)) return false
    const now = performance.now()
    const isCalm = now - this.#startedAtMs >= calmAfterMs
    if (this.#aloneSinceMs !== null && !isCalm) this.#nextAfterMs = now + restsFor * (now - this.#aloneSinceMs)
    return true
  }

  async #take(): Promise<void> {
    const { suspects, isAlone } = await this.#ports.claim(performance.now() - this.#startedAtMs >= longAfterMs)
    this.#aloneSinceMs = isAlone ? performance.now() : null
    for (const one of suspects) this.#tried.add(one)
    for (const one of suspects) this.#ports.try(one)
  }
}
