/**
 * What waits, by the client that waits for it. Clients take turns: the queue of one client delays another client by one item a turn,
 * however long it is. The items of one client stay in their order.
 */
export class FairQueue<Item> {
  /** The client whose turn is next stands first. */
  readonly #byClient = new Map<object, Set<Item>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The item that `take` would give. */
  get next(): Item | null {
    for (const items of this.#byClient.values()) for (const item of items) return item
    return null
  }

  /** The newest item of the client that has most: the one to refuse when there is too much in all. Of equals, the client that came last. */
  get surplus(): Item | null {
    let most: ReadonlySet<Item> | null = null
    for (const items of this.#byClient.values()) if (items.size >= (most?.size ?? 0)) most = items
    return [...(most ?? [])].at(-1) ?? null
  }

  add(client: object, item: Item): void {
    const items = this.#byClient.get(client) ?? new Set()
    this.#byClient.set(client, items.add(item))
    this.#size += 1
  }

  /** Leaves it out; nothing when it does not wait (any more). */
  delete(client: object, item: Item): void {
    const items = this.#byClient.get(client)
    if (items?.delete(item) !== true) return
    this.#size -= 1
    if (items.size === 0) this.#byClient.delete(client)
  }

  /** Takes the first item of the client whose turn it is; that client's next turn comes after those of all others. */
  take(): Item | null {
    for (const [client, items] of this.#byClient) {
      for (const item of items) {
        this.delete(client, item)
        this.#byClient.delete(client)
        if (items.size > 0) this.#byClient.set(client, items)
        return item
      }
    }
    return null
  }
}
