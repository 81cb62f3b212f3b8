import { describe, expect, test } from 'vitest'
import { asanaAccount, contact, hubspotAccount, stripeAccount, task, type Raw, type RawRecords } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'

const seconds = (text: string): number => Date.parse(text) / 1000

/** As Stripe's reference shows one, without what is not read. */
function invoice(id: string, more: Raw = {}): Raw {
  return {
    id,
    object: 'invoice',
    created: seconds('2026-01-10T12:00:00Z'),
    currency: 'eur',
    customer: 'cus_1',
    customer_email: 'jane@x.example',
    number: null,
    status: 'open',
    subtotal: 5000,
    total: 5000,
    amount_due: 5000,
    amount_paid: 0,
    amount_remaining: 5000,
    due_date: null,
    metadata: {},
    status_transitions: { finalized_at: seconds('2026-01-10T12:00:00Z'), paid_at: null },
    lines: { object: 'list', data: [], has_more: false, url: `/v1/invoices/${id}/lines` },
    ...more,
  }
}

const payer: Raw = {
  id: 'cus_1',
  object: 'customer',
  created: seconds('2026-01-01T00:00:00Z'),
  email: 'jane@x.example',
  balance: 0,
  currency: 'eur',
  metadata: { crm_id: '1' },
}

const section: Raw = { gid: '10', resource_type: 'section', name: 'Planned' }
const contacts = { '1': contact('1', { firstname: 'Jane', lastname: 'Müller-O’Brien', email: 'jane@x.example' }) }

const updated = (id: string, object: Raw) => ({
  id,
  object: 'event',
  api_version: '2026-10-28.endive',
  created: Math.floor(Date.now() / 1000),
  type: 'invoice.updated',
  data: { object, previous_attributes: {} },
})

