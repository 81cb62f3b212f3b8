import { expect, test } from 'vitest'
import { countQuarantined } from '../../gateway/store/quarantine.ts'
import { seededRandom } from '../simulators/core/random.ts'
import { at, listAt, silentWorld, textAt } from './reading.ts'
import { rows } from './quiet-world.ts'
import { startWorld, type World } from './world.ts'

/** What the graph shows of every record, a page of a hundred at a time. */
async function shown(world: World): Promise<Readonly<Record<string, readonly unknown[]>>> {
  const all: Record<string, readonly unknown[]> = {}
  for (const [list, fields] of [
    ['customers', 'id phone company'],
    ['orders', 'id status memo'],
    ['jobs', 'id title status'],
  ] as const) {
    const found: unknown[] = []
    let after: unknown = null
    do {
      const query = `query($after: String) { ${list}(first: 100, after: $after) { nodes { ${fields} } pageInfo { hasNextPage endCursor } } }`
      const data = await world.data(query, { after })
      found.push(...listAt(data, `${list}.nodes`))
      after = at(data, `${list}.pageInfo.hasNextPage`) === true ? at(data, `${list}.pageInfo.endCursor`) : null
    } while (after !== null)
    all[list] = found.toSorted(byId)
  }
  return all
}

/** The same as the tools have it. */
function held({ tools }: World): Readonly<Record<string, readonly unknown[]>> {
  const { hubspot, stripe, asana } = tools.snapshot()
  const sections = new Map(asana.projects.flatMap(project => project.sections.map(({ gid, name }) => [gid, name])))
  return {
    customers: hubspot.contacts
      .map(({ id, properties }) => ({ id, phone: properties['phone'] ?? null, company: properties['company'] ?? null }))
      .toSorted(byId),
    orders: stripe.invoices
      .map(({ head }) => ({ id: head.id, status: head.status?.toUpperCase(), memo: head.description }))
      .toSorted(byId),
    jobs: asana.tasks
      .flatMap(({ gid, name, memberships: [place] }) =>
        place === undefined ? [] : { id: gid, title: name, status: sections.get(place.sectionGid) },
      )
      .toSorted(byId),
  }
}

function byId(one: unknown, other: unknown): number {
  return String(at(one, 'id')) < String(at(other, 'id')) ? -1 : 1
}

/** Hundreds of changes in the tools, each told of in a webhook of its own. */
async function storm({ tools }: World, name: string, changes: number): Promise<void> {
  const { hubspot, stripe, asana } = tools
  const random = seededRandom(7)
  const one = <T>(from: readonly T[]): T => {
    const found = from[Math.floor(random() * from.length)]
    if (found === undefined) throw new Error('expected something to choose from')
    return found
  }
  const contact = () => one(hubspot.snapshot().contacts).id
  const customer = () => one(stripe.snapshot().customers).id
  const task = () => one(asana.snapshot().tasks.filter(({ memberships }) => memberships.length > 0)).gid
  const invoice = (...statuses: readonly string[]) =>
    one(stripe.snapshot().invoices.filter(({ head }) => statuses.includes(head.status ?? ''))).head.id
  const terms = { collection_method: 'send_invoice', days_until_due: 14 } as const
  const draft = (text: string) =>
    stripe.createInvoice({ customer: customer(), currency: 'usd', description: text, ...terms }, [
      { amount: 5000, currency: 'usd', description: 'Call-out' },
    ])
  const happenings: readonly ((text: string) => unknown)[] = [
    text => hubspot.updateContact(contact(), { phone: text }),
    text => hubspot.updateContact(contact(), { company: text }),
    text => hubspot.createContact({ email: `${text}@example.org`, phone: text }),
    () => hubspot.deleteContact(contact()),
    () => {
      const [winner, loser] = [contact(), contact()]
      if (winner !== loser) hubspot.mergeContacts(winner, loser)
    },
    text => draft(text),
    text => stripe.finalizeInvoice(draft(text).id),
    text => {
      const { id, status } = stripe.finalizeInvoice(draft(text).id)
      // A customer's credit may have paid it.
      if (status === 'open') stripe.payInvoice(id)
    },
    () => stripe.voidInvoice(invoice('open')),
    text => stripe.updateInvoice(invoice('draft'), { description: text }),
    text => {
      stripe.deleteInvoice(invoice('draft'))
      stripe.finalizeInvoice(draft(text).id)
    },
    text => stripe.createCustomer({ email: `${text}@example.org` }),
    text => asana.createTask({ name: text, texts: new Map([['123', contact()]]) }),
    text => asana.updateTask(task(), { name: text }),
    () => asana.moveTask(task(), one(['Scheduled', 'In progress', 'Done'])),
    () => asana.deleteTask(task()),
    () => asana.leaveProject(task()),
  ]
  for (let number = 0; number < 6; number++) draft(`${name} ${number}`)
  for (let number = 0; number < changes; number++) {
    one(happenings)(`${name}-${number}`)
    // Alone, so that a webhook that is lost is one change that is lost.
    await hubspot.webhooks.idle()
    await new Promise(resolve => setImmediate(resolve))
  }
}

