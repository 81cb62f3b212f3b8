import { randomUUID } from 'node:crypto'
import { GraphQLError } from 'graphql'
import type { CustomerContact, GraphContext, WriteSteps, Written } from '../../contract.ts'
import { normalizeEmail } from '../../../schema/values.ts'
import { valueOrNull } from '../../lenient.ts'
import { VendorError } from '../../vendor-error.ts'
import { billToPatch } from './bill-to.ts'
import type { StripeClient } from './client.ts'
import { observedCustomer, recordRef, system } from './mapping.ts'
import type { CustomerRecord } from './records.ts'
import { billToKey, customerKey, newCustomer, stepNames, updatedCustomer } from './unfinished.ts'

export interface BillingRecordPorts {
  readonly client: StripeClient
  /** Stands before every idempotency key; see index.ts. */
  readonly writeMark: string
  /** Never the same twice. */
  readonly newId?: () => string
}

export interface BillingRecord {
  readonly id: string
  /** What is to be told of it. */
  readonly written: readonly Written[]
}

/** A contact that many were merged into has their addresses; each is a question or two to Stripe, at the first order only. */
const mostOtherEmails = 10

/**
 * The billing record an order goes to, with the CRM's present name, e-mail address, telephone and address: an invoice shows what its
 * customer has. It is the record linked to the customer that leads, of those nothing contradicts; else one that Stripe has for the
 * customer and that was not heard of here yet; else a new one. Which one is decided once for a write: with another customer the
 * same keys would be refused.
 *
 * The update needs no step of its own, and a draft shows what its customer has until it is finalised. Each run reads both sides and writes what differs at that time, under a key of its own: a
 * key made of the content would be answered with an old answer once the content is there again. What is written stays when the
 * order is taken back, for it is what the owner says.
 */
