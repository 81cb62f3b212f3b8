import { badRequest } from './errors.ts'

/** A JSON object as it came. */
export type Input = Readonly<Record<string, unknown>>

export function isInput(value: unknown): value is Input {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** @returns undefined when the field was not sent */
export function text(input: Input, field: string): string | undefined {
  const value = own(input, field)
  if (value === undefined || typeof value === 'string') return value
  throw badRequest(`${field}: Value is not a string: ${JSON.stringify(value)}`)
}

/** @returns undefined when the field was not sent, null when it is to be emptied */
export function textOrNull(input: Input, field: string): string | null | undefined {
  return own(input, field) === null ? null : text(input, field)
}

export function flag(input: Input, field: string): boolean | undefined {
  const value = own(input, field)
  if (value === undefined || typeof value === 'boolean') return value
  // Form bodies have no booleans.
  if (value === 'true' || value === 'false') return value === 'true'
  throw badRequest(`${field}: Value is not a boolean: ${JSON.stringify(value)}`)
}

export function list(input: Input, field: string): readonly unknown[] | undefined {
  const value = own(input, field)
  if (value === undefined || Array.isArray(value)) return value
  throw badRequest(`${field}: Value is not an array: ${JSON.stringify(value)}`)
}

export function object(input: Input, field: string): Input | undefined {
  const value = own(input, field)
  if (value === undefined || isInput(value)) return value
  throw badRequest(`${field}: Value is not an object: ${JSON.stringify(value)}`)
}

/** `YYYY-MM-DD` */
export function day(input: Input, field: string): string | null | undefined {
  const value = textOrNull(input, field)
  if (value === undefined || value === null) return value
  if (/^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value))) return value
  throw badRequest(`${field}: Value is not a valid date: ${value}`)
}

export function instant(input: Input, field: string): Date | null | undefined {
  const value = textOrNull(input, field)
  return value === undefined || value === null ? value : instantOf(value, field)
}

export function instantOf(value: string, field: string): Date {
  const at = new Date(value)
  if (!Number.isNaN(at.getTime())) return at
  throw badRequest(`${field}: Value is not a valid date time: ${value}`)
}

function own(input: Input, field: string): unknown {
  return Object.hasOwn(input, field) ? input[field] : undefined
}