async function sweep(world: World): Promise<readonly string[]> {
  const lines: string[] = []
  const signal = new AbortController().signal
  const end = await world.gateway.sweeping.run({ system: null, tell: line => lines.push(line), signal })
  expect([end, lines]).toEqual(['done', lines])
  await world.gateway.processor.idle()
  return lines
}

test('with one webhook of twenty lost in a storm, one sweep makes the graph what the tools hold', async () => {
  const world = await startWorld()
  await sweep(world)
  for (const tool of [world.tools.hubspot, world.tools.stripe, world.tools.asana])
    tool.faults.add({ webhook: 'drop', share: 0.05 })
  await storm(world, 'lossy', 250)
  await world.settled()
  // What came last is healed by nothing that came later.
  for (const tool of [world.tools.hubspot, world.tools.stripe, world.tools.asana]) tool.faults.add({ webhook: 'drop' })
  await storm(world, 'lost', 20)
  await world.settled()
  expect(await shown(world)).not.toEqual(held(world))
  await sweep(world)
  expect(await shown(world)).toEqual(held(world))
  const systems = listAt(await world.data('{ systems { system lastSweep { missed fault } } }'), 'systems')
  for (const one of systems) {
    expect(one).toMatchObject({ lastSweep: { fault: null } })
    expect(Number(at(one, 'lastSweep.missed'))).toBeGreaterThan(0)
  }
  // The index, the links and the log are at rest: what was found is not found again.
  const { changes } = await rows(world)
  await sweep(world)
  expect((await rows(world)).changes).toEqual(changes)
}, 120_000)

test('what no webhook told is pushed to whoever watches it, with the entity as it is', async () => {
  const world = await silentWorld()
  await sweep(world)
  const watched = [
    `subscription { customerChanged(id: "101") { change { kind system } customer { phone orders { totalCount } } } }`,
    `subscription { jobChanged(id: "55") { change { kind fields system } job { title } } }`,
  ].map(query => world.subscribe(query))
  for (const frames of watched) await frames.next()
  const [customer, job] = watched
  world.tools.hubspot.updateContact('101', { phone: '+15550177' })
  await sweep(world)
  expect(await customer?.next()).toMatchObject({
    data: { customerChanged: { change: { kind: 'UPDATED', system: 'hubspot' }, customer: { phone: '+15550177' } } },
  })
  world.tools.asana.updateTask('55', { name: 'Found by a sweep' })
  await sweep(world)
  expect(await job?.next()).toMatchObject({
    data: {
      jobChanged: { change: { kind: 'UPDATED', fields: ['title', 'updatedAt'] }, job: { title: 'Found by a sweep' } },
    },
  })
  world.tools.hubspot.deleteContact('101')
  await sweep(world)
  expect(await customer?.next()).toMatchObject({
    data: { customerChanged: { change: { kind: 'DELETED' }, customer: null } },
  })
})

