import { describe, expect, test } from 'vitest'
import { at, codes, idsAt, listAt } from '../flows/reading.ts'
import { asanaAccount, contact, hubspotAccount, stripeAccount, task, type Raw, type RawRecords } from './accounts.ts'
import { startFieldWorld, type FieldWorld } from './field-world.ts'
import { rawCustomer, rawEvent, rawInvoice } from './stripe-raw.ts'
import type { Answer } from './vendor-server.ts'

const section = { gid: '1', name: 'New' }
const inField = (field: string, text: string): Raw => ({
  custom_fields: [
    { gid: field, name: 'Text', resource_subtype: 'text', type: 'text', text_value: text, display_value: text },
  ],
})

interface Tools {
  readonly contacts: RawRecords
  readonly customers: RawRecords
  readonly invoices: RawRecords
  readonly tasks: RawRecords
}

/** A field's world over the records, which a test changes as it goes. */
function worldOf({ contacts, customers, invoices, tasks }: Tools, ...stripe: readonly Answer[]): Promise<FieldWorld> {
  return startFieldWorld({
    hubspot: [hubspotAccount({ contacts })],
    stripe: [...stripe, stripeAccount({ customers, invoices })],
    asana: [asanaAccount({ project: '99', tasks, sections: [section] })],
  })
}

let notifications = 0

function told(subscriptionType: string, objectId: string, more: Raw = {}): Raw {
  const eventId = ++notifications
  const sent = { eventId, subscriptionId: 1, portalId: 1, appId: 1, occurredAt: Date.now(), attemptNumber: 0 }
  return { ...sent, subscriptionType, objectId: Number(objectId), ...more }
}

async function changeContact(world: FieldWorld, contacts: RawRecords, id: string, properties: Raw): Promise<void> {
  const updatedAt = new Date().toISOString()
  contacts[id] = { ...contact(id, { ...properties, lastmodifieddate: updatedAt }), updatedAt }
  for (const propertyName of Object.keys(properties)) {
    await world.tellHubspot([told('contact.propertyChange', id, { propertyName })])
  }
}

const whole = `query($id: ID!) { customer(id: $id) { orders { nodes { id } } jobs { nodes { id } } balances { outstanding { amount } } links { record { id } } } }`

async function heldBy(world: FieldWorld, id: string) {
  const answer = await world.data(whole, { id })
  return {
    orders: idsAt(answer, 'customer.orders.nodes').toSorted(),
    jobs: idsAt(answer, 'customer.jobs.nodes').toSorted(),
    links: listAt(answer, 'customer.links')
      .map(link => String(at(link, 'record.id')))
      .toSorted(),
  }
}

async function unlinked(world: FieldWorld): Promise<readonly string[]> {
  const nodes = listAt(
    await world.data('{ unlinkedRecords(first: 50) { nodes { record { id } entity entityId reason candidates } } }'),
    'unlinkedRecords.nodes',
  )
  return nodes
    .map(node =>
      ['record.id', 'entity', 'reason', 'entityId', 'candidates'].map(path => String(at(node, path))).join(' '),
    )
    .toSorted()
}

