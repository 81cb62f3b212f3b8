import { seededRandom } from './random.ts'
import { catalogue, firstNames, lastNames, places, remarks, staffNames, streets, works } from './words.ts'

/**
 * One field-service business as its CRM, its billing system and its jobs tool each have it, with the disagreements
 * such businesses have. Vendor-neutral: every simulator fills its own state from it.
 */
export interface Business {
  /** The clock's time when it was made; everything lies in the two years before, schedules aside. */
  readonly now: Date
  readonly contacts: readonly Contact[]
  /** Ids the CRM retired: it answers with the winner. */
  readonly merges: readonly { readonly from: string; readonly into: string }[]
  readonly products: readonly Product[]
  readonly accounts: readonly BillingAccount[]
  readonly invoices: readonly Invoice[]
  readonly staff: readonly Staff[]
  readonly stages: readonly string[]
  readonly jobs: readonly Job[]
}

export interface Address {
  readonly street: string
  readonly city: string
  readonly state: string
  readonly zip: string
  readonly country: string
}

/** A person in the CRM. */
export interface Contact {
  readonly id: string
  readonly firstName: string
  readonly lastName: string
  readonly email: string | null
  readonly phone: string | null
  readonly address: Address | null
  readonly company: string | null
  readonly stage: 'lead' | 'opportunity' | 'customer'
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** A customer of the billing system. */
export interface BillingAccount {
  readonly id: string
  readonly name: string
  readonly email: string | null
  readonly phone: string | null
  readonly address: Address | null
  /** The CRM's id where somebody noted it. */
  readonly crmId: string | null
  readonly currency: 'usd' | 'eur'
  /** In the currency's minor unit; negative is credit. */
  readonly balance: number
  readonly card: Card | null
  readonly createdAt: Date
}

export interface Card {
  readonly id: string
  readonly brand: 'visa' | 'mastercard' | 'amex'
  readonly last4: string
  readonly expiryMonth: number
  readonly expiryYear: number
}

export interface Product {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly isActive: boolean
  readonly prices: readonly Price[]
  readonly createdAt: Date
}

export interface Price {
  readonly id: string
  readonly currency: 'usd' | 'eur'
  /** In the currency's minor unit. */
  readonly amount: number
}

export interface Invoice {
  readonly id: string
  /** null while it is a draft. */
  readonly number: string | null
  readonly accountId: string
  readonly status: 'draft' | 'open' | 'paid' | 'void' | 'uncollectible'
  readonly currency: 'usd' | 'eur'
  readonly memo: string | null
  readonly lines: readonly InvoiceLine[]
  readonly createdAt: Date
  readonly finalizedAt: Date | null
  readonly dueAt: Date | null
  readonly paidAt: Date | null
  /** When it became void or uncollectible. */
  readonly closedAt: Date | null
}

export interface InvoiceLine {
  readonly id: string
  readonly productId: string
  readonly priceId: string
  readonly description: string
  readonly quantity: number
  /** In the currency's minor unit. */
  readonly unitAmount: number
}

/** Who does the work. */
export interface Staff {
  readonly id: string
  readonly name: string
  readonly email: string
}

/** A task in the jobs tool. */
export interface Job {
  readonly id: string
  readonly title: string
  readonly notes: string
  readonly stage: string
  /** What somebody wrote into the customer field: a contact's id, an account's, an e-mail, nonsense, or nothing. */
  readonly customer: string | null
  /** What somebody wrote into the order field: an invoice's id or number, or nothing. */
  readonly order: string | null
  readonly staffId: string | null
  /** `YYYY-MM-DD` */
  readonly startsOn: string | null
  readonly dueOn: string | null
  /** Where a time of day was agreed. */
  readonly dueAt: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly completedAt: Date | null
}

export interface BusinessOptions {
  readonly seed?: number
  readonly customers?: number
  readonly orders?: number
  readonly jobs?: number
  readonly now?: Date
}

const dayMs = 86_400_000
const twoYearsMs = 730 * dayMs

const stages = ['Requested', 'Scheduled', 'In progress', 'Done'] as const

/** The same options make the same business. Pure. */
export function seedBusiness(options: BusinessOptions = {}): Business {
  const { seed = 1, customers = 500, orders = 2000, jobs = 1500, now = new Date('2026-06-01T09:00:00.000Z') } = options
  const random = seededRandom(seed)
  const whole = (below: number) => Math.floor(random() * below)
  const one = <const T>(from: readonly T[]): T => {
    const found = from[whole(from.length)]
    if (found === undefined) throw new Error('nothing to choose from')
    return found
  }
  const chance = (share: number) => random() < share
  const between = (from: Date, to: Date) =>
    new Date(from.getTime() + Math.floor(random() * Math.max(1, to.getTime() - from.getTime())))
  const since = new Date(now.getTime() - twoYearsMs)

  const contacts = Array.from({ length: Math.max(1, customers) }, (_, at) => contact(101 + at))
  // Two people in the CRM that turned out to be one: the second's id lives on.
  const winner = contacts[Math.min(contacts.length - 1, 49)]
  const retired = String(101 + contacts.length)
  const merges = winner === undefined ? [] : [{ from: retired, into: winner.id }]

  const products = catalogue.map(([name, description, amount], at) => product(at, name, description, amount))
  const accounts = billingAccounts()
  const invoices = writeInvoices()
  const accountsOf = groupByContact()
  const staff = staffNames.map((name, at) => ({
    id: String(301 + at),
    name,
    email: `${name.toLowerCase().replaceAll(' ', '.')}@example.com`,
  }))
  return { now, contacts, merges, products, accounts, invoices, staff, stages, jobs: planJobs() }

  function contact(id: number): Contact {
    const isFirst = id === 101
    const firstName = isFirst ? 'Ada' : one(firstNames)
    const lastName = isFirst ? 'Larkin' : one(lastNames)
    const createdAt = between(since, new Date(now.getTime() - dayMs))
    const domain = one(['example.com', 'example.org', 'example.net'])
    return {
      id: String(id),
      firstName,
      lastName,
      // Unique, as the CRM demands.
      email: !isFirst && chance(0.03) ? null : `${firstName}.${lastName}${isFirst ? '' : id}@${domain}`.toLowerCase(),
      phone: !isFirst && chance(0.1) ? null : phone(),
      address: !isFirst && chance(0.08) ? null : address(),
      company: chance(0.25) ? `${lastName} ${one(['Properties', 'Bakery', 'Dental', 'Lettings', 'Motors'])}` : null,
      stage: isFirst || chance(0.87) ? 'customer' : chance(0.7) ? 'lead' : 'opportunity',
      createdAt,
      updatedAt: between(createdAt, now),
    }
  }

  function phone(): string {
    return `555-01${String(whole(100)).padStart(2, '0')}`
  }

  function address(): Address {
    const place = one(places)
    return { street: `${1 + whole(240)} ${one(streets)}`, ...place, country: 'US' }
  }

  function product(at: number, name: string, description: string, amount: number): Product {
    const id = `prod_${String(at + 1).padStart(3, '0')}`
    const usd = { id: `price_${String(at + 1).padStart(3, '0')}_usd`, currency: 'usd', amount } as const
    const eur = {
      id: `price_${String(at + 1).padStart(3, '0')}_eur`,
      currency: 'eur',
      amount: Math.round(amount * 0.92),
    } as const
    // The last two are sold no more.
    return { id, name, description, isActive: at < catalogue.length - 2, prices: [usd, eur], createdAt: since }
  }

  function billingAccounts(): readonly BillingAccount[] {
    const made: BillingAccount[] = []
    let number = 100
    const nextId = () => {
      number += 1
      return `cus_${number}`
    }
    for (const contact of contacts) {
      if (contact.id === '101') {
        made.push(account('cus_9', contact, '101'), { ...account('cus_12', contact, '101'), currency: 'usd' })
        continue
      }
      if (contact.stage === 'lead') continue
      const kind = random()
      if (kind < 0.74) made.push(account(nextId(), contact, contact.id))
      else if (kind < 0.87) made.push(byEmail(account(nextId(), contact, null), contact))
      else if (kind < 0.93) made.push(account(nextId(), contact, contact.id), account(nextId(), contact, contact.id))
    }
    // The merged contact's billing record still names the old id.
    if (winner !== undefined && winner.id !== '101') made.push(account(nextId(), winner, retired))
    // Known to billing alone.
    for (let at = 0; at < Math.max(1, Math.round(contacts.length * 0.01)); at += 1) {
      const firstName = one(firstNames)
      const lastName = one(lastNames)
      const email = `${firstName}.${lastName}.walkin${at + 1}@example.net`.toLowerCase()
      const stranger = {
        firstName,
        lastName,
        email,
        phone: phone(),
        address: address(),
        createdAt: between(since, now),
      }
      made.push(account(nextId(), stranger, null))
    }
    return made
  }

  /** Mostly as the CRM has it; sometimes billing was told something else, or later. */
  function account(
    id: string,
    person: Pick<Contact, 'firstName' | 'lastName' | 'email' | 'phone' | 'address' | 'createdAt'>,
    crmId: string | null,
  ): BillingAccount {
    const hasDrifted = crmId !== null && crmId !== '101' && chance(0.06)
    const name = `${person.firstName} ${person.lastName}`
    return {
      id,
      name: chance(0.06) ? `${person.lastName}, ${person.firstName}` : name,
      email: hasDrifted ? `billing.${person.lastName}.${id.slice(4)}@example.org`.toLowerCase() : person.email,
      phone: chance(0.08) ? phone() : person.phone,
      address: chance(0.08) ? address() : person.address,
      crmId,
      currency: chance(0.08) ? 'eur' : 'usd',
      balance: chance(0.05) ? -500 * (1 + whole(20)) : 0,
      card: chance(0.6) ? card(id) : null,
      createdAt: between(person.createdAt, now),
    }
  }

  /** Matched by its e-mail alone, which somebody typed in their own way. */
  function byEmail(account: BillingAccount, { email }: Contact): BillingAccount {
    if (email === null) return account
    const spelling = random()
    if (spelling < 0.25) return { ...account, email: email.toUpperCase() }
    if (spelling < 0.45) return { ...account, email: ` ${email} ` }
    return { ...account, email }
  }

  function card(accountId: string): Card {
    const last4 = String(whole(10_000)).padStart(4, '0')
    const expiryYear = now.getUTCFullYear() + 1 + whole(4)
    const brand = one(['visa', 'mastercard', 'amex'])
    return { id: `pm_${accountId.slice(4)}`, brand, last4, expiryMonth: 1 + whole(12), expiryYear }
  }

  function writeInvoices(): readonly Invoice[] {
    const made: Invoice[] = []
    const first = accounts[0]
    if (first === undefined) return made
    for (let at = 0; at < orders; at += 1) {
      // The first customer has several on both its records.
      const fixed = at < 8 ? accounts.find(({ id }) => id === (at % 2 === 0 ? 'cus_9' : 'cus_12')) : undefined
      made.push(invoice(at + 1, fixed ?? accounts[whole(accounts.length)] ?? first))
    }
    return made
  }

  function invoice(at: number, account: BillingAccount): Invoice {
    const createdAt = between(account.createdAt, now)
    const ageMs = now.getTime() - createdAt.getTime()
    const id = `in_${String(at).padStart(5, '0')}`
    const fate = random()
    const status =
      ageMs < 2 * dayMs && fate < 0.3
        ? 'draft'
        : fate < 0.03
          ? 'draft'
          : fate < (ageMs < 45 * dayMs ? 0.4 : 0.08)
            ? 'open'
            : fate < 0.93
              ? 'paid'
              : fate < 0.97
                ? 'void'
                : 'uncollectible'
    const isDraft = status === 'draft'
    const finalizedAt = isDraft ? null : between(createdAt, soon(createdAt, 2))
    const dueAt = finalizedAt === null ? null : new Date(finalizedAt.getTime() + 14 * dayMs)
    const closing = finalizedAt === null ? null : between(finalizedAt, soon(finalizedAt, 30))
    return {
      id,
      number: isDraft ? null : `FS-${String(1000 + at)}`,
      accountId: account.id,
      status,
      currency: account.currency,
      memo: chance(0.2)
        ? one(['Thank you for your custom.', 'Parts under guarantee for two years.', 'As agreed by phone.'])
        : null,
      lines: Array.from({ length: 1 + whole(5) }, (_, line) =>
        invoiceLine(`il_${id.slice(3)}_${line + 1}`, account.currency),
      ),
      createdAt,
      finalizedAt,
      dueAt,
      paidAt: status === 'paid' ? closing : null,
      closedAt: status === 'void' || status === 'uncollectible' ? closing : null,
    }
  }

  function soon(after: Date, days: number): Date {
    return new Date(Math.min(now.getTime(), after.getTime() + days * dayMs))
  }

  function invoiceLine(id: string, currency: 'usd' | 'eur'): InvoiceLine {
    const product = products[whole(products.length)] ?? products[0]
    const price = product?.prices.find(price => price.currency === currency)
    if (product === undefined || price === undefined) throw new Error(`no price in ${currency}`)
    const quantity = 1 + whole(3)
    return {
      id,
      productId: product.id,
      priceId: price.id,
      description: product.name,
      quantity,
      unitAmount: price.amount,
    }
  }

  function planJobs(): readonly Job[] {
    const invoicesOf = new Map<string, Invoice[]>()
    for (const invoice of invoices) {
      const held = invoicesOf.get(invoice.accountId)
      if (held === undefined) invoicesOf.set(invoice.accountId, [invoice])
      else held.push(invoice)
    }
    const made: Job[] = []
    for (let at = 0; at < jobs; at += 1) {
      const fixed = at < 6 ? contacts[0] : undefined
      const contact = fixed ?? contacts[whole(contacts.length)] ?? contacts[0]
      if (contact === undefined) break
      // Fit for one jobs tool's ids: digits, and never those of another thing of it.
      made.push(job(at === 0 ? '55' : String(1200 + at), contact, at, invoicesOf))
    }
    return made
  }

  function job(id: string, contact: Contact, at: number, invoicesOf: ReadonlyMap<string, readonly Invoice[]>): Job {
    const mine = accountsOf.get(contact.id) ?? []
    const createdAt = between(new Date(Math.max(since.getTime(), contact.createdAt.getTime())), now)
    const ageDays = (now.getTime() - createdAt.getTime()) / dayMs
    const isFirst = id === '55'
    const stage = isFirst ? 'Scheduled' : ageDays > 45 && chance(0.93) ? 'Done' : one(stages)
    const isDone = stage === 'Done'
    const completedAt = isDone ? between(createdAt, soon(createdAt, 40)) : null
    const due = isDone ? (completedAt ?? createdAt) : new Date(now.getTime() + (whole(40) - 8) * dayMs)
    const dueOn = stage === 'Requested' && chance(0.6) ? null : due.toISOString().slice(0, 10)
    const hasTime = dueOn !== null && chance(0.3)
    const orders = mine.flatMap(({ id }) => invoicesOf.get(id) ?? [])
    const order = orders[whole(orders.length)]
    return {
      id,
      title: one(works),
      notes: chance(0.5) ? one(remarks) : '',
      stage,
      customer: at < 6 ? '101' : customerText(contact, mine),
      order:
        order === undefined || !chance(isFirst ? 1 : 0.6) ? null : chance(0.7) ? order.id : (order.number ?? order.id),
      staffId: stage === 'Requested' && chance(0.7) ? null : (staff[whole(staff.length)]?.id ?? null),
      startsOn:
        dueOn === null || hasTime || !chance(0.3)
          ? null
          : new Date(Date.parse(dueOn) - whole(3) * dayMs).toISOString().slice(0, 10),
      dueOn,
      dueAt: hasTime ? new Date(`${dueOn}T${String(8 + whole(9)).padStart(2, '0')}:00:00.000Z`) : null,
      createdAt,
      updatedAt: completedAt ?? between(createdAt, now),
      completedAt,
    }
  }

  function customerText(contact: Contact, mine: readonly BillingAccount[]): string | null {
    const kind = random()
    const account = mine[whole(mine.length)]
    if (kind < 0.03) return null
    if (kind < 0.05) return one(['see notes', 'Mr. Smith??', 'new customer', '0'])
    if (kind < 0.17 && account !== undefined) return account.id
    if (kind < 0.29 && contact.email !== null) return chance(0.3) ? contact.email.toUpperCase() : contact.email
    return winner !== undefined && contact.id === winner.id && chance(0.5) ? retired : contact.id
  }

  /** Whoever's account it is, named or not. */
  function groupByContact(): Map<string, BillingAccount[]> {
    const byEmailText = new Map(contacts.flatMap(({ id, email }) => (email === null ? [] : [[email, id] as const])))
    const grouped = new Map<string, BillingAccount[]>()
    for (const account of accounts) {
      const id = account.crmId ?? byEmailText.get((account.email ?? '').trim().toLowerCase())
      if (id === undefined) continue
      const held = grouped.get(id)
      if (held === undefined) grouped.set(id, [account])
      else held.push(account)
    }
    return grouped
  }
}
