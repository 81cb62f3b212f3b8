import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { asanaAccount, contact, hubspotAccount, stripeAccount } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'
import type { Answer } from './vendor-server.ts'

const withoutHubspot = { HUBSPOT_ACCESS_TOKEN: '', HUBSPOT_CLIENT_SECRET: '', HUBSPOT_BASE_URL: '' }
const withoutStripe = { STRIPE_SECRET_KEY: '', STRIPE_WEBHOOK_SECRET: '', STRIPE_BASE_URL: '' }
const withoutAsana = {
  ASANA_ACCESS_TOKEN: '',
  ASANA_PROJECTS: '',
  ASANA_CUSTOMER_FIELD: '',
  ASANA_ORDER_FIELD: '',
  ASANA_BASE_URL: '',
}

const customer = { id: 'cus_1', object: 'customer', email: 'jane@example.com', name: 'Jane', created: 1767225600 }

function invoice(id: string, more: object = {}) {
  return {
    id,
    object: 'invoice',
    customer: 'cus_1',
    number: 'A-0001',
    status: 'open',
    currency: 'usd',
    amount_due: 1000,
    amount_paid: 0,
    amount_remaining: 1000,
    subtotal: 1000,
    total: 1000,
    created: 1767225600,
    lines: { object: 'list', data: [], has_more: false, url: '' },
    status_transitions: { finalized_at: 1767225600, paid_at: null },
    metadata: {},
    ...more,
  }
}

const stripe = [
  stripeAccount({
    customers: { cus_1: { ...customer, metadata: { crm_id: '101' } } },
    invoices: { in_1: invoice('in_1') },
    products: { prod_1: { id: 'prod_1', object: 'product', name: 'Visit', active: true, created: 1767225600 } },
  }),
]

const noCrm = {
  message:
    'No tool plays the role crm: set HUBSPOT_ACCESS_TOKEN to connect hubspot; .env.example explains each setting.',
  extensions: {
    code: 'ROLE_NOT_CONFIGURED',
    role: 'crm',
    system: 'hubspot',
    settings: ['HUBSPOT_ACCESS_TOKEN'],
    isRetryable: false,
  },
}

test('with Stripe alone there are orders; what other roles would say is null with an error that names role and settings', async () => {
  const world = await startFieldWorld({ stripe, environment: { ...withoutHubspot, ...withoutAsana } })
  const { status, data, errors } = await world.ask(
    '{ orders { nodes { id number customer { id name } jobs { nodes { id } } } } customers { nodes { id } } customer(id: "101") { name } jobs { nodes { id } } products { nodes { name } } }',
  )
  expect(status).toBe(200)
  expect(data).toEqual({
    orders: { nodes: [{ id: 'in_1', number: 'A-0001', customer: null, jobs: null }] },
    customers: null,
    customer: null,
    jobs: null,
    products: { nodes: [{ name: 'Visit' }] },
  })
  const byPath = new Map(errors.map(error => [error.path?.join('.'), error]))
  expect([...byPath.keys()].toSorted()).toEqual([
    'customer',
    'customers',
    'jobs',
    'orders.nodes.0.customer',
    'orders.nodes.0.jobs',
  ])
  for (const path of ['customer', 'customers', 'orders.nodes.0.customer']) {
    expect(byPath.get(path)).toMatchObject(noCrm)
  }
  expect(byPath.get('jobs')?.extensions).toMatchObject({
    code: 'ROLE_NOT_CONFIGURED',
    role: 'jobs',
    settings: ['ASANA_ACCESS_TOKEN', 'ASANA_PROJECTS', 'ASANA_CUSTOMER_FIELD'],
  })
})

