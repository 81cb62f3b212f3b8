import type { System } from '../../schema/systems.ts'
import type { Confirmation, WebhookSecrets } from '../../subgraphs/contract.ts'
import { SharedReadings } from './shared-readings.ts'

/** Where secrets are kept that vendors handed out. */
export interface SecretStore {
  /** Newest first. */
  list(system: System, endpoint: string): Promise<readonly string[]>
  add(system: System, endpoint: string, secret: string): Promise<void>
  /**
   * Keeps one that a handshake brings, apart: anybody may shake hands, so it verifies nothing until the vendor's answer confirms it.
   * @returns false, with nothing added, when none is awaited there (any more)
   */
  addAwaited(system: System, endpoint: string, secret: string): Promise<boolean>
  /** Those that handshakes brought and nothing has confirmed, newest first. */
  listUnconfirmed(system: System, endpoint: string): Promise<readonly string[]>
  dropUnconfirmed(system: System, endpoint: string): Promise<void>
  /** Makes it the only one of its endpoint, of the unconfirmed ones too. */
  replace(system: System, endpoint: string, secret: string): Promise<void>
  /**
   * Tells every process of the store that this endpoint takes a handshake.
   * @returns what ends it
   * @throws Error while another process waits for one there
   */
  awaitHandshake(system: System, endpoint: string): Promise<() => Promise<void>>
  isHandshakeAwaited(system: System, endpoint: string): Promise<boolean>
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

/** How long a secret is believed that another process may have taken away. */
const believedMs = 10_000

/** The webhook secrets of all systems, and which endpoints take a handshake at the moment. */
export class Secrets {
  readonly #store: SecretStore
  readonly #pending = new Map<string, Pending>()
  readonly #known = new Map<string, Known>()
  readonly #reading = new SharedReadings<readonly string[]>()
  readonly #asking = new SharedReadings<boolean>()
  readonly #readingUnconfirmed = new SharedReadings<readonly string[]>()

  constructor(store: SecretStore) {
    this.#store = store
  }

  /**
   * As the store has them now, whichever process added to them.
   * @param fromSettings secrets of the system's settings, newest first
   */
  async of(system: System, endpoint: string, fromSettings: readonly string[]): Promise<readonly string[]> {
    return [...fromSettings, ...(await this.#read(system, endpoint))]
  }

  /**
   * Those that were handed out, as they were when they were last read, if that is not long ago: a webhook that fits one of them is
   * genuine, and whether one that fits none is forged only `of` can say.
   */
  async known(system: System, endpoint: string): Promise<readonly string[]> {
    const known = this.#known.get(keyOf(system, endpoint))
    if (known === undefined || performance.now() - known.atMs > believedMs) return this.#read(system, endpoint)
    return known.secrets
  }

  /** Takes the secret of a handshake; it counts once the vendor's answer has confirmed it. @returns whether one is awaited there */
  shakeHands(system: System, endpoint: string, secret: string): Promise<boolean> {
    return this.#store.addAwaited(system, endpoint, secret)
  }

  /** What handshakes brought and nothing has confirmed yet. What they sign is neither genuine nor forged. */
  unconfirmed(system: System, endpoint: string): Promise<readonly string[]> {
    const key = keyOf(system, endpoint)
    return this.#readingUnconfirmed.read(key, () => this.#store.listUnconfirmed(system, endpoint))
  }

  async add(system: System, endpoint: string, secret: string): Promise<void> {
    await this.#store.add(system, endpoint, secret)
    this.#known.delete(keyOf(system, endpoint))
  }

  #read(system: System, endpoint: string): Promise<readonly string[]> {
    const key = keyOf(system, endpoint)
    return this.#reading.read(key, async () => {
      const atMs = performance.now()
      const secrets = await this.#store.list(system, endpoint)
      this.#known.set(key, { secrets, atMs })
      return secrets
    })
  }

  /** Whether somebody, in any process of the store, has asked the vendor for a webhook and waits for its handshake. */
  async isHandshakePending(system: System, endpoint: string): Promise<boolean> {
    const key = keyOf(system, endpoint)
    return this.#pending.has(key) || this.#asking.read(key, () => this.#store.isHandshakeAwaited(system, endpoint))
  }

  /** The port that a system's `connect` is handed. */
  portOf(system: System, fromSettings: readonly string[]): WebhookSecrets {
    return {
      of: endpoint => this.of(system, endpoint, fromSettings),
      store: (endpoint, secret) => this.add(system, endpoint, secret),
      whileHandshakePending: async (endpoint, done, secretOf) => {
        const pending = this.#expect(system, endpoint)
        let confirmation: Confirmation = 'refused'
        try {
          await pending.end
          const made = await done()
          confirmation = secretOf?.(made) ?? 'not-said'
          return made
        } finally {
          pending.count -= 1
          if (pending.count === 0) {
            this.#pending.delete(keyOf(system, endpoint))
            await pending.end.then(
              end => end(),
              () => undefined,
            )
          }
          // Only now: none comes any more.
          const secret = await this.#confirmed(system, endpoint, confirmation)
          if (secret !== null) await this.#store.replace(system, endpoint, secret)
          else if (pending.count === 0) await this.#store.dropUnconfirmed(system, endpoint)
          this.#known.delete(keyOf(system, endpoint))
        }
      },
    }
  }

  /** Where the vendor's answer says none, the handshake was its own if no other came: it makes a webhook only after one. */
  async #confirmed(system: System, endpoint: string, confirmation: Confirmation): Promise<string | null> {
    if (confirmation === 'refused') return null
    if (confirmation !== 'not-said') return confirmation.secret
    const [secret, ...others] = await this.#store.listUnconfirmed(system, endpoint)
    return secret === undefined || others.length > 0 ? null : secret
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
