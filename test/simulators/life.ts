/** A life of its own for the simulated business: customers move, orders are paid, jobs are rescheduled. */

export interface LifeOptions {
  readonly hubspot: Account
  readonly stripe: Account
  readonly asana: Account
  /** Of the Asana project that holds the jobs. */
  readonly project?: string
  /** The custom field of a task that names its customer. */
  readonly customerField?: string
  /** In [0, 1); decides what happens, so that one seed gives one life. */
  readonly random: () => number
  /** Between two happenings, on average. */
  readonly everyMs?: number
  readonly clock?: () => Date
  /** Told of each happening in one line: `customer 101 moved to 12 Mill Lane, Leeds`. */
  readonly tell?: (line: string) => void
}

/** Where a vendor's API is, and the token to call it with. */
export interface Account {
  readonly url: string
  readonly token: string
}

export interface Life {
  start(): void
  /** Lets one thing happen now. @returns what it was; null when the vendor refused or there was nothing to do it to */
  step(): Promise<string | null>
  /** Resolves when nothing it began is under way any more. */
  stop(): Promise<void>
}

export function createLife(options: LifeOptions): Life {
  const { random, everyMs = 4000, project = '99', customerField = '123' } = options
  const clock = options.clock ?? (() => new Date())
  const tell = options.tell ?? (() => undefined)
  let timer: NodeJS.Timeout | null = null
  let isRunning = false
  let underWay: Promise<unknown> = Promise.resolve()

  const happenings: readonly { readonly weight: number; readonly happen: () => Promise<string | null> }[] = [
    { weight: 3, happen: customerMoves },
    { weight: 3, happen: customerChangesPhone },
    { weight: 2, happen: leadBecomesCustomer },
    { weight: 3, happen: orderIsPaid },
    { weight: 2, happen: orderIsWritten },
    { weight: 4, happen: jobIsRescheduled },
    { weight: 4, happen: jobMovesOn },
    { weight: 1, happen: jobComesIn },
  ]

  return {
    start() {
      if (isRunning) return
      isRunning = true
      schedule()
    },
    step,
    async stop() {
      isRunning = false
      if (timer !== null) clearTimeout(timer)
      timer = null
      await underWay
    },
  }

  function schedule(): void {
    // Between half and one and a half times the average, as life is.
    timer = setTimeout(() => void step().then(() => (isRunning ? schedule() : undefined)), everyMs * (0.5 + random()))
    timer.unref()
  }

  function step(): Promise<string | null> {
    const happened = underWay.then(happenOnce)
    underWay = happened
    return happened
  }

  async function happenOnce(): Promise<string | null> {
    const total = happenings.reduce((sum, { weight }) => sum + weight, 0)
    let at = random() * total
    const chosen = happenings.find(({ weight }) => (at -= weight) < 0) ?? happenings[0]
    // A vendor that is told to fail fails here too; life goes on.
    const line = await chosen?.happen().catch(() => null)
    if (typeof line === 'string') tell(line)
    return line ?? null
  }

  async function customerMoves(): Promise<string | null> {
    const id = await someContact()
    const place = one(places)
    const street = `${1 + Math.floor(random() * 180)} ${one(streets)}`
    if (id === null || place === null) return null
    await patchContact(id, { address: street, city: place.city, state: place.state, zip: place.zip })
    return `customer ${id} moved to ${street}, ${place.city}`
  }

  async function customerChangesPhone(): Promise<string | null> {
    const id = await someContact()
    // The first customer's number is what people try to change: nobody else does.
    if (id === null || id === '101') return null
    const phone = `+155501${String(Math.floor(random() * 100)).padStart(2, '0')}`
    await patchContact(id, { phone })
    return `customer ${id} has a new phone number`
  }

  async function leadBecomesCustomer(): Promise<string | null> {
    const found = await call(options.hubspot, 'POST', '/crm/v3/objects/contacts/search', {
      filterGroups: [{ filters: [{ propertyName: 'lifecyclestage', operator: 'EQ', value: 'lead' }] }],
      properties: ['lifecyclestage'],
      limit: 20,
    })
    const id = one(textsAt(found, 'results', 'id'))
    if (id === null) return null
    await patchContact(id, { lifecyclestage: 'customer' })
    return `lead ${id} became a customer`
  }

  async function orderIsPaid(): Promise<string | null> {
    const open = await call(options.stripe, 'GET', '/v1/invoices?status=open&limit=20')
    const id = one(textsAt(open, 'data', 'id'))
    if (id === null) return null
    await call(options.stripe, 'POST', `/v1/invoices/${id}/pay`, { paid_out_of_band: 'true' })
    return `order ${id} was paid`
  }

  async function orderIsWritten(): Promise<string | null> {
    const customers = await call(options.stripe, 'GET', '/v1/customers?limit=50')
    const customer = one(customersWithEmail(customers))
    const work = one(works)
    if (customer === null || work === null) return null
    const terms = { collection_method: 'send_invoice', days_until_due: '14' }
    const id = textAt(await call(options.stripe, 'POST', '/v1/invoices', { customer, currency: 'usd', ...terms }), 'id')
    if (id === null) return null
    const amount = String(5000 + Math.floor(random() * 90) * 500)
    const line = { customer, invoice: id, amount, currency: 'usd', description: work }
    await call(options.stripe, 'POST', '/v1/invoiceitems', line)
    await call(options.stripe, 'POST', `/v1/invoices/${id}/finalize`, {})
    return `order ${id} was written for ${customer}: ${work}`
  }

  async function jobIsRescheduled(): Promise<string | null> {
    const gid = await someOpenTask()
    if (gid === null) return null
    const due = new Date(clock().getTime() + (1 + Math.floor(random() * 21)) * 86_400_000).toISOString().slice(0, 10)
    // A start after the new end would make no sense.
    await call(options.asana, 'PUT', `/api/1.0/tasks/${gid}`, { data: { start_on: null, due_on: due } })
    return `job ${gid} was rescheduled to ${due}`
  }

  async function jobMovesOn(): Promise<string | null> {
    const gid = await someOpenTask()
    if (gid === null) return null
    const sections = await call(options.asana, 'GET', `/api/1.0/projects/${project}/sections`)
    const gids = textsAt(sections, 'data', 'gid')
    const task = await call(options.asana, 'GET', `/api/1.0/tasks/${gid}?opt_fields=memberships.section.gid`)
    const here = sectionOf(task)
    const next = gids[(here === null ? -1 : gids.indexOf(here)) + 1]
    if (next === undefined) return null
    await call(options.asana, 'POST', `/api/1.0/sections/${next}/addTask`, { data: { task: gid } })
    const isLast = next === gids.at(-1)
    if (isLast) await call(options.asana, 'PUT', `/api/1.0/tasks/${gid}`, { data: { completed: true } })
    return isLast ? `job ${gid} is done` : `job ${gid} moved on`
  }

  async function jobComesIn(): Promise<string | null> {
    const contact = await someContact()
    const name = one(works)
    if (contact === null || name === null) return null
    const due = new Date(clock().getTime() + (2 + Math.floor(random() * 14)) * 86_400_000).toISOString().slice(0, 10)
    const created = await call(options.asana, 'POST', '/api/1.0/tasks', {
      data: { name, projects: [project], due_on: due, custom_fields: { [customerField]: contact } },
    })
    const gid = textAt(isRecord(created) ? created['data'] : null, 'gid')
    return gid === null ? null : `job ${gid} came in for customer ${contact}: ${name}`
  }

  /** The first customer more often than others, so that whoever looks at it sees something. */
  async function someContact(): Promise<string | null> {
    if (random() < 0.25) return '101'
    const page = await call(options.hubspot, 'GET', '/crm/v3/objects/contacts?limit=100')
    return one(textsAt(page, 'results', 'id'))
  }

  async function someOpenTask(): Promise<string | null> {
    if (random() < 0.2) {
      const task = await call(options.asana, 'GET', '/api/1.0/tasks/55?opt_fields=completed').catch(() => null)
      const data = isRecord(task) ? task['data'] : null
      if (isRecord(data) && data['completed'] === false) return '55'
    }
    const open = `/api/1.0/tasks?project=${project}&completed_since=now&limit=50`
    return one(textsAt(await call(options.asana, 'GET', open), 'data', 'gid'))
  }

  async function patchContact(id: string, properties: Readonly<Record<string, string>>): Promise<void> {
    await call(options.hubspot, 'PATCH', `/crm/v3/objects/contacts/${id}`, { properties })
  }

  function one<T>(from: readonly T[]): T | null {
    return from[Math.floor(random() * from.length)] ?? null
  }

  /** Stripe takes forms, the others JSON. @throws when the answer is no 2xx with JSON */
  async function call(account: Account, method: string, path: string, body?: object): Promise<unknown> {
    const isForm = account === options.stripe
    const type = isForm ? 'application/x-www-form-urlencoded' : 'application/json'
    const response = await fetch(`${account.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${account.token}`, ...(body === undefined ? {} : { 'content-type': type }) },
      body: body === undefined ? undefined : isForm ? form(body) : JSON.stringify(body),
      signal: AbortSignal.timeout(5000),
    })
    const answer = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`)
    const parsed: unknown = JSON.parse(answer)
    return parsed
  }
}

const streets = ['Mill Lane', 'Station Road', 'Church Street', 'Park Avenue', 'Harbour View', 'Orchard Close'] as const

const places = [
  { city: 'Springfield', state: 'IL', zip: '62701' },
  { city: 'Portland', state: 'OR', zip: '97201' },
  { city: 'Burlington', state: 'VT', zip: '05401' },
  { city: 'Asheville', state: 'NC', zip: '28801' },
  { city: 'Boulder', state: 'CO', zip: '80302' },
] as const

const works = [
  'Boiler service',
  'Replace radiator valve',
  'Repair leaking tap',
  'Install thermostat',
  'Clear blocked drain',
  'Bleed and balance radiators',
] as const

function form(body: object): string {
  const fields = new URLSearchParams()
  for (const [field, value] of Object.entries(body)) fields.set(field, String(value))
  return fields.toString()
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function textAt(value: unknown, field: string): string | null {
  const found = isRecord(value) ? value[field] : null
  return typeof found === 'string' ? found : null
}

/** `field` of each row of the list that stands at `list`. */
function textsAt(value: unknown, list: string, field: string): readonly string[] {
  const rows = isRecord(value) ? value[list] : null
  if (!Array.isArray(rows)) return []
  return rows.flatMap(row => textAt(row, field) ?? [])
}

/** Nobody else can be sent an invoice. */
function customersWithEmail(page: unknown): readonly string[] {
  const rows = isRecord(page) && Array.isArray(page['data']) ? page['data'] : []
  return rows.flatMap(row => ((textAt(row, 'email') ?? '').trim() === '' ? [] : (textAt(row, 'id') ?? [])))
}

function sectionOf(task: unknown): string | null {
  const data = isRecord(task) ? task['data'] : null
  const memberships = isRecord(data) ? data['memberships'] : null
  const first: unknown = Array.isArray(memberships) ? memberships[0] : null
  return isRecord(first) ? textAt(first['section'], 'gid') : null
}