test('mutations of a role that no tool plays, or for a customer nobody can know, are refused and nothing is sent', async () => {
  const world = await startFieldWorld({ stripe, environment: { ...withoutHubspot, ...withoutAsana } })
  const before = world.stripe.requests.length
  for (const mutation of [
    'updateCustomer(input: { id: "101", phone: "1" }) { customer { id } }',
    'createJob(input: { title: "Install" }) { job { id } }',
    'createOrder(input: { customerId: "101", currency: "USD", lines: [{ description: "Visit", quantity: 1, unitAmount: 100 }] }) { order { id } }',
    'linkRecord(input: { system: "stripe", kind: "customer", id: "cus_1", customerId: "101" }) { customer { id } }',
  ]) {
    const { errors } = await world.ask(`mutation { ${mutation} }`)
    expect([mutation, errors[0]?.extensions?.['code'], errors[0]?.message]).toEqual([
      mutation,
      'ROLE_NOT_CONFIGURED',
      expect.stringContaining('No tool plays the role'),
    ])
  }
  expect(world.stripe.requests.length).toBe(before)
})

test('systems, health, metrics, sweep and webhooks know the connected tools only', async () => {
  const world = await startFieldWorld({ stripe, environment: { ...withoutHubspot, ...withoutAsana } })
  expect(await world.data('{ systems { system role isImported } }')).toEqual({
    systems: [{ system: 'stripe', role: 'billing', isImported: true }],
  })
  await world.sweep()
  const ready = await fetch(`${world.gateway.url}/health/ready`)
  expect([ready.status, await ready.json()]).toEqual([200, expect.not.objectContaining({ hubspot: expect.anything() })])
  expect(await (await fetch(`${world.gateway.url}/metrics`)).text()).not.toContain('system="hubspot"')
  expect(await world.tellHubspot([{ eventId: 1, objectId: 1, subscriptionType: 'contact.creation' }])).toBe(404)
  const lines: string[] = []
  expect(await world.gateway.connect('hubspot', line => void lines.push(line))).toBe('failed')
  expect(lines.join('\n')).toContain('hubspot is not connected: set HUBSPOT_ACCESS_TOKEN')
  expect(
    await world.gateway.importing.run({
      system: 'asana',
      restart: false,
      tell: line => void lines.push(line),
      signal: new AbortController().signal,
    }),
  ).toBe('failed')
  expect(lines.at(-1)).toContain('asana is not connected: set ASANA_ACCESS_TOKEN, ASANA_PROJECTS, ASANA_CUSTOMER_FIELD')
})

test('orders are pushed with Stripe alone', async () => {
  const invoices = { in_1: invoice('in_1') }
  const world = await startFieldWorld({
    stripe: [stripeAccount({ customers: { cus_1: customer }, invoices })],
    environment: { ...withoutHubspot, ...withoutAsana },
  })
  const frames = world.subscribe('subscription { orderChanged(id: "in_1") { order { id memo customer { id } } } }')
  expect(z.object({ data: z.unknown() }).parse(await frames.next()).data).toEqual({
    orderChanged: { order: { id: 'in_1', memo: null, customer: null } },
  })
  invoices.in_1 = invoice('in_1', { description: 'Boiler' })
  await world.tellStripe({
    id: 'evt_1',
    object: 'event',
    type: 'invoice.updated',
    created: Math.floor(Date.now() / 1000),
    data: { object: invoices.in_1, previous_attributes: { description: null } },
  })
  const frame = await frames.next()
  expect(frame).toMatchObject({ data: { orderChanged: { order: { memo: 'Boiler' } } } })
  expect(JSON.stringify(frame['errors'])).toContain('ROLE_NOT_CONFIGURED')
})

