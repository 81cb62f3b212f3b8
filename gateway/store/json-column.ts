import type { z } from 'zod'

/**
 * Parses a column that holds JSON.
 * @param column for the error: `changes.fields`
 * @throws Error naming the column, without what stands in it
 */
export function parseColumn<T>(schema: z.ZodType<T>, text: string, column: string): T {
  const parsed = schema.safeParse(jsonOrUndefined(text))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new Error(`${column} does not hold what was written there: ${issue?.code} at /${issue?.path.join('/') ?? ''}`)
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
