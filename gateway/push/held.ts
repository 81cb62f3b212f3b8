import type { Duplex } from 'node:stream'
import type { RawData, WebSocket } from 'ws'

/** Bytes around a client's frame: two, the length's, and the mask's. Source: RFC 6455, 5.2. */
function frameBytes(payload: number): number {
  return payload + 2 + (payload < 126 ? 0 : payload < 65_536 ? 2 : 8) + 4
}

/**
 * Bounds what is held of what clients have sent: messages that are not whole, and those that wait or are worked on. Each message
 * has its own limit, and many together would still fill the memory. When there is too much in all, the client of whom the most is
 * held is let go of.
 */
export class Held {
  readonly #most: { readonly inAll: number; readonly ofOne: number }
  readonly #bytes = new Map<WebSocket, number>()
  #inAll = 0

  /** @param most bytes */
  constructor(most: { readonly inAll: number; readonly ofOne: number }) {
    this.#most = most
  }

  /** Bytes of all clients. */
  get inAll(): number {
    return this.#inAll
  }

  /** @param raw what `client` reads from */
  watch(client: WebSocket, raw: Duplex): void {
    this.#bytes.set(client, 0)
    // Before the library reads them, so that messages are subtracted from bytes that were counted.
    raw.prependListener('data', (bytes: Buffer) => this.add(client, bytes.length))
    client.on('message', (data: RawData) => this.add(client, -frameBytes(sizeOf(data))))
    client.on('ping', data => this.add(client, -frameBytes(data.length)))
    client.on('pong', data => this.add(client, -frameBytes(data.length)))
    client.once('close', () => {
      this.#inAll -= this.#bytes.get(client) ?? 0
      this.#bytes.delete(client)
    })
  }

  /** Holds so much more of the client, or less; nothing of one who has left. */
  add(client: WebSocket, bytes: number): void {
    const before = this.#bytes.get(client)
    if (before === undefined) return
    const now = Math.max(0, before + bytes)
    this.#bytes.set(client, now)
    this.#inAll += now - before
    if (now > this.#most.ofOne) client.terminate()
    while (this.#inAll > this.#most.inAll) this.#letGo()
  }

  #letGo(): void {
    let most: [WebSocket | null, number] = [null, 0]
    for (const one of this.#bytes) if (one[1] > most[1]) most = one
    const [client, bytes] = most
    if (client === null) return
    // It is gone when its end is told, which is later.
    this.#bytes.delete(client)
    this.#inAll -= bytes
    client.terminate()
  }
}

function sizeOf(data: RawData): number {
  if (Array.isArray(data)) return data.reduce((sum, part) => sum + part.length, 0)
  return data.byteLength
}