export function openBillingRecords({ client, writeMark, newId = randomUUID }: BillingRecordPorts) {
  return async (customerId: string, context: GraphContext, steps: WriteSteps): Promise<BillingRecord> => {
    const decided = steps.result(stepNames.customer) ?? steps.result(stepNames.newCustomer)
    const contact = await presentOf(customerId, context)
    // What the CRM has merged: the order is the winner's, and what is linked to the loser is the winner's once the merge is known here.
    if (contact.id !== customerId) await context.customers.answering(customerId)
    const record = decided === null ? await chosen(customerId, contact, context, steps) : await known(decided, context)
    if (contact.email === null && (valueOrNull(record.email) ?? '') === '') throw withoutEmail()
    const written = await upToDate(record, contact, context, steps)
    // An earlier run may have written it, and has told of nothing.
    const toldLate = decided !== null && written.length === 0 ? updatedCustomer(steps) : []
    return { id: record.id, written: [...written, ...toldLate, ...newCustomer(steps)] }
  }

  /** @param asked the id that the write names */
  async function chosen(
    asked: string,
    contact: CustomerContact,
    context: GraphContext,
    steps: WriteSteps,
  ): Promise<CustomerRecord> {
    const isSent = steps.sentAt(stepNames.newCustomer) !== null
    const linked = isSent ? null : await linkedTo(contact.id, context)
    if (linked !== null) return billed(linked, steps)
    const ids = new Set([contact.id, asked, ...contact.formerIds])
    // Two first orders at once would each make a record: the second one finds the first one's in Stripe's list. The first one may have begun
    // before a merge, and then holds the loser's name only.
    return aloneWith([...ids].toSorted(), steps, async () => {
      if (isSent) return made(contact.id, contact, context, steps)
      // An order that began before a merge may have waited here for one that began after it.
      const present = await presentOf(asked, context)
      if (present.id !== contact.id || present.formerIds.some(id => !ids.has(id))) throw mergedMeanwhile(present.id)
      // What is known by now, and was not a moment ago, is linked by now.
      const found = (await unheardOf(ids, present, context)) ?? (await linkedTo(contact.id, context))
      return found === null ? made(contact.id, present, context, steps) : billed(found, steps)
    })
  }

  async function presentOf(customerId: string, context: GraphContext): Promise<CustomerContact> {
    const contact = await context.customers.contactOf(customerId)
    if (contact !== null) return contact
    throw refused('input.customerId: expected the id of a customer, got one that the CRM no longer has')
  }

  /** Taken in one order, so that no two writes wait for each other. */
  function aloneWith<T>([id, ...rest]: readonly string[], steps: WriteSteps, work: () => Promise<T>): Promise<T> {
    if (id === undefined) return work()
    return steps.alone(`billing record of customer ${id}`, () => aloneWith(rest, steps, work))
  }

  async function billed(record: CustomerRecord, steps: WriteSteps): Promise<CustomerRecord> {
    await steps.keep(stepNames.customer, record.id)
    return record
  }

  async function made(
    customerId: string,
    contact: CustomerContact,
    context: GraphContext,
    steps: WriteSteps,
  ): Promise<CustomerRecord> {
    if (contact.email === null && steps.result(stepNames.emailOf) === null) throw withoutEmail()
    // What the key is sent with is the same in each run; what has changed since is written by the update.
    const email = await steps.keep(stepNames.emailOf, contact.email ?? '')
    const crmId = await steps.keep(stepNames.customerOf, customerId)
    const answer: { record: CustomerRecord | null } = { record: null }
    const key = customerKey(`${writeMark}-${steps.key}`)
    const id = await steps.step(stepNames.newCustomer, steps.key, {
      send: async () => {
        answer.record = await client.createCustomer({ crmId, email }, key, context.call)
        return answer.record.id
      },
    })
    return answer.record ?? known(id, context)
  }

  /** @throws VendorError when each of them is contradicted */
  async function linkedTo(customerId: string, context: GraphContext): Promise<CustomerRecord | null> {
    const all = await context.links.recordsOf({ type: 'Customer', id: customerId }, system)
    const linked = all.filter(({ record }) => record.kind === 'customer')
    for (const { record } of linked.filter(({ isContradicted }) => !isContradicted)) {
      // One that was deleted a moment ago may still be linked.
      const customer = await client.customer(record.id, context.call)
      if (customer !== null) return customer
    }
    const contradicted = linked.find(({ isContradicted }) => isContradicted)
    if (contradicted === undefined) return null
    throw refused(
      `Customer.links: the billing record ${contradicted.record.id} has the e-mail address of another customer. Say with linkRecord whose it is, then order again`,
    )
  }

  /** Made in Stripe a moment ago, or while its webhooks did not arrive: a second record of one customer would bill twice. */
  async function unheardOf(
    ids: ReadonlySet<string>,
    { email, otherEmails }: CustomerContact,
    context: GraphContext,
  ): Promise<CustomerRecord | null> {
    const emails = [...(email === null ? [] : [email]), ...otherEmails.slice(0, mostOtherEmails)]
    const addresses = emails.flatMap(one => normalizeEmail(one) ?? [])
    const searches = new Set([...emails.map(one => one.toLowerCase()), ...addresses])
    const spellings = new Set([...emails, ...searches])
    const lists = await Promise.all([...spellings].map(async one => client.customersByEmail(one, context.call)))
    const listed = await unknownOf(lists.flat())
    if (listed !== null) return listed
    // Typed otherwise there: only a search finds it, up to a minute late.
    const found = await Promise.all([...searches].map(async one => client.customersSearchedByEmail(one, context.call)))
    return unknownOf(found.flat())

    async function unknownOf(customers: readonly CustomerRecord[]): Promise<CustomerRecord | null> {
      for (const customer of customers) {
        const { record, names, email: held } = observedCustomer(customer)
        if (names !== null && !ids.has(names.id)) continue
        if (held === null || !(emails.includes(held) || addresses.includes(normalizeEmail(held) ?? ''))) continue
        // One that is known and not linked is another customer's, or of none as a person said, or for a person to settle.
        if (!(await context.links.isKnown(record))) return customer
      }
      return null
    }
  }

  async function known(id: string, context: GraphContext): Promise<CustomerRecord> {
    const customer = await client.customer(id, context.call)
    if (customer !== null) return customer
    throw new VendorError(system, 'not-found', `the billing record ${id} was deleted while its order was made`)
  }

  /** @returns what is to be told of it: that it was updated, or that it is there */
  async function upToDate(
    record: CustomerRecord,
    contact: CustomerContact,
    { call, links }: GraphContext,
    steps: WriteSteps,
  ): Promise<readonly Written[]> {
    const patch = billToPatch(contact, record)
    const isKnown =
      steps.result(stepNames.newCustomer) !== null || (await links.isKnown(recordRef('customer', record.id)))
    if (patch === null) return isKnown ? [] : [updated(record)]
    const key = billToKey(`${writeMark}-${steps.key}`, newId())
    const customer = await client.updateCustomer(record.id, patch, key, call)
    const notKept = Object.keys(billToPatch(contact, customer) ?? {}).join(', ')
    if (notKept !== '') {
      throw new VendorError(system, 'incomplete', `customer ${record.id} did not keep ${notKept} as sent`, {
        inputFault: `No order was made: billing answered success, but did not keep what the CRM has for ${notKept}.`,
      })
    }
    return [updated(customer)]
  }
}

function updated(customer: CustomerRecord): Written {
  return {
    kind: 'UPDATED',
    record: recordRef('customer', customer.id),
    fields: ['links'],
    observed: observedCustomer(customer),
  }
}

/** Source: Stripe API, "In order to create invoices that are sent to the customer, the customer must have a valid email". */
function withoutEmail(): VendorError {
  return refused(
    'Customer.email: expected an e-mail address, for billing keeps it with the order; the customer has none',
  )
}

function mergedMeanwhile(id: string): GraphQLError {
  return new GraphQLError(`The CRM has just merged customers into ${id}: nothing was made. Ask again.`, {
    extensions: { code: 'NOT_READY', isRetryable: true },
  })
}

function refused(inputFault: string): VendorError {
  return new VendorError(system, 'rejected', 'the order cannot be billed as it is', { inputFault })
}
