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
