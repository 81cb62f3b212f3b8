/**
 * Says in plain words what is wrong with a value that did not fit its schema. Types and sizes only, never the value: it may be a
 * secret or about a person.
 */
import type { z } from 'zod'

export type ReadShape<T> =
  | { readonly ok: true; readonly value: T }
  /** `data.0.id: expected a string, got nothing` */
  | { readonly ok: false; readonly fault: string }

/** Reads a value with a schema. Use this instead of `safeParse` where a person reads what was wrong. */
export function readShape<T>(schema: z.ZodType<T>, value: unknown): ReadShape<T> {
  const read = schema.safeParse(value, { error: issue => expectationOf(issue) })
  return read.success ? { ok: true, value: read.data } : { ok: false, fault: shapeFault(read.error.issues, value) }
}

/** The first thing that is wrong. Of several shapes that would do, the one that fits furthest is taken as meant. */
function shapeFault(issues: readonly z.core.$ZodIssue[], value: unknown): string {
  const issue = issues[0]
  if (issue === undefined) return 'it is not as expected'
  const came = valueAt(value, issue.path)
  if (issue.code === 'invalid_union' && issue.errors.length > 0) return inPlace(issue, unionFault(issue.errors, came))
  const got = issue.code === 'unrecognized_keys' ? '' : `, got ${kindOf(came)}`
  return inPlace(issue, `${issue.message}${got}`)
}

function inPlace({ path }: z.core.$ZodIssue, fault: string): string {
  const place = path.map(String).join('.')
  if (place === '') return fault
  // What is wrong deeper within a union stands below it.
  return /^[\w.-]+: expected /.test(fault) ? `${place}.${fault}` : `${place}: ${fault}`
}

function unionFault(alternatives: readonly (readonly z.core.$ZodIssue[])[], came: unknown): string {
  const [furthest] = alternatives.toSorted((a, b) => depthOf(b) - depthOf(a))
  if (furthest !== undefined && depthOf(furthest) > 0) return shapeFault(furthest, came)
  const expected = alternatives.flatMap(([issue]) => issue?.message.replace(/^expected /, '') ?? [])
  return `expected ${[...new Set(expected)].join(' or ')}, got ${kindOf(came)}`
}

function depthOf([issue]: readonly z.core.$ZodIssue[]): number {
  return issue?.path.length ?? 0
}

/** `expected …`: for what the schema itself says nothing of. */
function expectationOf(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${typeNames[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return oneOf(issue.values) ?? 'expected a documented value'
    case 'too_small':
      return sizeText(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum)
    case 'too_big':
      return sizeText(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum)
    case 'invalid_format':
      return `expected ${formatNames[issue.format] ?? 'text of the documented form'}`
    case 'not_multiple_of':
      return `expected a multiple of ${String(issue.divisor)}`
    case 'unrecognized_keys':
      return 'expected no other fields than the documented ones'
    case 'invalid_union':
      return oneOf(issue['options']) ?? 'expected one of the documented shapes'
    case 'invalid_key':
    case 'invalid_element':
      return 'expected documented keys and values'
    case 'custom':
      return 'expected a value as documented'
  }
}

/** `expected one of "a", "b"`: what is allowed is the schema's, not a person's. */
function oneOf(values: unknown): string | null {
  if (!Array.isArray(values) || values.length === 0) return null
  return `expected ${values.length === 1 ? '' : 'one of '}${values.map(value => JSON.stringify(value)).join(', ')}`
}

function sizeText(origin: string, bound: string, size: number | bigint): string {
  const unit = sizeUnits[origin]
  const [one, more] = unit ?? ['', '']
  if (unit === undefined) return `expected a number of ${bound} ${String(size)}`
  return `expected ${bound} ${String(size)} ${Number(size) === 1 ? one : more}`
}

const sizeUnits: Readonly<Record<string, readonly [string, string]>> = {
  string: ['character', 'characters'],
  array: ['element', 'elements'],
  set: ['element', 'elements'],
  map: ['entry', 'entries'],
  object: ['field', 'fields'],
}

/** By zod's names of types. */
const typeNames: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'a boolean',
  array: 'an array',
  object: 'an object',
  record: 'an object',
  date: 'a date',
  null: 'null',
  undefined: 'nothing',
  nonoptional: 'a value',
}

/** By zod's names of formats. */
const formatNames: Readonly<Record<string, string>> = {
  datetime: 'a time in ISO 8601',
  date: 'a day in ISO 8601 (yyyy-mm-dd)',
  url: 'an absolute web address',
  email: 'an e-mail address',
  uuid: 'a UUID',
  safeint: 'a whole number below 2^53',
}

/** `a string`, `nothing`: of what kind a value is. */
function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array'
  if (typeof value === 'string') {
    return value === '' ? 'an empty string' : `a string of ${value.length} character${value.length === 1 ? '' : 's'}`
  }
  if (Number.isNaN(value)) return 'no number'
  if (typeof value === 'number') return Number.isInteger(value) ? 'a whole number' : 'a number with a fraction'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value
  for (const key of path) {
    if (typeof at !== 'object' || at === null) return undefined
    at = Object.getOwnPropertyDescriptor(at, key)?.value
  }
  return at
}
