import { z } from 'zod'
import { changeKinds } from '../../schema/change.ts'
import { entityTypes } from '../../schema/entities.ts'
import type { Hint } from '../../subgraphs/contract.ts'
import { parseColumn } from './json-column.ts'

/** As JSON writes a Date. */
const instant = z.string().pipe(z.coerce.date()).nullable()
const entityType = z.enum(entityTypes)
const recordRef = z.object({ system: z.string(), kind: z.string(), id: z.string() })

const observedRecord = z.object({
  record: recordRef,
  parents: z.array(
    z.union([
      z.object({ entity: entityType, record: recordRef }),
      z.object({ entity: entityType, reference: z.string() }),
    ]),
  ),
  status: z.string().nullable(),
  isClosed: z.boolean().nullable(),
  createdAt: instant,
  updatedAt: instant,
  email: z.string().nullable(),
  names: z.object({ type: entityType, id: z.string() }).nullable(),
})

const hints = z.array(
  z.object({
    kind: z.enum(changeKinds),
    record: recordRef,
    at: instant,
    fields: z.array(z.string()),
    observed: observedRecord.optional(),
    mergedInto: recordRef.optional(),
  }),
)

/** The text of `delivery_entries.hints`. */
export function writeHints(value: readonly Hint[]): string {
  return JSON.stringify(value)
}

/** @throws Error when the text is none of `writeHints` */
export function readHints(text: string): readonly Hint[] {
  return parseColumn(hints, text, 'delivery_entries.hints')
}
