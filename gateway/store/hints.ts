import { z } from 'zod'
import { changeKinds } from '../../schema/change.ts'
import { foundIn, type Hint } from '../../subgraphs/contract.ts'
import { parseColumn } from './json-column.ts'

/** As JSON writes a Date. */
const instant = z.string().pipe(z.coerce.date()).nullable()
const recordRef = z.object({ system: z.string(), kind: z.string(), id: z.string() })

const hints = z.array(
  z.object({
    kind: z.enum(changeKinds),
    record: recordRef,
    at: instant,
    fields: z.array(z.string()),
    isEcho: z.boolean().optional(),
    mergedInto: recordRef.optional(),
    foundIn: z.enum(foundIn).optional(),
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
