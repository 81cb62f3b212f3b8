import { expect, test } from 'vitest'
import { startWorld } from './world.ts'

test('a value that is none of its scalar is refused before anybody is asked, as a fault of the input', async () => {
  const world = await startWorld()
  world.tools.hubspot.requests.clear()
  const cases = [
    [`{ customers(filter: { changedSince: "yesterday" }) { nodes { name } } }`, {}],
    [
      `query($since: DateTime) { customers(filter: { changedSince: $since }) { nodes { name } } }`,
      { since: 'yesterday' },
    ],
    [`mutation { createOrder(input: { customerId: "101", currency: "XXZ", lines: [] }) { order { id } } }`, {}],
    [
      `mutation($c: Currency!) { createOrder(input: { customerId: "101", currency: $c, lines: [] }) { order { id } } }`,
      { c: 'euro' },
    ],
  ] as const
  for (const [query, variables] of cases) {
    const { status, errors } = await world.ask(query, variables)
    expect(status).toBe(400)
    expect(errors[0]?.extensions?.['code']).toMatch(/^(BAD_USER_INPUT|GRAPHQL_VALIDATION_FAILED)$/)
    expect(errors[0]?.message).toMatch(/yesterday|XXZ|euro/)
  }
  expect(world.tools.hubspot.requests.total).toBe(0)
})

test('a value that is one of its scalar arrives, as a literal and as a variable', async () => {
  const world = await startWorld()
  for (const since of ['2020-01-01T00:00:00Z', '2020-01-01T02:00:00+02:00']) {
    expect(await world.data(`{ customers(first: 1, filter: { changedSince: "${since}" }) { totalCount } }`)).toEqual({
      customers: { totalCount: 20 },
    })
    const query = `query($since: DateTime!) { customers(first: 1, filter: { changedSince: $since }) { totalCount nodes { createdAt } } }`
    expect(await world.data(query, { since })).toMatchObject({ customers: { totalCount: 20 } })
  }
})

test('an error names the role and the system, and nothing of our own wiring', async () => {
  const world = await startWorld()
  world.tools.stripe.faults.add({ kind: 'error', status: 500 })
  const { errors } = await world.ask(`{ order(id: "in_00001") { number } }`)
  expect(errors[0]?.extensions).toMatchObject({ role: 'billing', system: 'stripe', isRetryable: true })
  expect(JSON.stringify(errors)).not.toContain('serviceName')
})

test('a system that refuses our credentials is said to, until it takes them again', async () => {
  const world = await startWorld({ environment: { STRIPE_SECRET_KEY: 'sk_test_revoked' }, waitsForImport: false })
  await world.gateway.importing.ended()
  const ready = await fetch(`${world.gateway.url}/health/ready`)
  expect([ready.status, await ready.json()]).toMatchObject([
    200,
    { parts: { stripe: 'refuses our credentials, its import was given up: the log says why', hubspot: 'ok' } },
  ])
})
