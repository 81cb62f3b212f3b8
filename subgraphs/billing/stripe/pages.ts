import { isUnderstood, NotUnderstood, valueOrNull, type Field } from '../../lenient.ts'
import { VendorError } from '../../vendor-error.ts'
import { system } from './mapping.ts'
import { idOf, type Page } from './records.ts'

/** Every record of a list, in its order. A page goes on after the last record of the one before. */
export async function readAll<T>(
  list: (after: string | undefined) => Promise<Page>,
  read: (value: unknown) => T,
): Promise<readonly T[]> {
  const all: T[] = []
  for (let after: string | undefined; ;) {
    const page = await list(after)
    all.push(...page.items.map(read))
    const last = idOf(page.items.at(-1)) ?? undefined
    if (!page.hasMore || last === undefined || last === after) return all
    after = last
  }
}

/** A list that came with its record; null when it is not whole, or not understood, and has to be asked for. */
export function embedded<T>(list: Field<{ readonly data: Field<T>; readonly has_more: Field<boolean> }>): T | null {
  return list === null || !isUnderstood(list) || list.has_more !== false ? null : valueOrNull(list.data)
}

/** One record of a list that cannot be read stands in it as such. */
export function elementBy<T>(read: (value: unknown) => T): (value: unknown) => T | NotUnderstood {
  return value => {
    try {
      return read(value)
    } catch (error) {
      if (error instanceof VendorError && error.kind === 'unreadable') return new NotUnderstood(system, error.message)
      throw error
    }
  }
}
