/** Values of one `in (...)`: long statements are slow to prepare. */
const listSize = 400

/** A list of any length, cut for statements that name each value. */
export function parts<T>(values: readonly T[]): readonly (readonly T[])[] {
  const found: (readonly T[])[] = []
  for (let at = 0; at < values.length; at += listSize) found.push(values.slice(at, at + listSize))
  return found
}
