import { expect, test } from 'vitest'
import { asanaAccount, contact, hubspotAccount, stripeAccount, type RawRecords } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'
import type { Answer } from './vendor-server.ts'

// Source of the kind: PostHog/posthog#67347, pages of 100 invoices cut off by a short timeout, again and again.

const environment = {
  VENDOR_TRY_TIMEOUT_MS: '100',
  VENDOR_TOTAL_TIMEOUT_MS: '2000',
  VENDOR_LIST_TIMEOUT_MS: '600',
}

const contacts = { 101: contact('101', { email: 'jane@example.com', firstname: 'Jane' }) }

/** Lists take their time by the number of records asked for; other requests are answered at once. */
function slowLists(msForEach: number, isList: (path: string) => boolean, answer: Answer): Answer {
  return async request => {
    const found = await answer(request)
    if (found === undefined || request.method !== 'GET' || !isList(request.path)) return found
    return { ...found, delayMs: msForEach * Number(request.query.get('limit') ?? 100) }
  }
}

const customer = (id: string) => ({
  id,
  object: 'customer',
  created: 1_767_225_600,
  email: 'jane@example.com',
  metadata: {},
})

test('a vendor whose pages take longer than a look-up may is imported all the same', async () => {
  const world = await startFieldWorld({
    environment,
    hubspot: [slowLists(3, path => path.endsWith('/contacts'), hubspotAccount({ contacts }))],
    stripe: [
      slowLists(3, path => path === '/v1/customers', stripeAccount({ customers: { cus_1: customer('cus_1') } })),
    ],
  })
  expect(
    await world.data('{ customers { totalCount } customer(id: "101") { links { record { id } } } }'),
  ).toMatchObject({
    customers: { totalCount: 1 },
    customer: { links: expect.arrayContaining([{ record: { id: 'cus_1' } }]) },
  })
})

test('pages that take too long are asked for with fewer records, in all tools', async () => {
  const world = await startFieldWorld({
    environment,
    hubspot: [slowLists(10, path => path.endsWith('/contacts'), hubspotAccount({ contacts }))],
    stripe: [
      slowLists(10, path => path === '/v1/customers', stripeAccount({ customers: { cus_1: customer('cus_1') } })),
    ],
    asana: [slowLists(10, path => path.endsWith('/tasks'), asanaAccount({ project: '99', tasks: tasks('61') }))],
  })
  expect(await world.data('{ customers { totalCount } jobs { totalCount isComplete } }')).toEqual({
    customers: { totalCount: 1 },
    jobs: { totalCount: 1, isComplete: true },
  })
  const limits = (requests: typeof world.hubspot.requests, path: RegExp): readonly (string | null)[] =>
    requests.filter(one => one.method === 'GET' && path.test(one.path)).map(({ query }) => query.get('limit'))
  expect(limits(world.hubspot.requests, /\/contacts$/)).toEqual(['100', '50'])
  expect(limits(world.stripe.requests, /\/customers$/)).toEqual(['100', '50'])
  expect(limits(world.asana.requests, /\/tasks$/)).toEqual(['100', '50'])
})

test('a page that is larger than can be read is asked for with fewer records', async () => {
  const padding = 'x'.repeat(200_000)
  const all = Object.fromEntries(
    Array.from({ length: 60 }, (_, at) => [`cus_${at}`, { ...customer(`cus_${at}`), padding }]),
  )
  const world = await startFieldWorld({
    environment: { ...environment, VENDOR_LIST_TIMEOUT_MS: '20000' },
    stripe: [pagesOf(all)],
  })
  const { data } = await world.ask('{ unlinkedRecords { totalCount } systems { system isImported } }')
  expect(data).toMatchObject({ unlinkedRecords: { totalCount: 60 } })
})

test('while a list is slow, records are still looked up', async () => {
  const tools = { contacts }
  const world = await startFieldWorld({
    environment: { ...environment, VENDOR_LIST_TIMEOUT_MS: '60' },
    waitsForImport: false,
    hubspot: [slowLists(100, path => path.endsWith('/contacts'), hubspotAccount(tools))],
  })
  await expect.poll(() => world.log.some(({ message }) => message === 'the import waits')).toBe(true)
  expect(await world.data('{ customer(id: "101") { name } }')).toEqual({ customer: { name: 'Jane' } })
})

test('nothing is asked for in a list of invoices that the index does not keep', async () => {
  const world = await startFieldWorld()
  const [list] = world.stripe.requests.filter(({ path }) => path === '/v1/invoices')
  expect([...(list?.query.keys() ?? [])]).toEqual(['limit'])
})

function tasks(gid: string): RawRecords {
  return {
    [gid]: {
      gid,
      resource_type: 'task',
      name: 'Install boiler',
      completed: false,
      created_at: '2026-01-01T00:00:00.000Z',
      modified_at: '2026-01-02T00:00:00.000Z',
      memberships: [{ project: { gid: '99' }, section: { gid: '5', name: 'Scheduled' } }],
      projects: [{ gid: '99' }],
      custom_fields: [],
    },
  }
}

/** Stripe's own paging, by `limit` and `starting_after`. */
function pagesOf(all: RawRecords): Answer {
  return ({ method, path, query }) => {
    if (method !== 'GET' || path !== '/v1/customers')
      return stripeAccount({})({ method, path, query, headers: {}, body: '' })
    const ids = Object.keys(all)
    const from = query.get('starting_after') === null ? 0 : ids.indexOf(query.get('starting_after') ?? '') + 1
    const page = ids.slice(from, from + Number(query.get('limit')))
    const isLast = from + page.length >= ids.length
    return { body: { object: 'list', url: path, has_more: !isLast, data: page.map(id => all[id]) } }
  }
}
