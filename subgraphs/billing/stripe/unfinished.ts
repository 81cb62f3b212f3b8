import type { CallContext, Clock, TakenBack, UnfinishedWrite, WriteProgress, Written } from '../../contract.ts'
import { mapField, valueOrNull } from '../../lenient.ts'
import { VendorError } from '../../vendor-error.ts'
import type { StripeClient } from './client.ts'
import { recordRef, system } from './mapping.ts'
import { markField, readInvoice } from './records.ts'
import type { InvoiceRecord } from './records.ts'

/** What is remembered of an order in the making. */
export const stepNames = {
  /** The billing record it goes to, where there was one. */
  customer: 'customer',
  /** The CRM's id of the customer who gets a billing record. */
  customerOf: 'customer-of',
  /** Its e-mail address at that time. */
  emailOf: 'email-of',
  /** The billing record made for it. */
  newCustomer: 'new-customer',
  invoice: 'invoice',
  /** How its lines are sent; see new-lines.ts. */
  lines: 'lines',
} as const

/** A request that was not answered may still be worked on. Stripe names no time; its SDK waits 80 s for an answer. */
const settledMs = 90_000

/** Our clock and Stripe's. */
const skewMs = 120_000

export function customerKey(key: string): string {
  return `${key}-customer`
}

/** Stands with a request of several lines that the key was not permitted, whose lines are sent one by one. */
export function linesRunStep(from: number, to: number): string {
  return `${stepNames.lines}-${from.toString()}-${to.toString()}`
}

const billToMark = '-bill-to-'

/** @param run never the same twice */
export function billToKey(key: string, run: string): string {
  return `${key}${billToMark}${run}`
}

/** Whether a billing record was brought up to date for an order of ours, which tells of it itself. */
export function isBillToKey(key: string): boolean {
  return key.includes(billToMark)
}

/** The billing record that was made for an order, to be told with it. */
export function newCustomer(progress: WriteProgress): readonly Written[] {
  const id = progress.result(stepNames.newCustomer)
  return id === null
    ? []
    : [{ kind: 'CREATED', record: recordRef('customer', id), fields: ['balances', 'paymentMethod'] }]
}

/** The billing record an order goes to: it may have been brought up to date for it. */
export function updatedCustomer(progress: WriteProgress): readonly Written[] {
  const id = progress.result(stepNames.customer)
  return id === null ? [] : [{ kind: 'UPDATED', record: recordRef('customer', id), fields: ['links'] }]
}

export interface TakeBackPorts {
  readonly client: StripeClient
  readonly writeMark: string
  readonly clock: Clock
}

/**
 * Deletes a half-made draft. A finished invoice stays, and so does a billing record: it names a living customer. What was written to
 * it is what the CRM says, and stays too.
 */
export function openTakeBack({ client, writeMark, clock }: TakeBackPorts) {
  return async (write: UnfinishedWrite, call: CallContext): Promise<TakenBack> => {
    const { entityId } = write
    if (entityId !== null) {
      return { isGone: true, written: [{ kind: 'UPDATED', record: recordRef('invoice', entityId), fields: [] }] }
    }
    await learnCustomer(write, call)
    const ofCustomer = [...updatedCustomer(write), ...newCustomer(write)]
    const id = write.result(stepNames.invoice) ?? (await findInvoice(write, call))
    const invoice = id === null ? null : await client.invoice(id, call)
    if (invoice === null) return { isGone: true, written: ofCustomer }
    if (invoice.status === 'draft') {
      await client.deleteInvoice(invoice.id, call)
      return { isGone: true, written: ofCustomer }
    }
    const made: Written = { kind: 'CREATED', record: recordRef('invoice', invoice.id), fields: [] }
    return { isGone: false, written: [made, ...ofCustomer] }
  }

  /** The key of its making gives the billing record's id, or makes it: it would be needed with the next order. */
  async function learnCustomer(write: UnfinishedWrite, call: CallContext): Promise<void> {
    const trace = write.traceOf(stepNames.newCustomer)
    const crmId = write.result(stepNames.customerOf)
    if (trace === null || crmId === null || write.result(stepNames.newCustomer) !== null) return
    const customer = { crmId, email: write.result(stepNames.emailOf) }
    const { id } = await client.createCustomer(customer, customerKey(`${writeMark}-${trace}`), call)
    await write.claim(stepNames.newCustomer, id)
  }

  /** By the mark, among the customer's invoices; lists show what was written at once, which searches do not. */
  async function findInvoice(write: UnfinishedWrite, call: CallContext): Promise<string | null> {
    const sentAt = write.sentAt(stepNames.invoice)
    const mark = write.traceOf(stepNames.invoice)
    const customer = write.result(stepNames.customer) ?? write.result(stepNames.newCustomer)
    if (sentAt === null || mark === null || customer === null) return null
    const oldest = (write.begunAt.getTime() - skewMs) / 1000
    for (let after: string | undefined; ;) {
      const page = await client.invoices({ customer, ...(after === undefined ? {} : { after }) }, call)
      const invoices = page.items.map(readInvoice)
      const found = invoices.find(({ metadata }) => markOf(metadata) === mark)
      if (found !== undefined) return found.id
      const last = invoices.at(-1)
      if (!page.hasMore || last === undefined || (valueOrNull(last.created) ?? oldest) < oldest) break
      after = last.id
    }
    const waitMs = sentAt.getTime() + settledMs - clock.now().getTime()
    if (waitMs <= 0) return null
    throw new VendorError(system, 'unavailable', 'an invoice may still be on its way', { retryAfterMs: waitMs })
  }
}

function markOf(metadata: InvoiceRecord['metadata']): string | null {
  return valueOrNull(mapField(metadata, fields => fields[markField]))
}
