import type { ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import type { Log } from '../subgraphs/contract.ts'
import { whenOrphaned } from './orphan.ts'

/** Whether this process takes requests, and what is to be said of each of its parts. */
export interface Health {
  readonly isReady: boolean
  readonly parts: Readonly<Record<string, string>>
}

/** Ends each connection with its answer, once begun: clients and balancers turn to others, and nobody meets a closed door. */
export class Leaving {
  readonly #underWay = new Set<ServerResponse>()
  #isBegun = false

  /** Whoever is going away is not ready, however well its parts are. */
  judge({ isReady, parts }: Health): Health {
    return this.#isBegun ? { isReady: false, parts: { ...parts, process: 'is going away' } } : { isReady, parts }
  }

  /** To be told of each answer before it is worked on. */
  track(response: ServerResponse): void {
    if (this.#isBegun) response.setHeader('Connection', 'close')
    this.#underWay.add(response)
    response.once('close', () => this.#underWay.delete(response))
  }

  begin(): void {
    this.#isBegun = true
    // Whoever sent its next request over the same connection would meet its end.
    for (const response of this.#underWay) if (!response.headersSent) response.setHeader('Connection', 'close')
  }
}

/**
 * Resolves when this process is asked to end, by a signal or the end of whoever started it. From the first call on: whoever
 * ends a process that is starting wants it ended in order. A second Ctrl-C ends it at once.
 */
export function askedToEnd(log: Log): Promise<NodeJS.Signals> {
  let isStopping = false
  return new Promise(resolve => {
    const stop = (signal: NodeJS.Signals): void => {
      // What is held would count as held at a death: only a person at the terminal may be in such a hurry.
      if (isStopping && signal === 'SIGTERM') return
      if (isStopping) process.exit(130)
      isStopping = true
      log.info({ signal }, 'stopping: what is under way is finished first; press again to leave at once')
      resolve(signal)
    }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
    whenOrphaned(stop)
  })
}

/** Gives balancers time to hear of it. Whoever presses Ctrl-C has none. */
export async function drain(signal: NodeJS.Signals, seconds: number, retire: () => void): Promise<void> {
  if (signal !== 'SIGTERM' || seconds === 0) return
  retire()
  await wait(seconds * 1000)
}
