import type { WebSocket } from 'ws'

/**
 * The queries and mutations that run over one socket: how many, and an end for those whose client has left. The protocol's
 * library forgets an operation as soon as its client says `complete`, while it still runs here.
 */
export class SocketOperations {
  readonly #running = new Map<string, Set<AbortController>>()
  #count = 0

  constructor(socket: WebSocket) {
    socket.once('close', () => {
      for (const controllers of this.#running.values()) for (const controller of controllers) controller.abort()
    })
  }

  /** Its client has completed it: whoever works on it for that client may stop. */
  completed(id: string): void {
    for (const controller of this.#running.get(id) ?? []) controller.abort()
  }

  get count(): number {
    return this.#count
  }

  /** @param run gets a signal that is aborted when the client completes the operation or leaves */
  async run<T>(id: string, run: (clientLeft: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    const controllers = this.#running.get(id) ?? new Set()
    this.#running.set(id, controllers.add(controller))
    this.#count += 1
    try {
      return await run(controller.signal)
    } finally {
      this.#count -= 1
      controllers.delete(controller)
      if (controllers.size === 0) this.#running.delete(id)
    }
  }
}

/** Queries and mutations over all sockets whose answer has not been handed to its socket yet. */
export class Unanswered {
  readonly #ids = new Map<WebSocket, Set<string>>()
  readonly #resolves = new Map<WebSocket, (() => void)[]>()

  add(socket: WebSocket, id: string): void {
    this.#ids.set(socket, (this.#ids.get(socket) ?? new Set()).add(id))
  }

  delete(socket: WebSocket, id: string): void {
    const ids = this.#ids.get(socket)
    ids?.delete(id)
    if (ids?.size === 0) this.forget(socket)
  }

  /** The socket is gone, and nobody waits any more. */
  forget(socket: WebSocket): void {
    this.#ids.delete(socket)
    for (const resolve of this.#resolves.get(socket) ?? []) resolve()
    this.#resolves.delete(socket)
  }

  /** Resolves once there are none over this socket. */
  noneOver(socket: WebSocket): Promise<void> {
    if (!this.#ids.has(socket)) return Promise.resolve()
    return new Promise(resolve => this.#resolves.set(socket, [...(this.#resolves.get(socket) ?? []), resolve]))
  }
}
