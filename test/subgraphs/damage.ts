import fc from 'fast-check'

/** Where a field stands in a raw record. */
export type FieldPath = readonly (string | number)[]

/** A raw record in which one field is not as documented. */
export interface Damaged {
  readonly path: FieldPath
  readonly record: unknown
}

/** Everything JSON can hold in a place where something else is documented, with what JSON.parse makes of numbers too large. */
const wrong: fc.Arbitrary<unknown> = fc.oneof(
  fc.constant(undefined),
  fc.constant(null),
  fc.constantFrom(true, false, '', ' ', 'NaN', '\u0000', '∞', '../..', 'x'.repeat(70_000)),
  fc.constantFrom(0, -1, 0.5, 1e21, -1e21, 9_007_199_254_740_992, 1e308 * 10, Number.NaN),
  fc.string(),
  fc.double(),
  fc.constantFrom({}, [], [[]], [null], { id: 5 }, { object: {} }, { data: 'x', has_more: 1 }),
  fc.jsonValue({ maxDepth: 3 }),
)

/** Every place of a raw record that holds a field, those within nested records and lists among them. */
export function fieldPaths(record: unknown, within: FieldPath = []): readonly FieldPath[] {
  if (typeof record !== 'object' || record === null) return []
  return Object.entries(record).flatMap(([name, value]) => {
    const path = [...within, Array.isArray(record) ? Number(name) : name]
    return [path, ...fieldPaths(value, path)]
  })
}

/** The record with something else in one place; a field set to undefined is missing. */
export function withField(record: unknown, path: FieldPath, value: unknown): unknown {
  const [name, ...rest] = path
  if (name === undefined) return value
  if (Array.isArray(record)) {
    const elements: readonly unknown[] = record
    return elements.map((element, at) => (at === name ? withField(element, rest, value) : element))
  }
  if (typeof record !== 'object' || record === null) return record
  const entries = Object.entries(record).map(([key, inner]: [string, unknown]): [string, unknown] => [
    key,
    key === name ? withField(inner, rest, value) : inner,
  ])
  return Object.fromEntries(entries.filter(([, inner]) => inner !== undefined))
}

/**
 * Damages one field of a complete raw record at a time.
 * @param isIdentity whether a field tells which record it is: only these may fail it, and are left alone
 */
export function damaged(record: unknown, isIdentity: (path: FieldPath) => boolean): fc.Arbitrary<Damaged> {
  const paths = fieldPaths(record).filter(path => !isIdentity(path))
  return fc
    .tuple(fc.constantFrom(...paths), wrong)
    .map(([path, value]) => ({ path, record: withField(record, path, value) }))
}
