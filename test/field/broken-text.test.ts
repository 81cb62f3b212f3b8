import { expect, test } from 'vitest'
import { z } from 'zod'
import { asanaAccount, contact, hubspotAccount, stripeAccount } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'

// A tool that cuts text after so many UTF-16 units cuts an emoji in half, and JSON carries the half: "\ud83d". Strict readers of JSON refuse it.

const time = '2026-01-02T00:00:00.000Z'

const task = (gid: string, rest: object) => ({
  gid,
  name: 'Boiler',
  completed: false,
  created_at: time,
  modified_at: time,
  memberships: [{ project: { gid: '99' }, section: { gid: '1', name: 'New' } }],
  custom_fields: [],
  ...rest,
})

test('half a character from a tool goes out as U+FFFD, and links no two records that lost one', async () => {
  const contacts = {
    '1': contact('1', { email: 'ada@example.com', firstname: 'Ada', lastname: 'Half \ud83d', company: 'x\ud83d' }),
    '2': contact('2', { email: 'bob\ud83d@example.com', firstname: 'Bob' }),
    '3': contact('3', { email: 'bob\ud83e@example.com', firstname: 'Bill' }),
  }
  const customers = {
    cus_1: {
      id: 'cus_1',
      object: 'customer',
      email: 'bob\ud83f@example.com',
      created: 1,
      livemode: false,
      metadata: {},
    },
    cus_2: {
      id: 'cus_2',
      object: 'customer',
      email: 'bob\ud83e@example.com',
      created: 1,
      livemode: false,
      metadata: {},
    },
  }
  const section = (gid: string, name: string) => ({ memberships: [{ project: { gid: '99' }, section: { gid, name } }] })
  const field = (value: string) => [{ gid: '123', type: 'text', text_value: value, display_value: value }]
  const tasks = {
    '55': task('55', {
      name: 'Boiler \ud83d',
      ...section('1', 'Do\ud83d'),
      custom_fields: field('bob\ud83f@example.com'),
    }),
    '56': task('56', { ...section('2', 'Do\ud83e'), custom_fields: field('bob\ud83d@example.com') }),
  }
  const sections = [
    { gid: '1', name: 'Do\ud83d' },
    { gid: '2', name: 'Do\ud83e' },
  ]
  const world = await startFieldWorld({
    hubspot: [hubspotAccount({ contacts })],
    stripe: [stripeAccount({ customers })],
    asana: [asanaAccount({ project: '99', tasks, sections })],
  })
  expect(await world.data('{ customer(id: "1") { name company } }')).toEqual({
    customer: { name: 'Ada Half \ufffd', company: 'x\ufffd' },
  })
  expect(await world.data('{ jobs(first: 5) { nodes { id title status customer { id } } } }')).toMatchObject({
    jobs: {
      nodes: expect.arrayContaining([
        { id: '55', title: 'Boiler \ufffd', status: 'Do\ufffd', customer: null },
        { id: '56', title: 'Boiler', status: 'Do\ufffd', customer: null },
      ]),
    },
  })
  const unlinked = JSON.stringify(await world.data('{ unlinkedRecords(first: 9) { nodes { record { id } reason } } }'))
  expect(unlinked).toContain('cus_1')
  expect(unlinked).toContain('cus_2')
  expect(unlinked).not.toContain('AMBIGUOUS')
})

test('an answer holds no half of a character, whichever tool and reader it comes of: records, names, errors, webhooks', async () => {
  const half = 'a\ud800b'
  const contacts = {
    '1': contact('1', {
      email: 'ada@example.com',
      firstname: half,
      phone: half,
      city: half,
      associatedcompanyid: '7',
      lifecyclestage: 'lead',
    }),
  }
  const customer = {
    id: 'cus_1',
    object: 'customer',
    email: 'ada@example.com',
    created: 1,
    livemode: false,
    metadata: {},
  }
  const invoice = {
    id: 'in_1',
    object: 'invoice',
    customer: 'cus_1',
    customer_name: half,
    number: half,
    status: 'open',
    currency: 'usd',
    total: 5,
    created: 1,
    description: half,
    hosted_invoice_url: `https://pay.example/${half}`,
    customer_address: { line1: half, city: half },
    lines: {
      object: 'list',
      has_more: false,
      data: [{ id: 'il_1', object: 'line_item', description: half, amount: 5 }],
    },
  }
  const product = {
    id: 'prod_1',
    object: 'product',
    name: half,
    description: half,
    active: true,
    created: 1,
    updated: 1,
  }
  const field = [{ gid: '123', type: 'text', text_value: 'ada@example.com', display_value: half }]
  const world = await startFieldWorld({
    hubspot: [hubspotAccount({ contacts, companies: { '7': { id: '7', properties: { name: half } } } })],
    stripe: [
      stripeAccount({ customers: { cus_1: customer }, invoices: { in_1: invoice }, products: { prod_1: product } }),
    ],
    asana: [
      asanaAccount({
        project: '99',
        tasks: {
          '55': task('55', { name: half, notes: half, assignee: { gid: '5', name: half }, custom_fields: field }),
        },
      }),
    ],
  })
  const fields = '{ name company phone address { city } orders { nodes { number memo lines { description } } } }'
  const queries = [
    `{ customers { nodes ${fields} } }`,
    '{ products { nodes { name description } } jobs { nodes { title description assignee { name } status } } }',
    '{ unlinkedRecords { nodes { record { id } } } deliveries { nodes { id reason } } }',
    '{ orders { nodes { number memo hostedUrl billTo { name address { street city } } } } }',
  ]
  await world.tellStripe({ id: `evt_${half}`, object: 'event', type: 'customer.updated', created: 1, data: {} })
  for (const query of queries) {
    const response = await world.post('/graphql', {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    })
    const text = await response.text()
    expect(text).not.toMatch(/\\ud[89a-f]|GRAPHQL_VALIDATION_FAILED/i)
    if (!query.includes('deliveries')) expect(text).toContain('a\ufffdb')
  }
})

