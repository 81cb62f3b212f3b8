import { z } from 'zod'
import { changeKinds } from '../../schema/change.ts'
import { foundIn, type Hint } from '../../subgraphs/contract.ts'
import { parseColumn } from './json-column.ts'

/** As JSON writes a Date. */
const instant = z.string().pipe(z.coerce.date()).nullable()
const recordRef = z.object({ system: z.string(), kind: z.string(), id: z.string() })

/** A hint of a stored entry. */
export interface StoredHint extends Hint {
  /**
   * Whether the record's own Change is written, while records that show its name are still to follow: worked on again, the entry goes
   * on with those.
   */
  readonly isApplied?: boolean
}

const hints = z.array(
  z.object({
    kind: z.enum(changeKinds),
    record: recordRef,
    at: instant,
    fields: z.array(z.string()),
    isEcho: z.boolean().optional(),
    mergedInto: recordRef.optional(),
    foundIn: z.enum(foundIn).optional(),
    isApplied: z.boolean().optional(),
  }),
)

/** The text of `delivery_entries.hints`. */
export function writeHints(value: readonly StoredHint[]): string {
  return JSON.stringify(value)
}

/** @throws Error when the text is none of `writeHints` */
export function readHints(text: string): readonly StoredHint[] {
  return parseColumn(hints, text, 'delivery_entries.hints')
}
