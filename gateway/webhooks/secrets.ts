import type { System } from '../../schema/systems.ts'
import type { WebhookSecrets } from '../../subgraphs/contract.ts'

/** Where secrets are kept that vendors handed out. */
export interface SecretStore {
  /** Newest first. */
  list(system: System, endpoint: string): Promise<readonly string[]>
  add(system: System, endpoint: string, secret: string): Promise<void>
  /**
   * Tells every process of the store that this endpoint takes a handshake.
   * @returns what ends it
   * @throws Error while another process waits for one there
   */
  awaitHandshake(system: System, endpoint: string): Promise<() => Promise<void>>
  isHandshakeAwaited(system: System, endpoint: string): Promise<boolean>
}

export interface SecretsOptions {
  /** How long what was read of the store is believed: other processes may add to it. For ever when absent. */
  readonly keptMs?: number
}

/** How many wait here for a handshake at an endpoint, and what ends it for all processes. */
interface Pending {
  count: number
  readonly end: Promise<() => Promise<void>>
}

interface Known {
  readonly secrets: readonly string[]
  readonly atMs: number
}

/** The webhook secrets of all systems, and which endpoints take a handshake at the moment. */
export class Secrets {
  readonly #store: SecretStore
  readonly #keptMs: number
  readonly #pending = new Map<string, Pending>()
  readonly #known = new Map<string, Known>()

  constructor(store: SecretStore, { keptMs = Infinity }: SecretsOptions = {}) {
    this.#store = store
    this.#keptMs = keptMs
  }

  /** @param fromSettings secrets of the system's settings, newest first */
  async of(system: System, endpoint: string, fromSettings: readonly string[]): Promise<readonly string[]> {
    const key = keyOf(system, endpoint)
    let known = this.#known.get(key)
    const atMs = performance.now()
    if (known === undefined || atMs - known.atMs > this.#keptMs) {
      known = { secrets: await this.#store.list(system, endpoint), atMs }
      // The first one may be added by another process, and what it signs would be refused here.
      if (known.secrets.length > 0) this.#known.set(key, known)
    }
    return [...fromSettings, ...known.secrets]
  }

  async add(system: System, endpoint: string, secret: string): Promise<void> {
    await this.#store.add(system, endpoint, secret)
    this.#known.delete(keyOf(system, endpoint))
  }

  /** Whether somebody, in any process of the store, has asked the vendor for a webhook and waits for its handshake. */
  async isHandshakePending(system: System, endpoint: string): Promise<boolean> {
    return this.#pending.has(keyOf(system, endpoint)) || this.#store.isHandshakeAwaited(system, endpoint)
  }

  /** The port that a system's `connect` is handed. */
  portOf(system: System, fromSettings: readonly string[]): WebhookSecrets {
    return {
      of: endpoint => this.of(system, endpoint, fromSettings),
      store: (endpoint, secret) => this.add(system, endpoint, secret),
      whileHandshakePending: async (endpoint, done) => {
        const pending = this.#expect(system, endpoint)
        try {
          await pending.end
          return await done()
        } finally {
          pending.count -= 1
          if (pending.count === 0) {
            this.#pending.delete(keyOf(system, endpoint))
            await pending.end.then(
              end => end(),
              () => undefined,
            )
          }
        }
      },
    }
  }

  #expect(system: System, endpoint: string): Pending {
    const key = keyOf(system, endpoint)
    const pending = this.#pending.get(key) ?? { count: 0, end: this.#store.awaitHandshake(system, endpoint) }
    pending.count += 1
    this.#pending.set(key, pending)
    return pending
  }
}

function keyOf(system: System, endpoint: string): string {
  return `${system}/${endpoint}`
}