test('a sweep right after the webhooks makes no second Change, nor do webhooks that come after a sweep', async () => {
  const world = await startWorld()
  const { hubspot, stripe, asana } = world.tools
  const change = async (text: string) => {
    hubspot.updateContact('101', { phone: text })
    const loser = hubspot.createContact({ email: `${text}@example.org` })
    hubspot.mergeContacts('102', loser.id)
    hubspot.deleteContact(hubspot.createContact({ phone: text }).id)
    const [invoice] = stripe.snapshot().invoices
    stripe.updateInvoice(invoice?.head.id ?? '', { description: text })
    stripe.deleteCustomer(stripe.createCustomer({ email: `${text}@example.org` }).id)
    asana.updateTask('55', { name: text })
    asana.deleteTask(asana.createTask({ name: text }).gid)
    await world.data(`mutation { updateCustomer(input: { id: "103", phone: "${text}" }) { customer { id } } }`)
    await world.data(`mutation { updateJob(input: { id: "55", title: "${text} too" }) { job { id } } }`)
  }
  await sweep(world)
  await change('1')
  await world.settled()
  const told = (await rows(world)).changes
  await sweep(world)
  expect((await rows(world)).changes).toEqual(told)

  // The other way round: the tools' webhooks wait until the sweep is over.
  for (const tool of [hubspot, stripe, asana]) tool.webhooks.pause()
  await change('2')
  await sweep(world)
  const found = (await rows(world)).changes
  expect(found.length).toBeGreaterThan(told.length)
  for (const tool of [hubspot, stripe, asana]) tool.webhooks.resume()
  await world.settled()
  expect((await rows(world)).changes).toEqual(found)
}, 30_000)

const systems = `{ systems { system completeUpTo lagSeconds lastDeliveryAt lastSweep { startedAt endedAt missed fault } webhooks { endpoint state note checkedAt } } }`

test('each system says up to when it is complete, and whether its webhooks are alive', async () => {
  const world = await startWorld()
  await world.settled()
  const before = listAt(await world.data(systems), 'systems')
  for (const one of before) {
    expect(one).toMatchObject({ lastSweep: null, completeUpTo: expect.any(String) })
  }
  // Whoever was connected just now is known to be.
  expect(before.map(one => listAt(one, 'webhooks').length)).toEqual([0, 0, 1])
  const startedAt = Date.now()
  await sweep(world)
  const [hubspot, stripe, asana] = listAt(await world.data(systems), 'systems')
  expect(hubspot).toMatchObject({ system: 'hubspot', webhooks: [{ endpoint: '', state: 'UNKNOWN' }] })
  expect(stripe).toMatchObject({ system: 'stripe', webhooks: [{ endpoint: '', state: 'ACTIVE', note: null }] })
  expect(asana).toMatchObject({ system: 'asana', webhooks: [{ endpoint: '99', state: 'ACTIVE', note: null }] })
  for (const one of [hubspot, stripe, asana]) {
    const lagMs = startedAt - Date.parse(textAt(one, 'completeUpTo'))
    // As late as the feed may be, and no later.
    expect(lagMs).toBeLessThan(61_000)
    expect(Math.abs(Number(at(one, 'lagSeconds')) * 1000 - lagMs)).toBeLessThan(20_000)
    expect(one).toMatchObject({ lastSweep: { missed: 0, fault: null, endedAt: expect.any(String) } })
  }
  // What a sweep found is no delivery.
  expect(at(stripe, 'lastDeliveryAt')).toBeNull()
  const [hook] = world.tools.asana.webhooks.all
  await fetch(`${world.tools.asana.basePath}/webhooks/${hook?.gid ?? ''}`, { method: 'DELETE' })
  expect((await sweep(world)).join()).toContain('npm run connect -- asana')
  const later = listAt(await world.data(systems), 'systems')
  expect(later[2]).toMatchObject({ webhooks: [{ endpoint: '99', state: 'GONE' }] })
  const ready = await fetch(`${world.gateway.url}/health/ready`)
  expect([ready.status, await ready.json()]).toMatchObject([200, { parts: { asana: 'its webhook of 99 is gone' } }])
  expect(await world.gateway.connect('asana', () => undefined)).toBe('done')
  expect(await (await fetch(`${world.gateway.url}/health/ready`)).json()).toMatchObject({ parts: { asana: 'ok' } })
})