describe('a link by e-mail', () => {
  const tools = (): Tools => ({
    contacts: { 101: contact('101', { email: 'jane@example.com' }) },
    customers: { cus_1: rawCustomer('cus_1', { email: 'jane@example.com' }) },
    invoices: { in_1: rawInvoice('in_1', 'cus_1', { total: 1000, customer_email: 'jane@example.com' }) },
    tasks: { 61: task('61', section, inField('123', 'jane@example.com')) },
  })
  const all = { orders: ['in_1'], jobs: ['61'], links: ['101', '61', 'cus_1'] }

  test('stays when the CRM has another address, and the next order makes no second billing record', async () => {
    const held = tools()
    const posts: string[] = []
    const writes: Answer = ({ method, path, body }) => {
      if (method !== 'POST') return undefined
      posts.push(path)
      const sent = new URLSearchParams(body)
      if (path === '/v1/customers/cus_1') {
        held.customers['cus_1'] = rawCustomer('cus_1', { email: sent.get('email') })
        return { body: held.customers['cus_1'] }
      }
      const invoice = rawInvoice('in_2', 'cus_1', { status: 'draft', customer_email: 'jane.doe@example.com' })
      held.invoices['in_2'] = invoice
      return { body: path === '/v1/invoiceitems' ? { id: 'ii_1', object: 'invoiceitem' } : invoice }
    }
    const world = await worldOf(held, writes)
    expect(await heldBy(world, '101')).toEqual(all)
    await changeContact(world, held.contacts, '101', {
      email: 'jane.doe@example.com',
      hs_additional_emails: 'jane@example.com',
    })
    expect([await heldBy(world, '101'), await unlinked(world)]).toEqual([all, []])
    await changeContact(world, held.contacts, '101', { email: 'jane.doe@example.com', hs_additional_emails: null })
    expect([await heldBy(world, '101'), await unlinked(world)]).toEqual([all, []])
    const made = await world.data(
      'mutation { createOrder(input: { customerId: "101", currency: "USD", lines: [{ description: "Visit", unitAmount: 100 }] }) { order { id billTo { email } customer { id } } } }',
    )
    expect(made).toEqual({
      createOrder: { order: { id: 'in_2', billTo: { email: 'jane.doe@example.com' }, customer: { id: '101' } } },
    })
    expect(posts.filter(path => path === '/v1/customers')).toEqual([])
    expect(held.customers['cus_1']).toMatchObject({ email: 'jane.doe@example.com' })
  })

  test('stays when billing has another address, and is listed once that is another contact’s', async () => {
    const held = tools()
    const world = await worldOf(held)
    const edited = rawCustomer('cus_1', { email: 'accounts@firm.example' })
    held.customers['cus_1'] = edited
    await world.tellStripe(rawEvent('customer.updated', edited, { email: 'jane@example.com' }))
    expect([await heldBy(world, '101'), await unlinked(world)]).toEqual([all, []])
    held.contacts['102'] = contact('102', { email: 'Accounts@Firm.example' })
    await world.tellHubspot([told('contact.creation', '102', { changeFlag: 'NEW' })])
    expect([await heldBy(world, '101'), await unlinked(world)]).toEqual([all, ['cus_1 Customer CONTRADICTED 101 102']])
    const refused = await world.ask(
      'mutation { createOrder(input: { customerId: "101", currency: "USD", lines: [{ description: "Visit", unitAmount: 100 }] }) { order { id } } }',
    )
    expect(codes(refused)).toEqual(['BAD_USER_INPUT'])
    // The record says who it is.
    const named = rawCustomer('cus_1', { email: 'accounts@firm.example', metadata: { crm_id: '102' } })
    held.customers['cus_1'] = named
    await world.tellStripe(rawEvent('customer.updated', named, { metadata: {} }))
    expect(await unlinked(world)).toEqual([])
    expect(await heldBy(world, '102')).toEqual({ orders: ['in_1'], jobs: [], links: ['102', 'cus_1'] })
  })
})

