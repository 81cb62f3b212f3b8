import { isWhole } from '../../../schema/decimal.ts'
import type { CallContext, WriteSteps } from '../../contract.ts'
import type { NewInvoiceItem, StripeClient } from './client.ts'
import { linesRunStep, stepNames } from './unfinished.ts'

/** How the lines of an order are sent: decided once for a write, since each way has keys of its own. */
export type LinesWay =
  | 'one-by-one'
  /** Prices and plain amounts many at once, other lines one by one: what an earlier version began. */
  | 'together'
  /** Written lines with a quantity too. */
  | 'all-together'

/** Stripe names no limit beside the 250 lines of an invoice; what it refuses is sent in halves. */
const mostTogether = 100

export interface LinesPorts {
  readonly client: Pick<StripeClient, 'addLines' | 'createInvoiceItem'>
  readonly customer: string
  readonly invoice: string
  /** Stands before the idempotency keys of these lines. */
  readonly key: string
  readonly steps: Pick<WriteSteps, 'keep' | 'result'>
  readonly call: CallContext
}

/**
 * Decides how the lines of a new order are sent, before its draft is made. A write that an earlier version has begun goes on as it
 * was begun: under other keys its lines would be added twice.
 */
export async function chooseWay(steps: WriteSteps, lines: number): Promise<LinesWay> {
  if (lines < 2) return 'one-by-one'
  const isBegun = steps.sentAt(stepNames.invoice) !== null
  return wayOf(isBegun ? steps.result(stepNames.lines) : await steps.keep(stepNames.lines, 'all-together'))
}

/**
 * Adds the lines in their order. Each request has a key of its own, by the lines it holds, so that any of them sent again adds
 * nothing: a run after a crash goes the same way through the same requests.
 */
export async function addLines(ports: LinesPorts, items: readonly NewInvoiceItem[], way: LinesWay): Promise<void> {
  for (const { from, to } of runsOf(items, way)) await addRun(ports, items, from, to)
}

/** Whether an idempotency key is that of lines of an order. */
export function isLinesKey(key: string): boolean {
  return /-line(-\d+|s-\d+-\d+)$/.test(key)
}

/** Lines `from` to before `to`. Stripe keeps the order in which they come, so one request follows the other. */
async function addRun(ports: LinesPorts, items: readonly NewInvoiceItem[], from: number, to: number): Promise<void> {
  const { client, customer, invoice, key, steps, call } = ports
  if (to - from === 1) {
    const item = items[from]
    if (item !== undefined)
      await client.createInvoiceItem(customer, invoice, item, `${key}-line-${from.toString()}`, call)
    return
  }
  const step = linesRunStep(from, to)
  const isApart = steps.result(step) !== null
  const outcome = isApart
    ? 'not-permitted'
    : await client.addLines(invoice, items.slice(from, to), `${key}-lines-${from.toString()}-${to.toString()}`, call)
  if (outcome === 'added') return
  if (outcome === 'not-permitted') {
    // Kept first: with the permission given meanwhile, a later run would add together what is there one by one.
    if (!isApart) await steps.keep(step, 'apart')
    for (let at = from; at < to; at++) await addRun(ports, items, at, at + 1)
    return
  }
  // Too many, or one of them is wrong: alone it is refused with the reason.
  const middle = Math.ceil((from + to) / 2)
  await addRun(ports, items, from, middle)
  await addRun(ports, items, middle, to)
}

function runsOf(
  items: readonly NewInvoiceItem[],
  way: LinesWay,
): readonly { readonly from: number; readonly to: number }[] {
  const runs: { from: number; to: number }[] = []
  for (const [at, item] of items.entries()) {
    const last = runs.at(-1)
    const first = last === undefined ? undefined : items[last.from]
    const mayJoin =
      last !== undefined &&
      first !== undefined &&
      last.to - last.from < mostTogether &&
      canBeTogether(item, way) &&
      canBeTogether(first, way)
    if (mayJoin) last.to = at + 1
    else runs.push({ from: at, to: at + 1 })
  }
  return runs
}

function canBeTogether(item: NewInvoiceItem, way: LinesWay): boolean {
  if (way === 'one-by-one') return false
  if ('price' in item || isPlainAmount(item)) return true
  // A price that is made with its line is never below 0. Source: the SDK's types, `InvoiceAddLinesParams.Line.PriceData`.
  return way === 'all-together' && !item.unitAmount.startsWith('-')
}

/**
 * Whether a written line is an amount and no more. Of an amount Stripe takes no quantity ("You may only specify one of these
 * parameters"). Source: Stripe API reference, bulk add invoice line items; stripe/stripe-php#777.
 */
export function isPlainAmount({
  unitAmount,
  quantity,
}: {
  readonly unitAmount: string
  readonly quantity: string
}): boolean {
  return quantity === '1' && isWhole(unitAmount) && Number.isSafeInteger(Number(unitAmount))
}

function wayOf(kept: string | null): LinesWay {
  return kept === 'together' || kept === 'all-together' ? kept : 'one-by-one'
}
