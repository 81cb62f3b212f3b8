import type { CallContext, WriteSteps } from '../../contract.ts'
import type { NewInvoiceItem, StripeClient } from './client.ts'
import { stepNames } from './unfinished.ts'

/** How the lines of an order are sent; decided once for a write, since each way has keys of its own. */
const together = 'together'

/** Stripe names no limit beside the 250 lines of an invoice; what it refuses is sent in halves. */
const mostTogether = 100

export interface LinesPorts {
  readonly client: Pick<StripeClient, 'addLines' | 'createInvoiceItem'>
  readonly customer: string
  readonly invoice: string
  /** Stands before the idempotency keys of these lines. */
  readonly key: string
  readonly call: CallContext
}

/**
 * Decides how the lines of a new order are sent, before its draft is made. A write that an earlier version has begun has sent its
 * lines one by one, and goes on so: under other keys they would be added twice.
 */
export async function areSentTogether(steps: WriteSteps, lines: number): Promise<boolean> {
  if (lines < 2) return false
  if (steps.sentAt(stepNames.invoice) !== null) return steps.result(stepNames.lines) === together
  return (await steps.keep(stepNames.lines, together)) === together
}

/**
 * Adds the lines in their order. Each request has a key of its own, by the lines it holds, so that any of them sent again adds
 * nothing: a run after a crash goes the same way through the same requests.
 */
export async function addLines(
  ports: LinesPorts,
  items: readonly NewInvoiceItem[],
  isTogether: boolean,
): Promise<void> {
  for (const { from, to } of isTogether ? runsOf(items) : items.map((_, at) => ({ from: at, to: at + 1 }))) {
    await addRun(ports, items, from, to)
  }
}

/** Lines `from` to before `to`. Stripe keeps the order in which they come, so one request follows the other. */
async function addRun(ports: LinesPorts, items: readonly NewInvoiceItem[], from: number, to: number): Promise<void> {
  const { client, customer, invoice, key, call } = ports
  if (to - from === 1) {
    const item = items[from]
    if (item !== undefined)
      await client.createInvoiceItem(customer, invoice, item, `${key}-line-${from.toString()}`, call)
    return
  }
  const isAdded = await client.addLines(
    invoice,
    items.slice(from, to),
    `${key}-lines-${from.toString()}-${to.toString()}`,
    call,
  )
  if (isAdded) return
  // Too many, or one of them is wrong: alone it is refused with the reason.
  const middle = Math.ceil((from + to) / 2)
  await addRun(ports, items, from, middle)
  await addRun(ports, items, middle, to)
}

function runsOf(items: readonly NewInvoiceItem[]): readonly { readonly from: number; readonly to: number }[] {
  const runs: { from: number; to: number }[] = []
  for (const [at, item] of items.entries()) {
    const last = runs.at(-1)
    const mayJoin =
      last !== undefined && canBeTogether(item) && last.to - last.from < mostTogether && canBeTogether(items[last.from])
    if (mayJoin) last.to = at + 1
    else runs.push({ from: at, to: at + 1 })
  }
  return runs
}

/**
 * Many lines at once take a price or an amount, and of an amount no quantity ("You may only specify one of these parameters"): a
 * written line of several stands alone. Source: Stripe API reference, bulk add invoice line items; stripe/stripe-php#777.
 */
function canBeTogether(item: NewInvoiceItem | undefined): boolean {
  return (
    item !== undefined && ('price' in item || (item.quantity === '1' && Number.isSafeInteger(Number(item.unitAmount))))
  )
}
