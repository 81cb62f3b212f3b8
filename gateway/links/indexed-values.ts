import { z } from 'zod'
import { normalizeName, normalizeNumber } from '../../schema/values.ts'
import type { IndexedValues } from '../../subgraphs/contract.ts'
import type { NewRecordRow, RecordRow } from './records.ts'

/** The columns of the record index that hold values of the business. */
export type ValueColumns = Required<Pick<NewRecordRow, (typeof valueNames)[number]>>

const valueNames = [
  'number',
  'due_at',
  'currency',
  'total',
  'amount_paid',
  'amount_remaining',
  'first_day',
  'last_day',
  'assignee_id',
  'name',
] as const

/** Of a record that has none, or exists no more. */
export const noValues: ValueColumns = {
  number: null,
  due_at: null,
  currency: null,
  total: null,
  amount_paid: null,
  amount_remaining: null,
  first_day: null,
  last_day: null,
  assignee_id: null,
  name: null,
}

const currency = z.string().regex(/^[A-Z]{3}$/)
const amount = z.int()
const day = z.iso.date()
const id = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u)

/** Values in the form in which they are compared. One that is not as expected is left out; the others stay. */
export function columnsOf(values: IndexedValues = {}): ValueColumns {
  const { number, dueAt, amounts, schedule, assigneeId, name } = values
  const unit = orNull(currency, amounts?.currency)
  const amountOf = (value: number | null | undefined): number | null => (unit === null ? null : orNull(amount, value))
  const days = [orNull(day, schedule?.startsOn), orNull(day, schedule?.endsOn)].filter(one => one !== null).toSorted()
  return {
    number: normalizeNumber(number),
    due_at: orNull(z.int(), dueAt?.getTime()),
    currency: amounts === undefined ? null : (unit ?? ''),
    total: amountOf(amounts?.total),
    amount_paid: amountOf(amounts?.amountPaid),
    amount_remaining: amountOf(amounts?.amountRemaining),
    first_day: schedule === null ? '' : (days.at(0) ?? null),
    last_day: schedule === null ? '' : (days.at(-1) ?? null),
    assignee_id: assigneeId === null ? '' : orNull(id, assigneeId),
    name: normalizeName(name),
  }
}

/** Whether lists filtered or summed by values see no difference. */
export function sameValues(stored: RecordRow, values: ValueColumns): boolean {
  return valueNames.every(name => stored[name] === values[name])
}

function orNull<T>(schema: z.ZodType<T>, value: unknown): T | null {
  const read = schema.safeParse(value)
  return read.success ? read.data : null
}
