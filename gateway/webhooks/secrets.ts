import type { System } from '../../schema/systems.ts'
import type { WebhookSecrets } from '../../subgraphs/contract.ts'

/** Where secrets are kept that vendors handed out. */
export interface SecretStore {
  /** Newest first. */
  list(system: System, endpoint: string): Promise<readonly string[]>
  add(system: System, endpoint: string, secret: string): Promise<void>
}

/** The webhook secrets of all systems, and which endpoints take a handshake at the moment. */
export class Secrets {
  readonly #store: SecretStore
  readonly #pending = new Map<string, number>()
  readonly #known = new Map<string, readonly string[]>()

  constructor(store: SecretStore) {
    this.#store = store
  }

  /** @param fromSettings secrets of the system's settings, newest first */
  async of(system: System, endpoint: string, fromSettings: readonly string[]): Promise<readonly string[]> {
    const key = keyOf(system, endpoint)
    let stored = this.#known.get(key)
    if (stored === undefined) {
      stored = await this.#store.list(system, endpoint)
      this.#known.set(key, stored)
    }
    return [...fromSettings, ...stored]
  }

  async add(system: System, endpoint: string, secret: string): Promise<void> {
    await this.#store.add(system, endpoint, secret)
    this.#known.delete(keyOf(system, endpoint))
  }

  /** Whether somebody here has asked the vendor for a webhook and waits for its handshake. */
  isHandshakePending(system: System, endpoint: string): boolean {
    return (this.#pending.get(keyOf(system, endpoint)) ?? 0) > 0
  }

  /** The port that a system's `connect` is handed. */
  portOf(system: System, fromSettings: readonly string[]): WebhookSecrets {
    return {
      of: endpoint => this.of(system, endpoint, fromSettings),
      store: (endpoint, secret) => this.add(system, endpoint, secret),
      whileHandshakePending: async (endpoint, done) => {
        const key = keyOf(system, endpoint)
        this.#pending.set(key, (this.#pending.get(key) ?? 0) + 1)
        try {
          return await done()
        } finally {
          const left = (this.#pending.get(key) ?? 1) - 1
          if (left > 0) this.#pending.set(key, left)
          else this.#pending.delete(key)
        }
      },
    }
  }
}

function keyOf(system: System, endpoint: string): string {
  return `${system}/${endpoint}`
}
