import { expect, test, vi } from 'vitest'
import { askElsewhere, at, codes, idsAt, listAt } from './reading.ts'
import { startWorld, type World } from './world.ts'

const linkRecord = `mutation($id: ID!, $to: ID) { linkRecord(input: { system: "stripe", kind: "customer", id: $id, customerId: $to }) { customer { id } } }`

const ordersOf = `query($id: ID!) { customer(id: $id) { id orders(first: 100) { nodes { id customer { id } } totalCount } paymentMethod { id } links { record { system id } evidence } } }`

/** What billing has for its own customers, newest first. */
function invoicesOf({ tools }: World, ...records: readonly string[]): readonly string[] {
  return tools.stripe
    .snapshot()
    .invoices.filter(({ head }) => records.some(id => id === head.customer))
    .map(({ head }) => head.id)
    .toSorted()
}

function unlinkedOf(answer: unknown): readonly unknown[] {
  return listAt(answer, 'unlinkedRecords.nodes')
}

const unlinkedRecords = `{ unlinkedRecords(first: 100) { nodes { record { id } reason candidates } totalCount } }`

const allUnlinked = `{ unlinkedRecords(first: 100) { nodes { record { id } entity entityId reason candidates } } }`

/** What is in question of the given records. */
async function questionsOf(world: World, ...ids: readonly string[]): Promise<readonly string[]> {
  return listAt(await world.data(allUnlinked), 'unlinkedRecords.nodes')
    .filter(node => ids.includes(String(at(node, 'record.id'))))
    .map(node =>
      ['record.id', 'entity', 'reason', 'entityId', 'candidates'].map(path => String(at(node, path))).join(' '),
    )
}

test('a customer with two billing records has the orders of both and pays with the leading one', async () => {
  const world = await startWorld()
  const { stripe } = world.tools
  const ada = await world.data(ordersOf, { id: '101' })
  expect(idsAt(ada, 'customer.orders.nodes').toSorted()).toEqual(invoicesOf(world, 'cus_9', 'cus_12'))
  expect(invoicesOf(world, 'cus_9').length * invoicesOf(world, 'cus_12').length).toBeGreaterThan(0)
  expect(at(ada, 'customer.links')).toEqual(
    expect.arrayContaining(['cus_9', 'cus_12'].map(id => ({ record: { system: 'stripe', id }, evidence: 'EXPLICIT' }))),
  )
  // A person's word leads, whichever record is newer.
  for (const leading of ['cus_9', 'cus_12', 'cus_9']) {
    await world.data(linkRecord, { id: leading === 'cus_9' ? 'cus_12' : 'cus_9', to: null })
    await world.data(linkRecord, { id: leading, to: '101' })
    const held = stripe.snapshot().customers.find(({ id }) => id === leading)?.invoice_settings.default_payment_method
    const seen = await askElsewhere(world, ordersOf, { id: '101' })
    expect([leading, at(seen, 'customer.paymentMethod')]).toEqual([leading, held == null ? null : { id: held }])
    expect(idsAt(seen, 'customer.orders.nodes').toSorted()).toEqual(invoicesOf(world, leading))
  }
})

test('the links of a customer tell which jobs name it, in which field and since when', async () => {
  const world = await startWorld()
  const links = '{ customer(id: "101") { links { record { system kind id } evidence field linkedAt } } }'
  const task = world.tools.asana.createTask({ name: 'Fit a boiler', texts: new Map([['123', 'cus_12']]) })
  await world.settled()
  const found = listAt(await world.data(links), 'customer.links')
  expect(found).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ record: { system: 'stripe', kind: 'customer', id: 'cus_9' }, field: null }),
      {
        record: { system: 'asana', kind: 'task', id: task.gid },
        evidence: 'EXPLICIT',
        field: 'Job.customer',
        linkedAt: expect.stringMatching(/^\d{4}-/),
      },
    ]),
  )
  world.tools.asana.updateTask(task.gid, { texts: new Map([['123', '102']]) })
  await world.settled()
  expect(JSON.stringify(await world.data(links))).not.toContain(`"${task.gid}"`)
})