test('HubSpot and Asana without Stripe: jobs have their customer, and an order is an error', async () => {
  const task = {
    gid: '1201',
    resource_type: 'task',
    name: 'Install boiler',
    completed: false,
    created_at: '2026-01-01T00:00:00.000Z',
    modified_at: '2026-01-02T00:00:00.000Z',
    memberships: [{ project: { gid: '99' }, section: { gid: '5', name: 'Scheduled' } }],
    projects: [{ gid: '99' }],
    custom_fields: [
      { gid: '123', type: 'text', text_value: '101', display_value: '101' },
      { gid: '124', type: 'text', text_value: 'in_1', display_value: 'in_1' },
    ],
  }
  const world = await startFieldWorld({
    hubspot: [hubspotAccount({ contacts: { 101: contact('101', { firstname: 'Jane' }) } })],
    asana: [asanaAccount({ project: '99', tasks: { 1201: task }, sections: [{ gid: '5', name: 'Scheduled' }] })],
    environment: withoutStripe,
  })
  const { data, errors } = await world.ask(
    '{ customers { nodes { id name orders { nodes { id } } jobs { nodes { id title order { id } customer { name } } } } } }',
  )
  expect(data).toEqual({
    customers: {
      nodes: [
        {
          id: '101',
          name: 'Jane',
          orders: null,
          jobs: { nodes: [{ id: '1201', title: 'Install boiler', order: null, customer: { name: 'Jane' } }] },
        },
      ],
    },
  })
  expect(errors.map(error => [error.path?.join('.'), error.extensions?.['code'], error.extensions?.['role']])).toEqual([
    ['customers.nodes.0.orders', 'ROLE_NOT_CONFIGURED', 'billing'],
    ['customers.nodes.0.jobs.nodes.0.order', 'ROLE_NOT_CONFIGURED', 'billing'],
  ])
})

test('a CRM that is connected later has the orders that came before it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'livegraph-later-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const STORE_URL = `sqlite:${join(folder, 'graph.db')}`
  const accounts = {
    stripe: [
      stripeAccount({
        customers: {
          cus_1: { ...customer, metadata: { crm_id: '101' } },
          cus_2: { ...customer, id: 'cus_2', email: 'joe@example.com' },
        },
        invoices: { in_1: invoice('in_1'), in_2: invoice('in_2', { customer: 'cus_2' }) },
      }),
    ],
    hubspot: [
      hubspotAccount({ contacts: { 101: contact('101', {}), 102: contact('102', { email: 'joe@example.com' }) } }),
    ],
  }
  const alone = await startFieldWorld({ ...accounts, environment: { STORE_URL, ...withoutHubspot, ...withoutAsana } })
  await alone.gateway.close()
  const both = await startFieldWorld({ ...accounts, environment: { STORE_URL, ...withoutAsana } })
  expect(await both.data('{ orders(order: OLDEST_FIRST) { nodes { id customer { id } } } }')).toEqual({
    orders: {
      nodes: [
        { id: 'in_1', customer: { id: '101' } },
        { id: 'in_2', customer: { id: '102' } },
      ],
    },
  })
})

/** Source: HubSpot's OpenAPI description of properties. */
const stageNames: Answer = ({ path }) =>
  path === '/crm/v3/properties/contacts/lifecyclestage'
    ? {
        body: {
          name: 'lifecyclestage',
          label: 'Lifecycle Stage',
          type: 'enumeration',
          fieldType: 'radio',
          options: [],
        },
      }
    : undefined

test('a service key alone is read and swept, and says that nothing is pushed', async () => {
  const contacts = { 101: contact('101', { firstname: 'Jane' }) }
  const world = await startFieldWorld({
    hubspot: [stageNames, hubspotAccount({ contacts })],
    environment: { HUBSPOT_CLIENT_SECRET: '', SWEEP_EVERY_SECONDS: '3600', ...withoutStripe, ...withoutAsana },
  })
  expect(await world.data('{ customers { nodes { id name } } }')).toEqual({
    customers: { nodes: [{ id: '101', name: 'Jane' }] },
  })
  await world.sweep()
  expect(await world.data('{ systems { system webhooks { endpoint state note } } }')).toEqual({
    systems: [
      {
        system: 'hubspot',
        webhooks: [
          { endpoint: '', state: 'POLLED', note: expect.stringContaining('HUBSPOT_CLIENT_SECRET is not set') },
        ],
      },
    ],
  })
  expect((await fetch(`${world.gateway.url}/health/ready`)).status).toBe(200)
  expect(await world.tellHubspot([{ eventId: 1, objectId: 1, subscriptionType: 'contact.creation' }])).toBe(404)
  expect(world.log.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([])
})
