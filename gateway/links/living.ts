import { entityKey, type EntityRef } from '../../schema/entities.ts'

/**
 * Entities that an operation has seen to be living, lists and parents mostly: they need not be looked up again. Held for one
 * operation, and forgotten when it writes.
 */
export class Living {
  readonly #keys = new Set<string>()

  add(entity: EntityRef): void {
    this.#keys.add(entityKey(entity))
  }

  has(entity: EntityRef): boolean {
    return this.#keys.has(entityKey(entity))
  }

  forget(): void {
    this.#keys.clear()
  }
}