test('what a person linked moves with its orders, and no webhook takes it back', async () => {
  const world = await startWorld()
  const frames = world.subscribe(
    `subscription { customerChanged(id: "102") { change { kind } customer { orders { totalCount } } } }`,
  )
  const before = Number(at(await frames.next(), 'data.customerChanged.customer.orders.totalCount'))
  const moved = invoicesOf(world, 'cus_12')
  expect(await world.data(linkRecord, { id: 'cus_12', to: '102' })).toEqual({ linkRecord: { customer: { id: '102' } } })
  expect(await frames.next()).toEqual({
    data: {
      customerChanged: { change: { kind: 'LINKED' }, customer: { orders: { totalCount: before + moved.length } } },
    },
  })
  world.tools.stripe.updateCustomer('cus_12', { email: 'somebody@example.com', metadata: { crm_id: '103' } })
  world.tools.hubspot.updateContact('101', { phone: '+15550101' })
  await world.settled()
  const linked = await askElsewhere(world, ordersOf, { id: '102' })
  expect(idsAt(linked, 'customer.orders.nodes')).toEqual(expect.arrayContaining([...moved]))
  expect(JSON.stringify(listAt(linked, 'customer.orders.nodes'))).not.toContain('"101"')
  expect(at(linked, 'customer.links')).toContainEqual({
    record: { system: 'stripe', id: 'cus_12' },
    evidence: 'PERSON',
  })
  expect(idsAt(await world.data(ordersOf, { id: '101' }), 'customer.orders.nodes').toSorted()).toEqual(
    invoicesOf(world, 'cus_9'),
  )
  for (const [variables, code] of [
    [{ id: 'cus_none', to: '101' }, 'NOT_FOUND'],
    [{ id: 'cus_12', to: '9999' }, 'NOT_FOUND'],
  ] as const) {
    expect(codes(await world.ask(linkRecord, variables))).toEqual([code])
  }
})

test('a billing record of somebody the CRM does not know is listed, and its orders say to whom they went', async () => {
  const world = await startWorld()
  const { stripe, hubspot } = world.tools
  const stranger = stripe.createCustomer({ name: 'Wanda Walkin', email: 'wanda@example.org' })
  const order = stripe.createInvoice({ customer: stranger.id }, [
    { amount: 5000, currency: 'usd', description: 'Call-out' },
  ])
  await world.settled()
  const ofOrder = `query($id: ID!) { order(id: $id) { customer { id } billTo { name email } total { amount } } }`
  expect(await world.data(ofOrder, { id: order.id })).toEqual({
    order: { customer: null, billTo: { name: 'Wanda Walkin', email: 'wanda@example.org' }, total: { amount: 5000 } },
  })
  expect(unlinkedOf(await world.data(unlinkedRecords))).toContainEqual({
    record: { id: stranger.id },
    reason: 'BIRTH',
    candidates: [],
  })
  const contact = hubspot.createContact({ email: 'Wanda@Example.org', firstname: 'Wanda', lastname: 'Walkin' })
  await world.settled()
  expect(await askElsewhere(world, ofOrder, { id: order.id })).toMatchObject({
    order: { customer: { id: contact.id } },
  })
  expect(JSON.stringify(unlinkedOf(await world.data(unlinkedRecords)))).not.toContain(stranger.id)
  // A reference that leads nowhere is not guessed around: of a new record nothing is made, of a linked one the link stays.
  stripe.updateCustomer(stranger.id, { metadata: { crm_id: '9999' } })
  await world.settled()
  const named = stripe.createCustomer({ email: 'wanda@example.org', metadata: { crm_id: '9999' } })
  await world.settled()
  expect(await askElsewhere(world, ofOrder, { id: order.id })).toMatchObject({
    order: { customer: { id: contact.id } },
  })
  expect(await questionsOf(world, stranger.id, named.id)).toEqual([
    `${stranger.id} Customer UNKNOWN_REFERENCE ${contact.id} `,
    `${named.id} Customer UNKNOWN_REFERENCE null `,
  ])
})

test('an e-mail that two customers have links nobody new until only one has it, and ends no link', async () => {
  const world = await startWorld()
  const { stripe, hubspot } = world.tools
  const first = hubspot.createContact({ email: 'shared@example.org', firstname: 'One' })
  const record = stripe.createCustomer({ name: 'Shared', email: 'SHARED@example.org' })
  await world.settled()
  const links = `query($id: ID!) { customer(id: $id) { links { record { id } evidence } } }`
  const linked = { record: { id: record.id }, evidence: 'EMAIL' }
  expect(at(await world.data(links, { id: first.id }), 'customer.links')).toContainEqual(linked)
  // The CRM's word of the first's new address is lost on its way.
  hubspot.faults.add({ webhook: 'drop', times: 1 })
  hubspot.updateContact(first.id, { email: 'own@example.org' })
  await world.settled()
  const second = hubspot.createContact({ email: 'shared@example.org', firstname: 'Two' })
  await world.settled()
  const other = stripe.createCustomer({ email: 'shared@example.org' })
  await world.settled()
  expect(await questionsOf(world, record.id, other.id)).toEqual([
    `${record.id} Customer AMBIGUOUS_EMAIL ${first.id} ${first.id},${second.id}`,
    `${other.id} Customer AMBIGUOUS_EMAIL null ${first.id},${second.id}`,
  ])
  hubspot.updateContact(first.id, { phone: '+15550150' })
  await world.settled()
  expect(at(await world.data(links, { id: first.id }), 'customer.links')).toContainEqual(linked)
  expect(at(await world.data(links, { id: second.id }), 'customer.links')).toContainEqual({
    record: { id: other.id },
    evidence: 'EMAIL',
  })
  expect(await questionsOf(world, record.id, other.id)).toEqual([
    `${record.id} Customer CONTRADICTED ${first.id} ${second.id}`,
  ])
  // A person keeps it as it is, and takes that back.
  await world.data(linkRecord, { id: record.id, to: first.id })
  expect(await questionsOf(world, record.id)).toEqual([])
  const reset = `mutation($id: ID!) { resetLink(input: { system: "stripe", kind: "customer", id: $id, clientMutationId: "r" }) { customer { id } clientMutationId } }`
  expect(await world.data(reset, { id: record.id })).toEqual({
    resetLink: { customer: { id: second.id }, clientMutationId: 'r' },
  })
  expect(await questionsOf(world, record.id)).toEqual([])
})