describe('addresses of a contact', () => {
  // Source of the commas: HubspotCommunity/hubspot-ruby, pull request 111.
  test.each([
    ['with semicolons', 'mara@home.example;m.voss@old.example'],
    ['with commas and blanks', 'mara@home.example, M.Voss@old.example'],
  ])('all count from the first import on, listed %s', async (_, additional) => {
    const held: Tools = {
      contacts: {
        201: contact('201', {
          email: 'mara@work.example',
          hs_additional_emails: additional,
          hs_merged_object_ids: '187;188',
        }),
      },
      customers: {
        cus_a: rawCustomer('cus_a', { email: 'mara@home.example' }),
        cus_b: rawCustomer('cus_b', { email: 'mara@work.example' }),
      },
      invoices: { in_a: rawInvoice('in_a', 'cus_a'), in_b: rawInvoice('in_b', 'cus_b') },
      tasks: { 61: task('61', section, inField('123', 'm.voss@old.example')) },
    }
    const world = await worldOf(held)
    const links = ['187', '188', '201', '61', 'cus_a', 'cus_b']
    expect(await heldBy(world, '201')).toEqual({ orders: ['in_a', 'in_b'], jobs: ['61'], links })
    const found = await world.data('{ customers(filter: { email: "mara@home.example" }) { nodes { id } totalCount } }')
    expect(found).toEqual({ customers: { nodes: [{ id: '201' }], totalCount: 1 } })
    held.customers['cus_c'] = rawCustomer('cus_c', { email: 'm.voss@old.example' })
    held.customers['cus_d'] = rawCustomer('cus_d', { email: 'new@x.example' })
    await world.tellStripe(rawEvent('customer.created', held.customers['cus_c']))
    await world.tellStripe(rawEvent('customer.created', held.customers['cus_d']))
    expect(await unlinked(world)).toEqual(['cus_d Customer BIRTH null '])
    await changeContact(world, held.contacts, '201', {
      email: 'mara@work.example',
      hs_additional_emails: 'new@x.example',
    })
    expect(await unlinked(world)).toEqual([])
    expect((await heldBy(world, '201')).links).toEqual(expect.arrayContaining(['cus_c', 'cus_d']))
  })

  // Source: developers.hubspot.com/changelog, "Updated merge functionality for contacts and companies": merging makes a new record.
  test('of two contacts merged into a third are the third one’s, told or seen at the first import', async () => {
    const before: Tools = {
      contacts: {
        11: contact('11', { email: 'one@x.example' }),
        12: contact('12', { email: 'two@x.example', hs_additional_emails: 'three@x.example' }),
      },
      customers: {
        cus_1: rawCustomer('cus_1', { email: 'one@x.example' }),
        cus_2: rawCustomer('cus_2', { email: 'two@x.example' }),
        cus_3: rawCustomer('cus_3', { email: 'three@x.example' }),
      },
      invoices: {
        in_1: rawInvoice('in_1', 'cus_1'),
        in_2: rawInvoice('in_2', 'cus_2'),
        in_3: rawInvoice('in_3', 'cus_3'),
      },
      tasks: {
        61: task('61', section, inField('123', '12')),
        62: task('62', section, inField('123', 'three@x.example')),
      },
    }
    const third = contact('13', {
      email: 'one@x.example',
      hs_additional_emails: 'two@x.example;three@x.example',
      hs_merged_object_ids: '11;12',
      hs_calculated_merged_vids: '11:1788220800000;12:1788220800000',
    })
    const all = {
      orders: ['in_1', 'in_2', 'in_3'],
      jobs: ['61', '62'],
      links: ['11', '12', '13', '61', '62', 'cus_1', 'cus_2', 'cus_3'],
    }
    const world = await worldOf(before)
    delete before.contacts['11']
    delete before.contacts['12']
    before.contacts['13'] = third
    await world.tellHubspot([
      told('contact.merge', '13', {
        primaryObjectId: 11,
        mergedObjectIds: [12],
        newObjectId: 13,
        numberOfPropertiesMoved: 1,
      }),
    ])
    expect([await heldBy(world, '13'), await unlinked(world)]).toEqual([all, []])
    expect(await world.data('{ customer(id: "12") { id } }')).toEqual({ customer: { id: '13' } })
    const later = await worldOf(before)
    expect([await heldBy(later, '13'), await unlinked(later)]).toEqual([all, []])
  })

  // Source: foundata/roundcube-plugin-identity-from-directory, issue 8.
  test.each([
    ['info@xn--mller-kva.example', 'info@müller.example'],
    ['info@MÜLLER.example', 'Info@xn--Mller-KVA.example'],
    ['foo@xn--berall-2ya.example.com', 'foo@überALL.example.com'],
    ['bar@u\u0308berall.example', 'bar@xn--berall-2ya.example'],
  ])('are compared with their domain in one form: %s and %s', async (ofContact, ofCustomer) => {
    const world = await worldOf({
      contacts: { 302: contact('302', { email: ofContact }) },
      customers: { cus_302: rawCustomer('cus_302', { email: ofCustomer }) },
      invoices: {},
      tasks: { 61: task('61', section, inField('123', ofCustomer)) },
    })
    expect([await heldBy(world, '302'), await unlinked(world)]).toEqual([
      { orders: [], jobs: ['61'], links: ['302', '61', 'cus_302'] },
      [],
    ])
  })
})

