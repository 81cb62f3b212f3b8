import { billTo, blankCustomer } from './blank.ts'
import { badRequest } from './errors.ts'
import { integer, mergeMetadata, nested, refuseUnknown, text } from './params.ts'
import { paymentMethodOf } from './state.ts'
import type { Act } from './events.ts'
import type { Params } from './params.ts'
import type { Customer, DeletedCustomer } from './records.ts'
import type { StripeState } from './state.ts'

export interface Customers {
  create(params: Params, act: Act): Customer
  update(id: string, params: Params, act: Act): Customer
  delete(id: string, act: Act): DeletedCustomer
  /** What the account itself changes: balance, currency. */
  change(id: string, patch: Partial<Customer>, act: Act): Customer
}

export const customerFields = [
  'address',
  'balance',
  'description',
  'email',
  'invoice_settings',
  'metadata',
  'name',
  'phone',
] as const

const addressFields = ['city', 'country', 'line1', 'line2', 'postal_code', 'state'] as const

/** Source: Stripe API reference, customers. */
export function createCustomers(state: StripeState): Customers {
  return {
    create(params, act) {
      const customer = patched(blankCustomer(state.newId('cus'), state.now()), params)
      state.customers.set(customer.id, customer)
      state.events.emit('customer.created', customer, act)
      return customer
    },
    update: (id, params, act) => replace(state.customer(id), patched(state.customer(id), params), act),
    delete(id, act) {
      const customer = state.customer(id)
      const deleted: DeletedCustomer = { id, object: 'customer', deleted: true }
      state.customers.set(id, deleted)
      for (const method of state.paymentMethods.values()) {
        if (method.customer === id) state.paymentMethods.set(method.id, { ...method, customer: null })
      }
      state.events.emit('customer.deleted', customer, act)
      return deleted
    },
    change: (id, patch, act) => replace(state.customer(id), { ...state.customer(id), ...patch }, act),
  }

  function replace(before: Customer, after: Customer, act: Act): Customer {
    state.customers.set(after.id, after)
    // Drafts show what their customer has until they are finalized. Source: types of the SDK, `Invoice.customer_name`.
    for (const [invoiceId, entry] of state.invoices) {
      const { head } = entry
      if (head.status === 'draft' && head.customer === after.id)
        state.invoices.set(invoiceId, { ...entry, head: { ...head, ...billTo(after) } })
    }
    state.events.emitUpdate('customer.updated', before, after, act)
    return after
  }

  function patched(customer: Customer, params: Params): Customer {
    const { address = null, description, email, name = null, phone = null, invoice_settings: settings } = customer
    return {
      ...customer,
      address: addressIn(params, address),
      balance: integer(params, 'balance') ?? customer.balance,
      description: or(text(params, 'description'), description),
      email: or(emailIn(params), email),
      invoice_settings: settingsIn(customer.id, params, settings),
      metadata: mergeMetadata(params, customer.metadata),
      name: or(text(params, 'name'), name),
      phone: or(phoneIn(params), phone),
    }
  }

  function settingsIn(id: string, params: Params, held: Customer['invoice_settings']): Customer['invoice_settings'] {
    const given = nested(params, 'invoice_settings')
    if (given === undefined || given === null) return held
    refuseUnknown(given, ['default_payment_method', 'footer'])
    const method = text(given, 'default_payment_method')
    if (typeof method === 'string') paymentMethodOf(state, id, method, 'invoice_settings[default_payment_method]')
    return {
      ...held,
      default_payment_method: or(method, held.default_payment_method),
      footer: or(text(given, 'footer'), held.footer),
    }
  }
}

/** What is not sent of an address stays; an empty `address` takes it away. */
function addressIn(params: Params, held: Customer['address'] | null): Customer['address'] | null {
  const given = nested(params, 'address')
  if (given === undefined || given === null) return or(given, held)
  refuseUnknown(given, addressFields)
  const merged = held ?? { city: null, country: null, line1: null, line2: null, postal_code: null, state: null }
  return {
    city: or(text(given, 'city'), merged.city),
    country: or(text(given, 'country'), merged.country),
    line1: or(text(given, 'line1'), merged.line1),
    line2: or(text(given, 'line2'), merged.line2),
    postal_code: or(text(given, 'postal_code'), merged.postal_code),
    state: or(text(given, 'state'), merged.state),
  }
}

function emailIn(params: Params): string | null | undefined {
  const email = text(params, 'email')
  if (typeof email !== 'string' || /^\S+@\S+$/.test(email.trim())) return email
  throw badRequest('Invalid email address', 'email_invalid', 'email')
}

/** Source: odoo/odoo#109728. */
function phoneIn(params: Params): string | null | undefined {
  const phone = text(params, 'phone')
  if (typeof phone !== 'string' || phone.length <= 20) return phone
  throw badRequest('Invalid phone number: must be at most 20 characters', 'parameter_invalid', 'phone')
}

function or<T>(given: T | undefined, held: T): T {
  return given === undefined ? held : given
}