describe('values of orders', () => {
  const invoices = (): RawRecords => ({
    in_1: invoice('in_1', { number: 'AB12-0001', due_date: seconds('2026-02-28T23:30:00Z') }),
    in_2: invoice('in_2', {
      number: 'AB12-0002',
      due_date: seconds('2026-03-01T00:00:00Z'),
      total: 7000,
      amount_remaining: 2000,
      amount_paid: 5000,
    }),
    in_3: invoice('in_3', { status: 'paid', currency: 'jpy', total: 900, amount_paid: 900, amount_remaining: 0 }),
  })

  test('are filtered and summed after an import, for the list of all and that of a customer', async () => {
    const world = await startFieldWorld({
      hubspot: [hubspotAccount({ contacts })],
      stripe: [stripeAccount({ customers: { cus_1: payer }, invoices: invoices() })],
    })
    expect(
      await world.data(`{
        number: orders(filter: { number: "ab12-0001" }) { nodes { id number } }
        february: orders(filter: { due: { from: "2026-02-01T00:00:00Z", before: "2026-03-01T00:00:00Z" } }) { nodes { id } }
        inBerlin: orders(filter: { due: { from: "2026-02-01T00:00:00+01:00", before: "2026-03-01T00:00:00+01:00" } }) { nodes { id } }
        dear: orders(filter: { total: { currency: "EUR", min: 5001 } }) { nodes { id } }
        none: orders(filter: { created: { before: "2026-01-10T12:00:00Z" } }) { totalCount }
        customer(id: "1") { orders(filter: { due: { from: "2026-03-01T00:00:00Z" } }) { nodes { id } totalCount } }
        orders(first: 1) { totalCount sums { status currency count total { amount currency } amountPaid { amount } amountRemaining { amount } } }
      }`),
    ).toEqual({
      number: { nodes: [{ id: 'in_1', number: 'AB12-0001' }] },
      february: { nodes: [{ id: 'in_1' }] },
      inBerlin: { nodes: [] },
      dear: { nodes: [{ id: 'in_2' }] },
      none: { totalCount: 0 },
      customer: { orders: { nodes: [{ id: 'in_2' }], totalCount: 1 } },
      orders: {
        totalCount: 3,
        sums: [
          {
            status: 'OPEN',
            currency: 'EUR',
            count: 2,
            total: { amount: 12_000, currency: 'EUR' },
            amountPaid: { amount: 5000 },
            amountRemaining: { amount: 7000 },
          },
          {
            status: 'PAID',
            currency: 'JPY',
            count: 1,
            total: { amount: 900, currency: 'JPY' },
            amountPaid: { amount: 900 },
            amountRemaining: { amount: 0 },
          },
        ],
      },
    })
  })

  test('move an order from list to list, and a watcher of them sees it, when nothing but its due date or amount changed', async () => {
    const held = invoices()
    const world = await startFieldWorld({
      hubspot: [hubspotAccount({ contacts })],
      stripe: [stripeAccount({ customers: { cus_1: payer }, invoices: held })],
    })
    const frames = world.subscribe(`subscription { customerChanged(id: "1") { change { kind } customer {
      orders(filter: { due: { before: "2026-03-01T00:00:00Z" }, status: OPEN }) { nodes { id } totalCount sums { currency amountRemaining { amount } } } } } }`)
    const seen = (kind: string, ids: readonly string[], rest: number | null) => ({
      data: {
        customerChanged: {
          change: { kind },
          customer: {
            orders: {
              nodes: ids.map(id => ({ id })),
              totalCount: ids.length,
              sums: rest === null ? [] : [{ currency: 'EUR', amountRemaining: { amount: rest } }],
            },
          },
        },
      },
    })
    expect(await frames.next()).toEqual(seen('CURRENT', ['in_1'], 5000))
    held['in_1'] = { ...held['in_1'], due_date: seconds('2026-04-01T00:00:00Z') }
    expect(await world.tellStripe(updated('evt_1', held['in_1']))).toBe(200)
    expect(await frames.next()).toEqual(seen('UPDATED', [], null))
    held['in_2'] = { ...held['in_2'], due_date: seconds('2026-02-01T00:00:00Z'), amount_remaining: 1500 }
    expect(await world.tellStripe(updated('evt_2', held['in_2']))).toBe(200)
    expect(await frames.next()).toEqual(seen('UPDATED', ['in_2'], 1500))
    frames.end()
  })

  test('are overdue by their due date and not by when they were made; what is collected by itself has none', async () => {
    const long = seconds('2025-01-01T00:00:00Z')
    const now = '2026-03-03T09:00:00Z'
    const held: RawRecords = {
      in_old: invoice('in_old', { created: long, due_date: seconds('2026-04-01T00:00:00Z') }),
      in_now: invoice('in_now', { created: long, due_date: seconds(now) }),
      in_late: invoice('in_late', { created: seconds(now), due_date: seconds(now) - 1 }),
      in_auto: invoice('in_auto', { created: long, collection_method: 'charge_automatically', due_date: null }),
    }
    const world = await startFieldWorld({ stripe: [stripeAccount({ invoices: held })] })
    expect(
      await world.data(`{
        overdue: orders(filter: { due: { before: "${now}" }, status: OPEN }) { nodes { id } }
        due: orders(filter: { due: { from: "${now}", before: "2026-03-04T00:00:00Z" } }) { nodes { id } }
        made: orders(filter: { created: { before: "${now}" } }) { totalCount }
      }`),
    ).toEqual({
      overdue: { nodes: [{ id: 'in_late' }] },
      due: { nodes: [{ id: 'in_now' }] },
      made: { totalCount: 3 },
    })
  })

  test('that are not as documented cost themselves alone', async () => {
    const damaged: RawRecords = {
      in_1: invoice('in_1', { number: 5, due_date: seconds('2026-02-01T00:00:00Z') }),
      in_2: invoice('in_2', { number: 'AB-2', due_date: '2026-02-01' }),
      in_4: invoice('in_4', { currency: 5 }),
      in_3: invoice('in_3', { number: 'AB-3', total: 'a lot', due_date: seconds('2026-02-01T00:00:00Z') }),
    }
    const world = await startFieldWorld({ stripe: [stripeAccount({ invoices: damaged })] })
    expect(
      await world.data(`{
        all: orders { totalCount }
        due: orders(filter: { due: { before: "2026-03-01T00:00:00Z" } }) { nodes { id } }
        second: orders(filter: { number: "AB-2" }) { nodes { id } }
        third: orders(filter: { number: "AB-3" }) { nodes { id } }
        dear: orders(filter: { total: { currency: "EUR", min: 0 } }) { totalCount }
      }`),
    ).toMatchObject({
      all: { totalCount: 4 },
      due: { nodes: [{ id: 'in_3' }, { id: 'in_1' }] },
      second: { nodes: [{ id: 'in_2' }] },
      third: { nodes: [{ id: 'in_3' }] },
      dear: { totalCount: 2 },
    })
    const { data, errors } = await world.ask(
      '{ orders { sums { currency count total { amount } amountPaid { amount } } } }',
    )
    expect(data).toEqual({
      orders: {
        sums: [
          { currency: null, count: 1, total: null, amountPaid: null },
          { currency: 'EUR', count: 3, total: null, amountPaid: { amount: 0 } },
        ],
      },
    })
    expect(errors).toMatchObject([{ path: ['orders', 'sums', 1, 'total'], extensions: { code: 'SYSTEM_UNREADABLE' } }])
  })
})

