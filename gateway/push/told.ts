import type { ExecutionResult } from 'graphql'
import type { FrameShape } from '../graph/subscription.ts'

/** An entity's fields with their values as text, by the names that Changes have for them. */
export type Values = ReadonlyMap<string, string>

/** A frame that was sent, as far as later ones are compared with it. */
export interface Told {
  /** Its data without its Change. */
  readonly fingerprint: string
  readonly values: Values
  /** The fields that its Change names; null when it tells of all. */
  readonly named: ReadonlySet<string> | null
}

/** What a subscriber was last sent of an entity. */
export interface Sent {
  readonly fingerprint: string
  /**
   * The value each field had when a frame last named it. A frame shows all values as they are now, those too that a Change is
   * about which comes after it: that one is told still, or whoever goes by the names would miss it.
   */
  readonly told: Values
}

export function valuesOf(data: Readonly<Record<string, unknown>> | null | undefined, shape: FrameShape): Values {
  const root = data?.[shape.root]
  const values = new Map<string, string>()
  for (const { name, path } of shape.fields) {
    const [entity, field] = path
    const found = within(within(root, entity), field)
    const value = found === undefined ? '' : JSON.stringify(found)
    values.set(name, `${values.get(name) ?? ''}${value}`)
  }
  return values
}

/** Whether the frame's Change names a field whose value differs from the one it was last told with. */
export function tellsMore({ told }: Sent, { values, named }: Pick<Told, 'values' | 'named'>): boolean {
  if (named === null) return false
  return [...named].some(name => values.has(name) && values.get(name) !== told.get(name))
}

export function sentAfter(before: Sent | undefined, { fingerprint, values, named }: Told): Sent {
  if (before === undefined || named === null) return { fingerprint, told: values }
  const told = new Map(before.told)
  for (const [name, value] of values) if (named.has(name)) told.set(name, value)
  return { fingerprint, told }
}

/** The frame's data without its Change, and what its errors say, as one comparable text. */
export function fingerprintOf(
  result: Pick<ExecutionResult<Record<string, unknown>>, 'data' | 'errors'>,
  shape: FrameShape,
): string {
  const root = result.data?.[shape.root]
  const kept =
    typeof root === 'object' && root !== null
      ? Object.entries(root).filter(([name]) => !shape.changes.includes(name))
      : root
  return JSON.stringify([kept, result.errors?.map(({ message, path }) => [message, path])])
}

function within(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.entries(value).find(([key]) => key === name)?.[1]
}
