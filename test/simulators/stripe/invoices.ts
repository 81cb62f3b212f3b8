import { finalized, lineOf, paid, summed, uncollectible, voided } from './amounts.ts'
import { blankInvoice } from './blank.ts'
import { badRequest, cardDeclined } from './errors.ts'
import { choice, flag, integer, mergeMetadata, required, text } from './params.ts'
import { invoiceView, isLive } from './records.ts'
import { paymentMethodOf } from './state.ts'
import type { Customers } from './customers.ts'
import type { Act, EventType } from './events.ts'
import type { Params } from './params.ts'
import type { Customer, Decline, Invoice, InvoiceEntry, InvoiceHead, InvoiceItem, Terms } from './records.ts'
import type { StripeState } from './state.ts'

export interface Invoices {
  create(params: Params, act: Act): Invoice
  update(id: string, params: Params, act: Act): Invoice
  /** Drafts only. */
  delete(id: string, act: Act): { readonly id: string; readonly object: 'invoice'; readonly deleted: true }
  finalize(id: string, act: Act): Invoice
  pay(id: string, params: Params, act: Act): Invoice
  void(id: string, act: Act): Invoice
  markUncollectible(id: string, act: Act): Invoice
  /** What a card is refused for: it was tried, and is tried again after some days where Stripe does it by itself. */
  decline(id: string, decline: Decline, act: Act): Invoice
  /** What something else changes of it: a credit note. */
  change(id: string, patch: Partial<InvoiceHead>, act: Act): Invoice
  /** Taxes and discounts of a draft. */
  setTerms(id: string, terms: Terms, act: Act): Invoice
  addItems(id: string, items: readonly InvoiceItem[], act: Act): void
}

const editable = ['auto_advance', 'default_payment_method', 'description', 'footer', 'metadata'] as const
/** Changed on drafts only. */
const draftOnly = ['collection_method', 'days_until_due', 'due_date', 'number'] as const

export const invoiceUpdateFields = [...editable, ...draftOnly] as const
export const invoiceCreateFields = [
  ...invoiceUpdateFields,
  'currency',
  'customer',
  'pending_invoice_items_behavior',
] as const

/** Smart retries choose the time themselves. */
const retryDays = 3

const collectionMethods = ['charge_automatically', 'send_invoice'] as const