describe('values of jobs', () => {
  test('are filtered after an import and follow a webhook that changes them alone', async () => {
    const person = (gid: string) => ({ gid, resource_type: 'user', name: `Person ${gid}` })
    const account = {
      project: '99',
      sections: [section],
      tasks: {
        1: task('1', section, { start_on: '2026-03-02', due_on: '2026-03-04', assignee: person('7') }),
        2: task('2', section, { due_on: '2026-03-04' }),
        3: task('3', section, {}),
      } satisfies RawRecords,
    }
    const tasks: RawRecords = account.tasks
    const world = await startFieldWorld({ asana: [asanaAccount({ ...account, tasks })] })
    await world.gateway.connect('asana', () => undefined)
    const ask = `{
      tuesday: jobs(order: OLDEST_FIRST, filter: { schedule: { from: "2026-03-03", to: "2026-03-03" } }) { nodes { id } }
      week: jobs(order: OLDEST_FIRST, filter: { schedule: { from: "2026-03-02", to: "2026-03-06" } }) { nodes { id } }
      unplanned: jobs(filter: { isScheduled: false }) { nodes { id } }
      hers: jobs(filter: { assignee: "7" }) { nodes { id } }
      free: jobs(order: OLDEST_FIRST, filter: { isAssigned: false }) { nodes { id } }
    }`
    const nodes = (...ids: string[]) => ({ nodes: ids.map(id => ({ id })) })
    expect(await world.data(ask)).toEqual({
      tuesday: nodes('1'),
      week: nodes('1', '2'),
      unplanned: nodes('3'),
      hers: nodes('1'),
      free: nodes('2', '3'),
    })
    tasks['3'] = task('3', section, {
      due_on: '2026-03-03',
      assignee: person('7'),
      modified_at: new Date().toISOString(),
    })
    const changed = (field: string) => ({
      user: { gid: '7', resource_type: 'user' },
      created_at: new Date().toISOString(),
      action: 'changed',
      resource: { gid: '3', resource_type: 'task' },
      parent: null,
      change: { field, action: 'changed' },
    })
    expect(await world.tellAsana([changed('due_on'), changed('assignee')])).toBe(200)
    expect(await world.data(ask)).toEqual({
      tuesday: nodes('1', '3'),
      week: nodes('1', '2', '3'),
      unplanned: nodes(),
      hers: nodes('3', '1'),
      free: nodes('2'),
    })
  })
})

describe('days of jobs', () => {
  test('are the days that Asana says, where the instants are of another day in UTC', async () => {
    const tasks: RawRecords = {
      // In Los Angeles the evening of the 3rd, in Tokyo the morning of it.
      1: task('1', section, { due_on: '2026-03-03', due_at: '2026-03-04T04:30:00.000Z' }),
      2: task('2', section, { due_on: '2026-03-03', due_at: '2026-03-02T20:00:00.000Z' }),
      3: task('3', section, {
        start_on: '2026-03-03',
        start_at: '2026-03-04T01:00:00.000Z',
        due_on: '2026-03-03',
        due_at: '2026-03-04T02:00:00.000Z',
      }),
    }
    const world = await startFieldWorld({ asana: [asanaAccount({ project: '99', sections: [section], tasks })] })
    const on = (day: string) =>
      world.data(
        `{ jobs(order: OLDEST_FIRST, filter: { schedule: { from: "${day}", to: "${day}" } }) { nodes { id } } }`,
      )
    expect(await on('2026-03-03')).toEqual({ jobs: { nodes: [{ id: '1' }, { id: '2' }, { id: '3' }] } })
    for (const day of ['2026-03-02', '2026-03-04']) expect(await on(day)).toEqual({ jobs: { nodes: [] } })
  })
})

