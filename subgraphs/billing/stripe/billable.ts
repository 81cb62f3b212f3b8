import { added, isWhole, multiplied, type Decimal } from '../../../schema/decimal.ts'
import { valueOrNull } from '../../lenient.ts'
import { VendorError } from '../../vendor-error.ts'
import type { NewOrder, NewOrderLine } from '../source.ts'
import { isBillable } from './amounts.ts'
import { orderOf, system } from './mapping.ts'
import type { InvoiceRecord } from './records.ts'

/**
 * Refuses what Stripe would take and bill as something else: it rounds parts of currencies that have none, and gives a total below zero
 * to the customer as credit for later orders. Only the amounts that the order itself names are known before it is made.
 * @throws VendorError `rejected`
 */
export function refuseUnbillable({ lines, currency }: NewOrder): void {
  let total: Decimal = '0'
  for (const [at, line] of lines.entries()) {
    if (!isWritten(line)) continue
    const { unitAmount, quantity } = line
    const amount = multiplied(String(unitAmount), quantity)
    if (!isBillable(amount, currency)) {
      throw refused(
        `input.lines[${at.toString()}]: expected unitAmount times quantity to be a whole amount, for billing takes no parts of ${currency}; got ${unitAmount.toString()} times ${quantity}, which is ${amount}`,
      )
    }
    total = added(total, amount)
  }
  if (lines.every(isWritten) && total.startsWith('-')) throw belowZero(total, currency)
}

/** Whether only the draft shows what the order comes to: it has lines whose price Stripe alone knows. */
export function mustBeChecked({ lines, currency }: NewOrder): boolean {
  const priced = lines.filter(line => !isWritten(line))
  const hasParts = !isBillable('0.5', currency) && priced.some(({ quantity }) => !isWhole(quantity))
  const hasCredit = lines.some(line => isWritten(line) && line.unitAmount < 0)
  return priced.length > 0 && (hasParts || hasCredit)
}

/** @throws VendorError `rejected`, for a draft that must not be finalised */
export function refuseUnbillableDraft(invoice: InvoiceRecord): void {
  const total = valueOrNull(orderOf(invoice).total)
  if (total === null) return
  if (total.amount < 0) throw belowZero(String(total.amount), total.currency)
  if (total.exact === undefined || isBillable(total.exact, total.currency)) return
  throw refused(
    `input.lines: expected quantities that come to a whole amount, for billing takes no parts of ${total.currency}; the order comes to ${total.exact}`,
  )
}

function isWritten(line: NewOrderLine): line is Extract<NewOrderLine, { readonly unitAmount: number }> {
  return 'unitAmount' in line
}

function belowZero(total: Decimal, currency: string): VendorError {
  return refused(
    `input.lines: expected lines that come to 0 or more, got ${total} in the minor unit of ${currency}; a line below zero can only take off what other lines bill`,
  )
}

function refused(inputFault: string): VendorError {
  return new VendorError(system, 'rejected', 'the order cannot be billed as it is', { inputFault })
}
