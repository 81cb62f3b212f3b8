import { createHash } from 'node:crypto'
import type { System } from '../../schema/systems.ts'
import type { Log, Received, WebhookAdapter } from '../../subgraphs/contract.ts'
import { sizeOf, type Quarantined } from '../store/quarantine.ts'

export interface QuarantinePorts {
  /** Keeps them, and drops what there is no room for. */
  keep(requests: readonly Quarantined[]): Promise<void>
  /** In [0, 1). */
  readonly random: () => number
  readonly log: Log
}

/** Requests of one system that one write keeps; of more that come meanwhile, as many are taken at random. */
const heldRequests = 50
/** Bytes of them. */
const heldBytes = 1024 * 1024
/** Of one request; what tools send is seldom half as long. */
const largestBytes = 64 * 1024

/** How long may be spent between two writes on looking whether requests can be webhooks; then what comes is not kept. */
const readingMs = 50

/** How often they are written: a flood of forgeries costs one write in so long, however much comes. */
const writeEveryMs = 1000

interface Held {
  readonly requests: Quarantined[]
  readonly digests: Set<string>
  bytes: number
  /** How many came since the last write. */
  came: number
}

/**
 * Keeps requests whose signature is well formed and fits none of our secrets: when the secret was wrong, they are genuine. They
 * were refused, so nothing is promised of them: what is not written yet when the process ends is lost, and the vendor sends it again.
 */
export class Quarantine {
  readonly #ports: QuarantinePorts
  readonly #held = new Map<System, Held>()
  #spentMs = 0
  #timer: NodeJS.Timeout | null = null
  #writing: Promise<void> = Promise.resolve()

  constructor(ports: QuarantinePorts) {
    this.#ports = ports
  }

  /** Returns at once. What cannot be a webhook of this system is not kept: a forger has to make up one that can. */
  take(system: System, adapter: WebhookAdapter, received: Received, receivedAt: Date): void {
    const size = sizeOf(received)
    this.#timer ??= setTimeout(() => void this.flush(), writeEveryMs).unref()
    if (size > largestBytes) return
    const held = this.#held.get(system) ?? { requests: [], digests: new Set(), bytes: 0, came: 0 }
    this.#held.set(system, held)
    held.came += 1
    // Each that came has the same chance, and most of a flood costs no more than this.
    const isFull = held.requests.length >= heldRequests || held.bytes + size > heldBytes
    const place = isFull ? Math.floor(this.#ports.random() * held.came) : held.requests.length
    if (isFull && place >= held.requests.length) return
    const digest = digestOf(received)
    if (held.digests.has(digest) || this.#spentMs > readingMs) return
    const beganMs = performance.now()
    const isReadable = canBeRead(adapter, received)
    this.#spentMs += performance.now() - beganMs
    if (!isReadable) return
    const replaced = held.requests[place]
    if (replaced !== undefined) {
      held.digests.delete(replaced.digest)
      held.bytes -= sizeOf(replaced.received)
    }
    held.requests[place] = { system, received, receivedAt, digest }
    held.digests.add(digest)
    held.bytes += size
  }

  /** Writes what is held. Never rejects. */
  flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    const requests = [...this.#held.values()].flatMap(held => held.requests)
    this.#held.clear()
    this.#spentMs = 0
    if (requests.length > 0) this.#writing = this.#writing.then(() => this.#write(requests))
    return this.#writing
  }

  async #write(requests: readonly Quarantined[]): Promise<void> {
    try {
      await this.#ports.keep(requests)
    } catch (error) {
      this.#ports.log.warn({ err: error, requests: requests.length }, 'refused webhooks could not be kept')
    }
  }
}

/** With the headers: a forged request with the body of a genuine one must not take its place. */
function digestOf({ endpoint, headers, body }: Received): string {
  return createHash('sha256')
    .update(JSON.stringify([endpoint, headers]))
    .update(body)
    .digest('base64url')
}

function canBeRead(adapter: WebhookAdapter, received: Received): boolean {
  try {
    const read = adapter.read(received)
    return 'entries' in read && read.entries.some(entry => 'hints' in entry)
  } catch {
    return false
  }
}
