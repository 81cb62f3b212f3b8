import type { CallContext } from '../../contract.ts'
import type { RecordRef } from '../../../schema/systems.ts'
import { understood } from '../../lenient.ts'
import { VendorError } from '../../vendor-error.ts'
import type { BelongingKind, StripeClient } from './client.ts'
import { recordRef, stripeKinds, system } from './mapping.ts'
import { isPointer } from './pointers.ts'
import { readInvoice, readPayment } from './records.ts'
import { readEvent } from './webhook.ts'

/** A charge names no invoice: at most so many pages of its customer's are looked through. */
const mostPages = 20

/**
 * The records of ours that another one leads to: the invoices that a payment paid, the product of a price.
 * @returns none for what belongs to nothing of ours, such as a payment without an invoice
 * @throws VendorError; `rejected` where nothing can tell any more
 */
export async function locate(
  client: StripeClient,
  { kind, id }: RecordRef,
  call: CallContext,
): Promise<readonly RecordRef[]> {
  if (stripeKinds.some(known => known === kind)) return [{ system, kind, id }]
  if (!isPointer(kind)) return []
  if (kind === 'account') {
    const customer = await client.customer(id, call)
    return customer === null ? [] : [recordRef('customer', customer.id)]
  }
  if (kind === 'payment_intent') return invoicesPaidBy(client, id, call)
  if (kind === 'event') return recordsOfEvent(client, id, call)
  return recordsBehind(client, kind, id, call)
}

async function recordsBehind(
  client: StripeClient,
  kind: BelongingKind,
  id: string,
  call: CallContext,
): Promise<readonly RecordRef[]> {
  const record = await client.belonging(kind, id, call)
  if (record === null) {
    throw new VendorError(system, 'rejected', `${kind} ${id} is gone, and nothing else says what it belonged to`)
  }
  const invoice = understood(record.invoice)
  if (invoice !== null) return [recordRef('invoice', invoice)]
  const product = understood(record.product)
  if (product !== null) return [recordRef('product', product)]
  const intent = understood(record.payment_intent)
  if (intent !== null) return invoicesPaidBy(client, intent, call)
  const customer = understood(record.customer)
  if (kind === 'charge') return customer === null ? [] : invoicesChargedBy(client, id, customer, call)
  const charge = understood(record.charge)
  if (charge !== null) return recordsBehind(client, 'charge', charge, call)
  return customer === null || kind === 'refund' || kind === 'invoiceitem' ? [] : [recordRef('customer', customer)]
}

async function invoicesPaidBy(client: StripeClient, intent: string, call: CallContext): Promise<readonly RecordRef[]> {
  const { items } = await client.paymentsBy(intent, call)
  const invoices = items.map(item => understood(readPayment(item).invoice)).filter(invoice => invoice !== null)
  return [...new Set(invoices)].map(invoice => recordRef('invoice', invoice))
}

/** Only a charge without a payment intent, as old accounts have them, is named by the payment itself. */
async function invoicesChargedBy(
  client: StripeClient,
  charge: string,
  customer: string,
  call: CallContext,
): Promise<readonly RecordRef[]> {
  let after: string | undefined
  for (let pages = 0; pages < mostPages; pages++) {
    const page = await client.invoices(
      { customer, withPayments: true, ...(after === undefined ? {} : { after }) },
      call,
    )
    const invoices = page.items.map(readInvoice)
    const paid = invoices.filter(({ payments }) =>
      (understood(understood(payments)?.data ?? null) ?? []).some(
        payment => 'payment' in payment && understood(understood(payment.payment)?.charge ?? null) === charge,
      ),
    )
    after = invoices.at(-1)?.id
    if (paid.length > 0 || !page.hasMore || after === undefined) return paid.map(({ id }) => recordRef('invoice', id))
  }
  return []
}

async function recordsOfEvent(client: StripeClient, id: string, call: CallContext): Promise<readonly RecordRef[]> {
  const event = await client.event(id, call)
  const read = event === null ? null : readEvent(event, '')
  if (read === null || 'unreadable' in read) {
    throw new VendorError(system, 'rejected', `event ${id}, which alone says what it is about, cannot be had any more`)
  }
  const located = await Promise.all(read.hints.map(hint => locate(client, hint.record, call)))
  return located.flat()
}
