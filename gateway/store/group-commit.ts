import { setImmediate } from 'node:timers/promises'
import { type Store, StoreError, type StoreTransaction } from './store.ts'

/** Items of one transaction. More would make the first of them, and others' transactions, wait for the last. */
const defaultLargest = 500

interface Submitted<Item, Result> {
  readonly item: Item
  resolve(result: Result): void
  reject(error: unknown): void
}

/**
 * Writes of one kind that come while another is being committed share one transaction: one wait for the disk for all. They wait
 * for no other writes, so they must not append Changes.
 */
export class GroupCommit<Item, Result> {
  readonly #store: Store
  readonly #work: (tx: StoreTransaction, items: readonly Item[]) => Promise<readonly Result[]>
  readonly #largest: number
  #queue: Submitted<Item, Result>[] = []
  #isRunning = false

  /** @param work writes the items; one result for each, in their order */
  constructor(
    store: Store,
    work: (tx: StoreTransaction, items: readonly Item[]) => Promise<readonly Result[]>,
    { largest = defaultLargest }: { readonly largest?: number } = {},
  ) {
    this.#store = store
    this.#work = work
    this.#largest = largest
  }

  /**
   * Resolves once the item is durable.
   * @throws StoreError; whatever `work` throws for this item
   */
  submit(item: Item): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#queue.push({ item, resolve, reject })
      if (!this.#isRunning) void this.#run()
    })
  }

  /** Never rejects: each item's caller is told. */
  async #run(): Promise<void> {
    this.#isRunning = true
    // What the sockets hold at this moment comes in before the first transaction begins.
    await setImmediate()
    while (this.#queue.length > 0) await this.#commit(this.#queue.splice(0, this.#largest))
    this.#isRunning = false
  }

  async #commit(group: readonly Submitted<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#store.write(
        tx =>
          this.#work(
            tx,
            group.map(({ item }) => item),
          ),
        { isSerial: false },
      )
      for (const [index, submitted] of group.entries()) {
        const result = results[index]
        if (result === undefined)
          submitted.reject(new Error(`a group of ${group.length} has ${results.length} results`))
        else submitted.resolve(result)
      }
    } catch (error) {
      // A fault of one item is not the others' fault.
      if (error instanceof StoreError || group.length === 1) for (const submitted of group) submitted.reject(error)
      else for (const submitted of group) await this.#commit([submitted])
    }
  }
}
