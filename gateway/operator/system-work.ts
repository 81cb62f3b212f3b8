import type { System } from '../../schema/systems.ts'
import { notConnectedText, type UnplayedRole } from '../unplayed-roles.ts'
import type { Tell } from './control.ts'

/** What is done to one system: says how far it is, ends when told to. Never rejects. @returns whether it came to its end */
export type WorkOnSystem<One> = (one: One, tell: Tell, signal: AbortSignal) => Promise<boolean>

/** One kind of work on systems, one piece a system at a time in this process. */
export class SystemWork<One extends { readonly system: System }> {
  readonly #systems: readonly One[]
  /** With its article: `an import`. */
  readonly #name: string
  readonly #unplayed: readonly UnplayedRole[]
  readonly #stopping = new AbortController()
  readonly #running = new Map<System, { readonly work: Promise<boolean>; readonly tells: Set<Tell> }>()

  /** @param unplayed roles that no tool plays: what is asked for them is refused with what to set */
  constructor(systems: readonly One[], name: string, unplayed: readonly UnplayedRole[]) {
    this.#systems = systems
    this.#name = name
    this.#unplayed = unplayed
  }

  isRunning(system: System): boolean {
    return this.#running.has(system)
  }

  /** Works on the system named, or on all for null. Where that is under way already, its progress is told and its end waited for. */
  async run(
    system: System | null,
    tell: Tell,
    signal: AbortSignal,
    work: WorkOnSystem<One>,
  ): Promise<'done' | 'failed'> {
    const asked = this.#systems.filter(one => system === null || one.system === system)
    if (asked.length === 0) {
      tell(notConnectedText(system ?? '', this.#systems, this.#unplayed))
      return 'failed'
    }
    const ended = await Promise.all(asked.map(one => this.begin(one, tell, signal, work)))
    return ended.every(Boolean) ? 'done' : 'failed'
  }

  begin(one: One, tell: Tell, signal: AbortSignal | null, work: WorkOnSystem<One>): Promise<boolean> {
    const stopping = this.#stopping.signal
    if (stopping.aborted) return Promise.resolve(false)
    const under = this.#running.get(one.system)
    if (under !== undefined) {
      tell(`${one.system}: ${this.#name} is running already; this is how far it is.`)
      under.tells.add(tell)
      return under.work
    }
    const tells = new Set([tell])
    const tellAll: Tell = line => {
      for (const each of tells) each(line)
    }
    const ending = signal === null ? stopping : AbortSignal.any([signal, stopping])
    const begun = work(one, tellAll, ending).finally(() => this.#running.delete(one.system))
    this.#running.set(one.system, { work: begun, tells })
    return begun
  }

  /** Ends what is running, and begins nothing more. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.allSettled([...this.#running.values()].map(({ work }) => work))
  }
}
