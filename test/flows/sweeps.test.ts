import { expect, test } from 'vitest'
import { seededRandom } from '../simulators/core/random.ts'
import { at, listAt } from './reading.ts'
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
async function storm({ tools }: World, changes: number): Promise<void> {
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
  for (let number = 0; number < 6; number++) draft(`seed-${number}`)
  for (let number = 0; number < changes; number++) {
    one(happenings)(`change-${number}`)
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
  await storm(world, 300)
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