/** An input of every mutation, with NUL in the field of that name. */
const inputsWithNul = {
  createCustomer: [
    ['input.name', '{ name: "A\\u0000" }'],
    ['input.address.city', '{ name: "A", address: { city: "\\u0000" } }'],
    ['input.clientMutationId', '{ name: "A", clientMutationId: "\\u{0}" }'],
  ],
  updateCustomer: [['input.phone', '{ id: "1", phone: "+1\\u0000" }']],
  createOrder: [
    [
      'input.memo',
      '{ customerId: "1", currency: "USD", memo: "\\u0000", lines: [{ description: "x", unitAmount: 1 }] }',
    ],
    [
      'input.lines.0.description',
      '{ customerId: "1", currency: "USD", lines: [{ description: "\\u0000", unitAmount: 1 }] }',
    ],
  ],
  finalizeOrder: [['input.id', '{ id: "in_1\\u0000" }']],
  voidOrder: [['input.id', '{ id: "in_1\\u0000" }']],
  markOrderPaid: [['input.clientMutationId', '{ id: "in_1", clientMutationId: "\\u0000" }']],
  createJob: [['input.title', '{ title: "\\u0000" }']],
  updateJob: [['input.description', '{ id: "55", description: """\0""" }']],
  completeJob: [['input.id', '{ id: "\\u0000" }']],
  replayDeliveries: [['input.system', '{ system: "\\u0000" }']],
  dismissDeliveries: [['input.ids.0', '{ ids: ["\\u0000"] }']],
  linkRecord: [['input.id', '{ system: "stripe", kind: "customer", id: "\\u0000" }']],
  resetLink: [['input.kind', '{ system: "stripe", kind: "\\u0000", id: "1" }']],
} as const

test('a mutation that would write U+0000 is refused before a tool is asked, and the field is named: literals and variables', async () => {
  const world = await startFieldWorld()
  const asked = (): number => world.hubspot.requests.length + world.stripe.requests.length + world.asana.requests.length
  const before = asked()
  const mutations = await world.data('{ __schema { mutationType { fields { name } } } }')
  const names = z
    .object({ __schema: z.object({ mutationType: z.object({ fields: z.array(z.object({ name: z.string() })) }) }) })
    .parse(mutations)
  expect(names.__schema.mutationType.fields.map(({ name }) => name).sort()).toEqual(Object.keys(inputsWithNul).sort())
  const refusal = (place: string) => ({
    status: 400,
    errors: [
      {
        message: `${place} holds the character U+0000, which no tool keeps: leave it out.`,
        extensions: { code: 'BAD_USER_INPUT' },
      },
    ],
  })
  for (const [name, inputs] of Object.entries(inputsWithNul))
    for (const [place, input] of inputs)
      expect(await world.ask(`mutation { ${name}(input: ${input}) { __typename } }`)).toMatchObject(refusal(place))
  const create = 'mutation($input: CreateJobInput!) { createJob(input: $input) { job { id } } }'
  expect(await world.ask(create, { input: { title: 'Boiler', description: 'a\0b' } })).toMatchObject(
    refusal('input.description'),
  )
  const title =
    'mutation($title: String!) { ...Made } fragment Made on Mutation { createJob(input: { title: $title }) { job { id } } }'
  expect(await world.ask(title, { title: '\0' })).toMatchObject(refusal('input.title'))
  const overSocket = await new Promise(resolve =>
    world
      .client()
      .subscribe(
        { query: title, variables: { title: '\0' } },
        { next: resolve, error: resolve, complete: () => undefined },
      ),
  )
  expect(overSocket).toMatchObject(refusal('input.title').errors)
  expect(asked()).toBe(before)
})
