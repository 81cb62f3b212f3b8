import { normalizeEmail, type Address } from '../../../schema/values.ts'
import type { CustomerContact } from '../../contract.ts'
import { valueOrNull } from '../../lenient.ts'
import { countryCode } from './countries.ts'
import type { CustomerRecord } from './records.ts'

/** An address as it is sent: always whole, for what Stripe does with half of one is not documented. Empty text clears a part. */
export interface AddressPatch {
  readonly line1: string
  readonly line2: string
  readonly city: string
  readonly state: string
  readonly postal_code: string
  readonly country: string
}

/** What is to be written to a billing record. */
export interface BillToPatch {
  readonly name?: string
  readonly email?: string
  readonly phone?: string
  readonly address?: AddressPatch
}

/** What a billing record shows of a customer. */
export type BillTo = Pick<CustomerContact, 'name' | 'email' | 'phone' | 'address'>

/** Longer ones are refused. Source: types of the SDK (name 256, email 512); odoo/odoo#109728 (phone 20). */
const most = { name: 256, email: 512, phone: 20 } as const

/**
 * What of a customer's contact details a billing record has otherwise. What the CRM does not have wipes nothing, and what does not
 * fit at Stripe is left out: a country that is neither a two-letter code nor a known name, a telephone number of more than 20
 * characters even without its extension, a name of more than 256.
 * @returns null when there is nothing to write
 */
export function billToPatch(
  contact: BillTo,
  customer: Pick<CustomerRecord, 'name' | 'email' | 'phone' | 'address'>,
): BillToPatch | null {
  const { name, email, phone } = contact
  const held = {
    name: valueOrNull(customer.name),
    email: valueOrNull(customer.email),
    phone: valueOrNull(customer.phone),
  }
  const fitting = fittingPhone(phone)
  const address = addressPatch(contact.address, heldAddress(customer))
  const patch: BillToPatch = {
    ...(name === null || name.length > most.name || inOneForm(name) === inOneForm(held.name) ? {} : { name }),
    ...(email === null || email.length > most.email || normalizeEmail(email) === normalizeEmail(held.email)
      ? {}
      : { email }),
    ...(fitting === null || dialled(fitting) === dialled(held.phone) ? {} : { phone: fitting }),
    ...(address === null ? {} : { address }),
  }
  return Object.keys(patch).length === 0 ? null : patch
}

/** As it is where it fits, else without extension, blanks and signs. */
function fittingPhone(phone: string | null): string | null {
  if (phone === null || phone.length <= most.phone) return phone
  const short = dialled(phone.replace(/\s*(?:ext\.?|extension|x|;ext=|#)\s*\d+\s*$/i, ''))
  return short !== '' && short.length <= most.phone ? short : null
}

function dialled(phone: string | null | undefined): string {
  return (phone ?? '').replace(/[^\d+]/g, '')
}

function inOneForm(text: string | null | undefined): string {
  return (text ?? '').normalize('NFC').replace(/\s+/g, ' ').trim()
}

function heldAddress({ address }: Pick<CustomerRecord, 'address'>): AddressPatch {
  const held = valueOrNull(address)
  const part = (name: keyof AddressPatch): string => (held === null ? '' : (valueOrNull(held[name]) ?? ''))
  return {
    line1: part('line1'),
    line2: part('line2'),
    city: part('city'),
    state: part('state'),
    postal_code: part('postal_code'),
    country: part('country'),
  }
}

/** Street lines are compared as one, as `Address.street` shows them. */
function addressPatch(address: Address | null, held: AddressPatch): AddressPatch | null {
  if (address === null) return null
  const country = countryCode(address.country)
  const before = countryCode(held.country)
  // Region and postal code of another country are not those of this one.
  const isAbroad = country !== null && before !== null && before !== country
  const kept = (part: string): string => (isAbroad ? '' : part)
  const street = [held.line1, held.line2].filter(line => line !== '').join(', ')
  const lines =
    address.street === null
      ? { line1: kept(held.line1), line2: kept(held.line2) }
      : inOneForm(address.street) === inOneForm(street)
        ? { line1: held.line1, line2: held.line2 }
        : { line1: address.street, line2: '' }
  const next: AddressPatch = {
    ...lines,
    city: address.city ?? kept(held.city),
    state: address.region ?? kept(held.state),
    postal_code: address.postalCode ?? kept(held.postal_code),
    country: country ?? held.country,
  }
  const parts = ['line1', 'line2', 'city', 'state', 'postal_code', 'country'] as const
  return parts.every(part => inOneForm(next[part]) === inOneForm(held[part])) ? null : next
}