/** Source: Stripe API reference, invoices; Stripe documentation, status transitions and finalization. */
export function createInvoices(state: StripeState, customers: Customers): Invoices {
  return {
    create(params, act) {
      const customer = state.customer(required(params, 'customer'), 'customer')
      const currency = (text(params, 'currency') ?? customer.currency ?? 'usd').toLowerCase()
      const behavior = choice(params, 'pending_invoice_items_behavior', ['exclude', 'include', 'include_and_require'])
      const head = blankInvoice(state.newId('in'), customer, currency, state.now())
      const blank = patched({ head, lines: [], payments: [], daysUntilDue: null }, params)
      if (blank.head.collection_method === 'send_invoice' && blank.head.due_date === null) {
        const message =
          "If invoice's `collection_method` is `send_invoice`, you must specify `due_date` or `days_until_due`."
        throw badRequest(message, 'parameter_missing', 'days_until_due')
      }
      if (blank.head.collection_method === 'send_invoice' && (customer.email ?? '').trim() === '') {
        const message =
          'Missing email. In order to create invoices that are sent to the customer, the customer must have a valid email.'
        throw badRequest(message)
      }
      const items = behavior === undefined || behavior === 'exclude' ? [] : pendingOf(customer.id, currency)
      if (behavior === 'include_and_require' && items.length === 0) {
        throw badRequest('Nothing to invoice for customer', 'invoice_no_customer_line_items')
      }
      for (const item of items) state.pendingItems.delete(item.id)
      const lines = items.map(item => lineOf(state.newId('il'), item, head.id))
      const entry = summed({ ...blank, lines }, customer)
      state.invoices.set(head.id, entry)
      state.events.emit('invoice.created', invoiceView(entry), act)
      if (customer.currency !== currency && customer.currency === null) customers.change(customer.id, { currency }, act)
      return invoiceView(entry)
    },
    update(id, params, act) {
      const entry = state.invoice(id)
      const forbidden = entry.head.status === 'draft' ? undefined : draftOnly.find(field => params.has(field))
      if (forbidden !== undefined) {
        throw badRequest(
          `Finalized invoices can't be updated in this way: ${forbidden}`,
          'invoice_not_editable',
          forbidden,
        )
      }
      return replace(entry, patched(entry, params), act)
    },
    delete(id, act) {
      const entry = state.invoice(id)
      if (entry.head.status !== 'draft') {
        throw badRequest("You can only delete draft invoices. This invoice isn't a draft.", 'invoice_not_editable')
      }
      state.invoices.delete(id)
      state.events.emit('invoice.deleted', invoiceView(entry), act)
      return { id, object: 'invoice', deleted: true }
    },
    finalize,
    pay(id, params, act) {
      const isOutOfBand = flag(params, 'paid_out_of_band') ?? false
      const { status } = state.invoice(id).head
      if (status === 'paid') throw badRequest('Invoice is already paid', 'invoice_already_paid')
      if (status === 'void') throw badRequest('Voided invoices cannot be paid.', 'status_transition_invalid')
      // Before anything is done, so that a refusal leaves a draft a draft.
      const declined = declineOf(params)
      if (!isOutOfBand && declined === null) requirePaymentMethod(id, params)
      if (status === 'draft') finalize(id, act)
      const entry = state.invoice(id)
      if (entry.head.status === 'paid') return invoiceView(entry)
      if (declined === null || isOutOfBand) return settle(entry, isOutOfBand, act)
      decline(id, declined, act)
      throw cardDeclined(declined)
    },
    decline,
    change: (id, patch, act) => {
      const entry = state.invoice(id)
      return replace(entry, { ...entry, head: { ...entry.head, ...patch } }, act)
    },
    setTerms(id, terms, act) {
      const entry = state.invoice(id)
      refuseUnless(entry, ['draft'], 'You can only change drafts.')
      return replace(entry, summed({ ...entry, terms }, customerOf(entry)), act)
    },
    void(id, act) {
      const entry = state.invoice(id)
      refuseUnless(entry, ['open', 'uncollectible'], 'You can only pass in open or uncollectible invoices.')
      const view = replace(entry, voided(entry, state.now()), act, 'invoice.voided')
      // What credit paid comes back.
      const { starting_balance: had, ending_balance: left } = entry.head
      moveBalance(entry.head, had - (left ?? 0), act)
      return view
    },
    markUncollectible(id, act) {
      const entry = state.invoice(id)
      refuseUnless(entry, ['open'], 'You can only pass in open invoices.')
      return replace(entry, uncollectible(entry, state.now()), act, 'invoice.marked_uncollectible')
    },
    addItems(id, items, act) {
      const entry = state.invoice(id, 'invoice')
      const lines = [...entry.lines, ...items.map(item => lineOf(state.newId('il'), item, id))]
      replace(entry, summed({ ...entry, lines }, customerOf(entry)), act)
    },
  }

  function finalize(id: string, act: Act): Invoice {
    const draft = state.invoice(id)
    if (draft.head.status !== 'draft') {
      const message = "This invoice is already finalized, you can't re-finalize a non-draft invoice."
      throw badRequest(message, 'invoice_not_editable')
    }
    const fresh = summed(draft, customerOf(draft))
    const open = finalized(fresh, { seconds: state.now(), number: state.newInvoiceNumber() })
    const view = replace(draft, open, act, 'invoice.finalized')
    const { starting_balance: had, ending_balance: left, amount_due: due } = open.head
    moveBalance(open.head, (left ?? 0) - had, act)
    // Nothing to pay is paid.
    return due === 0 ? settle(open, false, act) : view
  }

  function decline(id: string, declined: Decline, act: Act): Invoice {
    const entry = state.invoice(id)
    const { head } = entry
    const isAutomatic = head.collection_method === 'charge_automatically'
    for (const { payment, status } of entry.payments) {
      if (status === 'open' && typeof payment.payment_intent === 'string') {
        state.declines.set(payment.payment_intent, declined)
      }
    }
    const tried: InvoiceHead = {
      ...head,
      attempted: true,
      // The first try, and those Stripe makes by itself. Source: the SDK's types, `Invoice.attempt_count`.
      attempt_count: isAutomatic || head.attempt_count === 0 ? head.attempt_count + 1 : head.attempt_count,
      next_payment_attempt: isAutomatic ? state.now() + retryDays * 86_400 : null,
    }
    return replace(entry, { ...entry, head: tried }, act, 'invoice.payment_failed')
  }

  function settle(entry: InvoiceEntry, isOutOfBand: boolean, act: Act): Invoice {
    const next = paid(entry, state.now(), isOutOfBand)
    const types: EventType[] = isOutOfBand ? ['invoice.paid'] : ['invoice.paid', 'invoice.payment_succeeded']
    const view = replace(entry, next, act, ...types)
    for (const payment of next.payments) {
      if (payment.status === 'paid') state.events.emit('invoice_payment.paid', payment, act)
    }
    return view
  }

  /** What happened to it first, then that it was updated. */
  function replace(before: InvoiceEntry, after: InvoiceEntry, act: Act, ...types: readonly EventType[]): Invoice {
    state.invoices.set(after.head.id, after)
    const view = invoiceView(after)
    for (const type of types) state.events.emit(type, view, act)
    state.events.emitUpdate('invoice.updated', invoiceView(before), view, act)
    return view
  }

  function patched(entry: InvoiceEntry, params: Params): InvoiceEntry {
    const { head } = entry
    const collection = choice(params, 'collection_method', collectionMethods) ?? head.collection_method
    const days = integer(params, 'days_until_due')
    const dueDate = integer(params, 'due_date')
    if (collection === 'charge_automatically' && (days !== undefined || dueDate !== undefined)) {
      const message = 'You can only set `days_until_due` or `due_date` if `collection_method` is `send_invoice`.'
      throw badRequest(message, undefined, days === undefined ? 'due_date' : 'days_until_due')
    }
    if (days !== undefined && dueDate !== undefined) {
      throw badRequest(
        'You may only specify one of these parameters: days_until_due, due_date.',
        'parameters_exclusive',
      )
    }
    const method = text(params, 'default_payment_method')
    const customer = typeof head.customer === 'string' ? head.customer : ''
    if (typeof method === 'string') paymentMethodOf(state, customer, method, 'default_payment_method')
    const next: InvoiceHead = {
      ...head,
      auto_advance: flag(params, 'auto_advance') ?? head.auto_advance,
      collection_method: collection,
      default_payment_method: method === undefined ? head.default_payment_method : method,
      description: or(text(params, 'description'), head.description),
      due_date: days === undefined ? (dueDate ?? head.due_date) : head.created + days * 86_400,
      footer: or(text(params, 'footer'), head.footer),
      metadata: mergeMetadata(params, head.metadata ?? {}),
      number: or(text(params, 'number'), head.number),
    }
    return { ...entry, head: next, daysUntilDue: days ?? (dueDate === undefined ? entry.daysUntilDue : null) }
  }

  function requirePaymentMethod(id: string, params: Params): void {
    const entry = state.invoice(id)
    const customer = customerOf(entry)
    const given = text(params, 'payment_method')
    if (typeof given === 'string') {
      paymentMethodOf(state, customer?.id ?? '', given, 'payment_method')
      return
    }
    if (entry.head.default_payment_method !== null) return
    if ((customer?.invoice_settings.default_payment_method ?? null) !== null) return
    if (entry.head.total <= 0) return
    throw badRequest(
      'There is no `default_payment_method` set on this Customer or Invoice. Please set a default payment method.',
      'resource_missing',
    )
  }

  function customerOf({ head }: InvoiceEntry): Customer | null {
    const customer = typeof head.customer === 'string' ? state.customers.get(head.customer) : undefined
    return isLive(customer) ? customer : null
  }

  function pendingOf(customer: string, currency: string): readonly InvoiceItem[] {
    return [...state.pendingItems.values()].filter(item => item.customer === customer && item.currency === currency)
  }

  function moveBalance(head: InvoiceHead, by: number, act: Act): void {
    const customer = typeof head.customer === 'string' ? state.customers.get(head.customer) : undefined
    if (by !== 0 && isLive(customer)) customers.change(customer.id, { balance: customer.balance + by }, act)
  }
}

/**
 * Cards that are for tests need not be attached here. Source: docs.stripe.com/testing, declined payments.
 */
function declineOf(params: Params): Decline | null {
  const method = text(params, 'payment_method')
  if (method === 'pm_card_chargeDeclined') {
    return {
      type: 'card_error',
      code: 'card_declined',
      decline_code: 'generic_decline',
      message: 'Your card was declined.',
    }
  }
  if (method === 'pm_card_chargeDeclinedInsufficientFunds') {
    const message = 'Your card has insufficient funds.'
    return { type: 'card_error', code: 'card_declined', decline_code: 'insufficient_funds', message }
  }
  return null
}

function refuseUnless({ head }: InvoiceEntry, statuses: readonly string[], message: string): void {
  if (statuses.includes(head.status ?? '')) return
  throw badRequest(`${message} This invoice is ${head.status}.`, 'status_transition_invalid')
}

function or<T>(given: T | undefined, held: T): T {
  return given === undefined ? held : given
}