describe('names of customers', () => {
  test('are found as people type them, and under the new name once the webhook came', async () => {
    const held: RawRecords = { ...contacts, '2': contact('2', { firstname: 'Ångström', lastname: null, email: '' }) }
    const world = await startFieldWorld({ hubspot: [hubspotAccount({ contacts: held })] })
    const found = async (prefix: string) =>
      world.data(`query { customers(filter: { namePrefix: ${JSON.stringify(prefix)} }) { nodes { id } } }`)
    for (const prefix of ['mul', 'Jane MÜ', "o'brien", 'muller obr', 'Mu\u0308ller'])
      expect(await found(prefix)).toEqual({ customers: { nodes: [{ id: '1' }] } })
    expect(await found('angstrom')).toEqual({ customers: { nodes: [{ id: '2' }] } })
    held['2'] = {
      ...contact('2', { firstname: 'Øyvind', lastname: 'Ångström', email: '' }),
      updatedAt: new Date().toISOString(),
    }
    const told = { eventId: 1, subscriptionId: 1, portalId: 1, appId: 1, occurredAt: Date.now(), attemptNumber: 0 }
    expect(
      await world.tellHubspot([
        {
          ...told,
          subscriptionType: 'contact.propertyChange',
          objectId: 2,
          propertyName: 'firstname',
          propertyValue: 'Øyvind',
          changeSource: 'CRM_UI',
        },
      ]),
    ).toBe(200)
    expect(await found('oyv')).toEqual({ customers: { nodes: [{ id: '2' }] } })
    expect(await found('angs')).toEqual({ customers: { nodes: [{ id: '2' }] } })
  })
})

test('empty and blank text is refused in every filter, with what to do', async () => {
  const world = await startFieldWorld({})
  const asks = [
    ...['', ' ', '\\t'].flatMap(text => [
      `customers(filter: { email: "${text}" }) { totalCount }`,
      `customers(filter: { namePrefix: "${text}" }) { totalCount }`,
      `customers(filter: { lifecycleStageName: ["Lead", "${text}"] }) { totalCount }`,
      `orders(filter: { email: "${text}" }) { totalCount }`,
      `orders(filter: { email: "${text}" }) { sums { count } }`,
      `orders(filter: { number: "${text}" }) { totalCount }`,
      `orders(filter: { customer: "${text}" }) { totalCount }`,
      `jobs(filter: { status: ["${text}"] }) { totalCount }`,
      `jobs(filter: { customer: "${text}" }) { totalCount }`,
      `jobs(filter: { order: "${text}" }) { totalCount }`,
      `jobs(filter: { assignee: "${text}" }) { totalCount }`,
      `searchCustomers(text: "${text}") { id }`,
      `deliveries(system: "${text}") { totalCount }`,
      `deliveries(entity: { type: "Customer", id: "${text}" }) { totalCount }`,
      `unlinkedRecords(system: "${text}") { totalCount }`,
      `ownership(entity: "${text}") { field }`,
      `ownership(field: "${text}") { field }`,
    ]),
    'orders(filter: { email: "no address" }) { totalCount }',
    'customers(filter: { email: "no address" }) { totalCount }',
  ]
  for (const ask of asks) {
    const { errors } = await world.ask(`{ ${ask} }`)
    expect([ask, errors[0]?.extensions?.['code']]).toEqual([ask, 'BAD_USER_INPUT'])
    expect([ask, errors[0]?.message]).toEqual([ask, expect.stringMatching(/^\S+: expected .+/)])
  }
})