test('a webhook whose signing secret is not known is told as failing, and what it sends is kept until it is', async () => {
  const world = await startWorld({ environment: { STRIPE_WEBHOOK_SECRET: '' } })
  expect((await sweep(world)).join()).toContain('stripe: its webhook is failing. Its signing secret is not known here')
  expect(listAt(await world.data(systems), 'systems')[1]).toMatchObject({ webhooks: [{ state: 'FAILING' }] })
  const ready = await fetch(`${world.gateway.url}/health/ready`)
  expect(await ready.json()).toMatchObject({ parts: { stripe: 'its webhook is failing' } })
  const { headers, body } = world.tools.stripe.webhooks.signed({
    id: 'evt_1',
    object: 'event',
    type: 'invoice.updated',
    created: Math.floor(Date.now() / 1000),
    data: { object: { id: 'in_1' }, previous_attributes: { description: null } },
  })
  expect((await world.post('/webhooks/stripe', { headers, body })).status).toBe(401)
  await expect
    .poll(() => countQuarantined(world.gateway.runtime.store))
    .toMatchObject([{ system: 'stripe', requests: 1 }])
})

test('a system that refuses its sweep says why, and the others are swept', async () => {
  const world = await silentWorld()
  world.tools.stripe.faults.add({ kind: 'error', status: 403, match: { path: /events/ } })
  world.tools.hubspot.updateContact('101', { phone: '+15550178' })
  const signal = new AbortController().signal
  expect(await world.gateway.sweeping.run({ system: null, tell: () => undefined, signal })).toBe('failed')
  const found = listAt(await world.data(systems), 'systems')
  expect(found[0]).toMatchObject({ lastSweep: { missed: 1, fault: null } })
  expect(found[1]).toMatchObject({ lastSweep: { fault: expect.stringContaining('403'), endedAt: expect.any(String) } })
  world.tools.stripe.faults.clear()
  await sweep(world)
  const later = listAt(await world.data(systems), 'systems')
  expect(later[1]).toMatchObject({ lastSweep: { fault: null } })
})

test('sweeps come by themselves, and not while everything is being imported', async () => {
  const world = await startWorld({ environment: { SWEEP_EVERY_SECONDS: '1' } })
  await world.settled()
  for (const tool of [world.tools.hubspot, world.tools.stripe, world.tools.asana]) tool.faults.add({ webhook: 'drop' })
  world.tools.asana.updateTask('55', { name: 'Nobody told' })
  const read = async () =>
    at(await world.data('{ jobs(first: 100) { nodes { id } } job(id: "55") { title } }'), 'job.title')
  await expect.poll(read, { timeout: 15_000, interval: 200 }).toBe('Nobody told')
}, 30_000)

test('the first sweep goes on from where the first import began, and lists nothing again', async () => {
  const list = { method: 'GET', path: /tasks$/ }
  const world = await startWorld({
    waitsForImport: false,
    // Asana is still listing when a task changes that it has shown already, and no webhook tells.
    prepare: ({ asana }) => asana.faults.add({ webhook: 'drop' }, { kind: 'slow', delayMs: 300, match: list }),
  })
  const { asana } = world.tools
  await expect.poll(() => asana.requests.count('GET /api/1.0/tasks')).toBeGreaterThan(0)
  asana.updateTask('55', { name: 'Told by nobody' })
  await world.gateway.importing.ended()
  asana.updateTask('55', { name: 'Told by the sweep' })
  asana.requests.clear()
  await sweep(world)
  expect(await world.data('{ job(id: "55") { title } }')).toEqual({ job: { title: 'Told by the sweep' } })
  expect(asana.requests.count('GET /api/1.0/tasks')).toBe(0)
  expect(world.log.map(({ message }) => message).join()).not.toContain('too old')
})
