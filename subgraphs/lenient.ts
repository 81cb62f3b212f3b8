/**
 * Reads a vendor's record field by field: a field that is not as documented costs that field, never the record.
 *
 * A system describes a record as a `z.object`: what tells which record it is stands plain and may fail the record; every other
 * field is wrapped by `fieldOf(system)`. `readRecord` then answers the record, each field a value, null ("not given") or a
 * `NotUnderstood`. Handed to a client as it is, a `NotUnderstood` becomes the error of that one field: graphql-js throws what a
 * resolver returns as an `Error`.
 */
import { z } from 'zod'
import type { System } from '../schema/systems.ts'
import { readShape } from './shape-fault.ts'
import { VendorError } from './vendor-error.ts'

/**
 * A text of a vendor's. A tool that cuts text after so many UTF-16 units cuts an emoji in half, and JSON carries the half (`"\ud83d"`).
 * Strict readers refuse a whole answer for it, so U+FFFD stands in its place, as for bytes that are no UTF-8.
 */
export const vendorText = z.string().overwrite(text => text.toWellFormed())

/** A field of a record: its value; null where the vendor gave none; what is wrong with it where it cannot be understood. */
export type Field<T> = T | null | NotUnderstood

/** A value that is not as the vendor documents it. Its message names record and field, never the value. */
export class NotUnderstood extends VendorError {
  readonly #expected: string

  constructor(system: System, expected: string) {
    super(system, 'unreadable', expected)
    this.#expected = expected
  }

  /** Says where it stands, which only the reader of the whole record knows. */
  locate(record: string, path: string): void {
    this.message = `${this.system}: ${record}: ${path}: ${this.#expected}; see records.ts`
  }

  /** The vendor would answer the same again. */
  override get isPassing(): boolean {
    return false
  }
}

/** @returns the wrapper that lets a field fail alone; null and a missing field are both "not given" */
export function fieldOf(system: System) {
  return <T>(schema: z.ZodType<T>) =>
    z
      .unknown()
      .optional()
      .transform((value): Field<T> => (value == null ? null : parsed(system, schema, value)))
}

/** @returns the wrapper for the elements of a list: one that is not understood stands in it as such, the others stay */
export function elementOf(system: System) {
  return <T>(schema: z.ZodType<T>) => z.unknown().transform(value => parsed(system, schema, value))
}

/**
 * @param what names the record in errors: its kind and id
 * @throws VendorError `unreadable` when it cannot be told which record it is
 */
export function readRecord<T>(system: System, what: string, schema: z.ZodType<T>, value: unknown): T {
  const answer = readShape(schema, value)
  if (!answer.ok) throw new VendorError(system, 'unreadable', `${what}: ${answer.fault}; see records.ts`)
  locateAll(answer.value, what, '')
  return answer.value
}

export function isUnderstood<T>(field: Field<T>): field is T | null {
  return !(field instanceof NotUnderstood)
}

/** For what can do without it, such as the record index: a value that is not understood counts as unknown. */
export function valueOrNull<T>(field: Field<T>): T | null {
  return isUnderstood(field) ? field : null
}

/** The elements of a list that are understood. */
export function understoodIn<T>(list: readonly (T | NotUnderstood)[]): readonly T[] {
  return list.filter((element): element is T => !(element instanceof NotUnderstood))
}

/** For what cannot do without it. @throws NotUnderstood */
export function understood<T>(field: Field<T>): T | null {
  if (isUnderstood(field)) return field
  throw field
}

/** The field made of another one: what was not given stays so, and so does what was not understood. */
export function mapField<A, B>(field: Field<A>, map: (value: A) => Field<B>): Field<B> {
  if (!isUnderstood(field)) return field
  return field === null ? null : map(field)
}

/** The field made of two: not understood where one of them is not, not given where one of them was not. */
export function joinFields<A, B, C>(a: Field<A>, b: Field<B>, join: (a: A, b: B) => Field<C>): Field<C> {
  if (!isUnderstood(a)) return a
  if (!isUnderstood(b)) return b
  return a === null || b === null ? null : join(a, b)
}

/** The first of several places that has a value; not understood where none has and one is not understood. */
export function firstField<T>(...fields: readonly Field<T>[]): Field<T> {
  const given = fields.find(field => field !== null && isUnderstood(field))
  return given ?? fields.find(field => !isUnderstood(field)) ?? null
}

function parsed<T>(system: System, schema: z.ZodType<T>, value: unknown): T | NotUnderstood {
  const answer = readShape(schema, value)
  return answer.ok ? answer.value : new NotUnderstood(system, answer.fault)
}

function locateAll(value: unknown, record: string, path: string): void {
  if (value instanceof NotUnderstood) value.locate(record, path)
  else if (typeof value === 'object' && value !== null && !(value instanceof Date)) {
    for (const [name, inner] of Object.entries(value)) locateAll(inner, record, path === '' ? name : `${path}.${name}`)
  }
}
