import { z } from 'zod'

/** Messages that wait for an earlier operation of their id. */
const mostWaiting = 100

const named = z.object({ type: z.enum(['subscribe', 'complete']), id: z.string() })

interface Operation {
  /** Whether its client has completed it, and may use its id again. */
  isLeft: boolean
  /** Messages of its id that are for the operations after it. */
  readonly waiting: string[]
}

/**
 * Hands on the messages of one socket, so that of each id one operation is worked on at a time. A client may use an id again as soon
 * as it has completed it, while the protocol's library still opens or ends the operation of before, and would take one for the other.
 */
export class InTurn {
  readonly #read: (text: string) => Promise<void>
  readonly #onComplete: (id: string) => void
  readonly #operations = new Map<string, Operation>()

  /**
   * @param read resolves when all that the message asks for is done: for an operation, at its end. Never rejects
   * @param onComplete told when a client completes the operation that is worked on under an id
   */
  constructor(read: (text: string) => Promise<void>, onComplete: (id: string) => void) {
    this.#read = read
    this.#onComplete = onComplete
  }

  /** @returns false when too many wait under its id */
  take(text: string): boolean {
    const message = messageOf(text)
    const running = message === null ? undefined : this.#operations.get(message.id)
    if (message === null || (running === undefined && message.type === 'complete')) {
      void this.#read(text)
      return true
    }
    if (running === undefined) {
      this.#run(message.id, text)
      return true
    }
    const isLater = running.waiting.length > 0 || (running.isLeft && message.type === 'subscribe')
    if (isLater) return running.waiting.push(text) <= mostWaiting
    if (message.type === 'complete') {
      running.isLeft = true
      this.#onComplete(message.id)
    }
    void this.#read(text)
    return true
  }

  #run(id: string, text: string): void {
    const operation: Operation = { isLeft: false, waiting: [] }
    this.#operations.set(id, operation)
    void this.#read(text).finally(() => {
      this.#operations.delete(id)
      for (const next of operation.waiting) this.take(next)
    })
  }
}

/** @returns null for messages of no operation; whether it is one of the protocol at all is judged by its library */
function messageOf(text: string): z.infer<typeof named> | null {
  if (!text.includes('subscribe') && !text.includes('complete')) return null
  try {
    return named.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}