describe('a record in the middle that is gone', () => {
  test('leaves its invoices with the contact, told by webhook and at an import that never saw it', async () => {
    const held: Tools = {
      contacts: { 103: contact('103', { email: 'ida@example.com' }) },
      customers: { cus_3: rawCustomer('cus_3', { email: 'ida@example.com', metadata: { crm_id: '103' } }) },
      invoices: {
        in_3: rawInvoice('in_3', 'cus_3', { status: 'paid', total: 7000, customer_email: 'ida@example.com' }),
      },
      tasks: {},
    }
    const world = await worldOf(held)
    const deleted = { id: 'cus_3', object: 'customer', deleted: true }
    const before = held.customers['cus_3'] ?? {}
    held.customers['cus_3'] = deleted
    await world.tellStripe(rawEvent('customer.deleted', before))
    const ofOrder = '{ order(id: "in_3") { total { amount } customer { id } } }'
    const order = { order: { total: { amount: 7000 }, customer: { id: '103' } } }
    expect([await heldBy(world, '103'), await world.data(ofOrder), await unlinked(world)]).toEqual([
      { orders: ['in_3'], jobs: [], links: ['103'] },
      order,
      [],
    ])
    // Lists hold no deleted ones.
    const fresh = await worldOf({
      ...held,
      customers: {},
      invoices: { ...held.invoices, in_4: rawInvoice('in_4', 'cus_4', { customer_email: 'stranger@example.com' }) },
    })
    expect([await fresh.data(ofOrder), await unlinked(fresh)]).toEqual([
      order,
      ['in_4 Customer UNKNOWN_REFERENCE null '],
    ])
  })
})

test('an order is named by its printed number, now or once it has one; what means none is listed', async () => {
  const held: Tools = {
    contacts: { 101: contact('101', { email: 'a@example.com' }) },
    customers: { cus_1: rawCustomer('cus_1', { email: 'a@example.com' }) },
    invoices: {
      in_1: rawInvoice('in_1', 'cus_1', { number: 'ABCD-0007' }),
      in_2: rawInvoice('in_2', 'cus_1', { number: null, status: 'draft' }),
    },
    tasks: {
      84: task('84', section, inField('124', 'ABCD-0007')),
      85: task('85', section, inField('124', 'in_1')),
      86: task('86', section, inField('124', 'ZZZZ-9999')),
    },
  }
  const world = await worldOf(held)
  const orderOf = async (id: string) => at(await world.data(`{ job(id: "${id}") { order { id } } }`), 'job.order')
  expect([await orderOf('84'), await orderOf('85'), await orderOf('86'), await unlinked(world)]).toEqual([
    { id: 'in_1' },
    { id: 'in_1' },
    null,
    ['86 Order UNKNOWN_REFERENCE null '],
  ])
  held.invoices['in_2'] = rawInvoice('in_2', 'cus_1', { number: 'ZZZZ-9999' })
  await world.tellStripe(rawEvent('invoice.finalized', held.invoices['in_2']))
  expect([await orderOf('86'), await unlinked(world)]).toEqual([{ id: 'in_2' }, []])
})

// Sources: better-auth/better-auth, issues 3670 and 10434; dj-stripe/dj-stripe, issue 677; invertase/stripe-firebase-extensions, pull request 648.
test('a customer that Stripe has already, and no webhook told of, is billed rather than a second one made', async () => {
  const held: Tools = {
    contacts: { 101: contact('101', { email: 'there@example.com' }) },
    customers: {},
    invoices: {},
    tasks: {},
  }
  const made: string[] = []
  const writes: Answer = ({ method, path }) => {
    if (method !== 'POST') return undefined
    made.push(path)
    if (path === '/v1/customers') return { body: rawCustomer('cus_second', { email: 'there@example.com' }) }
    held.invoices['in_1'] = rawInvoice('in_1', 'cus_there', { status: 'draft' })
    return { body: path === '/v1/invoiceitems' ? { id: 'ii_1', object: 'invoiceitem' } : held.invoices['in_1'] }
  }
  const world = await worldOf(held, writes)
  held.customers['cus_there'] = rawCustomer('cus_there', { email: 'there@example.com' })
  await world.data(
    'mutation { createOrder(input: { customerId: "101", currency: "USD", lines: [{ description: "Visit", unitAmount: 100 }] }) { order { id } } }',
  )
  expect(made).not.toContain('/v1/customers')
  expect(await heldBy(world, '101')).toEqual({ orders: ['in_1'], jobs: [], links: ['101', 'cus_there'] })
})