const wholeOf = `query($id: ID!) { customer(id: $id) { orders { nodes { id } } jobs { nodes { id } } balances { outstanding { amount } } links { record { id } } } }`

/** A customer with a billing record, an open order and a job that are known by e-mail only. */
async function customerByEmail(world: World, email: string) {
  const { hubspot, stripe, asana } = world.tools
  const contact = hubspot.createContact({ email })
  const record = stripe.createCustomer({ email })
  const order = stripe.createInvoice({ customer: record.id }, [{ amount: 1000, currency: 'usd', description: 'Visit' }])
  stripe.finalizeInvoice(order.id)
  const task = asana.createTask({ name: 'Visit', texts: new Map([['123', email]]) })
  await world.settled()
  const held = async () => {
    const answer = await askElsewhere(world, wholeOf, { id: contact.id })
    const records = listAt(answer, 'customer.links').map(link => at(link, 'record.id'))
    return {
      orders: idsAt(answer, 'customer.orders.nodes'),
      jobs: idsAt(answer, 'customer.jobs.nodes'),
      outstanding: listAt(answer, 'customer.balances').map(balance => at(balance, 'outstanding.amount')),
      isLinked: records.includes(record.id),
    }
  }
  const whole = { orders: [order.id], jobs: [task.gid], outstanding: [1000], isLinked: true }
  return { contact, record, order, task, held, whole }
}

test('orders and jobs stay with their customer when either side edits an e-mail address', async () => {
  const world = await startWorld()
  const { hubspot, stripe } = world.tools
  const happenings: ((known: Awaited<ReturnType<typeof customerByEmail>>, n: number) => unknown)[] = [
    ({ contact }, n) => {
      hubspot.setAdditionalEmails(contact.id, [`jane.doe-${n}@example.com`])
      return hubspot.updateContact(contact.id, { email: `jane.doe-${n}@example.com` })
    },
    ({ contact }) => hubspot.updateContact(contact.id, { email: null }),
    ({ contact }, n) =>
      world.data(
        `mutation { updateCustomer(input: { id: "${contact.id}", email: "new-${n}@example.com" }) { customer { id } } }`,
      ),
    ({ record }, n) => stripe.updateCustomer(record.id, { email: `accounts-${n}@firm.example` }),
  ]
  for (const [index, happen] of happenings.entries()) {
    const known = await customerByEmail(world, `jane-${index}@example.com`)
    expect(await known.held()).toEqual(known.whole)
    await happen(known, index)
    await world.settled()
    expect([index, await known.held()]).toEqual([index, known.whole])
    expect(await questionsOf(world, known.record.id, known.task.gid)).toEqual([])
  }
})

