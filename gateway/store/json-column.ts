import type { z } from 'zod'
import { readShape } from '../../subgraphs/shape-fault.ts'

/**
 * Parses a column that holds JSON.
 * @param column for the error: `changes.fields`
 * @throws Error naming the column, without what stands in it
 */
export function parseColumn<T>(schema: z.ZodType<T>, text: string, column: string): T {
  const read = readShape(schema, jsonOrUndefined(text))
  if (read.ok) return read.value
  throw new Error(`${column} does not hold what was written there: ${read.fault}`)
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