test('each of a contact’s addresses links, resolves and finds: from the first import on, by webhook, after a merge', async () => {
  const world = await startWorld({
    prepare({ hubspot, stripe, asana }) {
      const contact = hubspot.createContact({ email: 'mara@work.example' })
      const former = hubspot.createContact({ email: 'm.voss@old.example' })
      hubspot.mergeContacts(contact.id, former.id)
      hubspot.setAdditionalEmails(contact.id, ['m.voss@old.example', 'mara@home.example'])
      const record = stripe.createCustomer({ email: 'mara@home.example' })
      stripe.createInvoice({ customer: record.id })
      asana.createTask({ name: 'Mara', texts: new Map([['123', 'm.voss@old.example']]) })
    },
  })
  const { hubspot, stripe } = world.tools
  const mara = `query($email: String) { customers(filter: { email: $email }) { nodes { id orders { totalCount } jobs { totalCount } links { record { id } } } totalCount } }`
  const seen = async (email: string) => {
    const answer = await askElsewhere(world, mara, { email })
    return listAt(answer, 'customers.nodes').map(node => [at(node, 'orders.totalCount'), at(node, 'jobs.totalCount')])
  }
  for (const email of ['mara@work.example', 'Mara@Home.example', 'm.voss@old.example']) {
    expect([email, await seen(email)]).toEqual([email, [[1, 1]]])
  }
  const third = stripe.createCustomer({ email: 'm.voss@old.example' })
  const fourth = stripe.createCustomer({ email: 'mara@new.example' })
  await world.settled()
  expect(await questionsOf(world, third.id, fourth.id)).toEqual([`${fourth.id} Customer BIRTH null `])
  const id = idsAt(await world.data(mara, { email: 'mara@work.example' }), 'customers.nodes')[0] ?? ''
  hubspot.setAdditionalEmails(id, ['mara@new.example'])
  await world.settled()
  expect(await questionsOf(world, third.id, fourth.id)).toEqual([])
  expect(await seen('mara@home.example')).toEqual([])
  const loser = hubspot.createContact({ email: 'mara@third.example' })
  await world.settled()
  hubspot.mergeContacts(id, loser.id)
  const fifth = stripe.createCustomer({ email: 'mara@third.example' })
  await world.settled()
  const links = listAt(await world.data(mara, { email: 'mara@third.example' }), 'customers.nodes.0.links')
  const records = links.map(link => at(link, 'record.id'))
  expect(records).toEqual(expect.arrayContaining([third.id, fourth.id, fifth.id]))
})

test('a billing record that is deleted leaves its orders with the customer: told, swept, and imported anew', async () => {
  const world = await startWorld({ environment: { SWEEP_EVERY_SECONDS: '1' } })
  const known = await customerByEmail(world, 'ida@example.com')
  const { stripe } = world.tools
  const left = { ...known.whole, isLinked: false }
  stripe.deleteCustomer(known.record.id)
  await world.settled()
  expect(await known.held()).toEqual(left)
  const lost = await customerByEmail(world, 'ina@example.com')
  stripe.faults.add({ webhook: 'drop', times: 1 })
  stripe.deleteCustomer(lost.record.id)
  await vi.waitFor(async () => expect(await lost.held()).toEqual({ ...lost.whole, isLinked: false }), {
    timeout: 10_000,
  })
  const told = await world.gateway.importing.run({
    system: 'stripe',
    restart: true,
    tell: () => undefined,
    signal: new AbortController().signal,
  })
  expect(told).toBe('done')
  expect([await known.held(), await lost.held()]).toEqual([left, { ...lost.whole, isLinked: false }])
  expect(await questionsOf(world, known.order.id, lost.order.id)).toEqual([])
})

test('orders of a billing record that was deleted before the first import are with who has the address they went to', async () => {
  const made: { orders: string[] } = { orders: [] }
  const world = await startWorld({
    prepare({ hubspot, stripe }) {
      hubspot.createContact({ email: 'ida@example.com' })
      for (const email of ['ida@example.com', 'unknown@example.com']) {
        const record = stripe.createCustomer({ email })
        const order = stripe.createInvoice({ customer: record.id }, [
          { amount: 7000, currency: 'usd', description: 'x' },
        ])
        stripe.finalizeInvoice(order.id)
        stripe.deleteCustomer(record.id)
        made.orders.push(order.id)
      }
    },
  })
  const [own = '', others = ''] = made.orders
  const ofOrder = `query($id: ID!) { order(id: $id) { customer { email } total { amount } } }`
  expect(await world.data(ofOrder, { id: own })).toEqual({
    order: { customer: { email: 'ida@example.com' }, total: { amount: 7000 } },
  })
  expect(await world.data(ofOrder, { id: others })).toEqual({ order: { customer: null, total: { amount: 7000 } } })
  expect(await questionsOf(world, own, others)).toEqual([`${others} Customer UNKNOWN_REFERENCE null `])
})

test('what is edited in a copy is told as nothing of the owner’s', async () => {
  const world = await startWorld()
  const { contact, record } = await customerByEmail(world, 'vera@example.com')
  const frames = world.subscribe(
    `subscription($id: ID!) { customerChanged(id: $id) { change { kind fields } customer { name } } }`,
    { id: contact.id },
  )
  await frames.next()
  world.tools.stripe.updateCustomer(record.id, { name: 'Other', phone: '+15550100' })
  await world.settled()
  world.tools.hubspot.updateContact(contact.id, { firstname: 'Vera' })
  await world.settled()
  const seen: unknown[] = []
  while (JSON.stringify(seen.at(-1)) !== '["name"]') {
    seen.push(at(await frames.next(), 'data.customerChanged.change.fields'))
  }
  expect(seen.slice(0, -1)).toEqual(seen.slice(0, -1).map(() => ['links']))
})
