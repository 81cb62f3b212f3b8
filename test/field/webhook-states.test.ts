import { expect, test } from 'vitest'
import { asanaAccount, stripeAccount } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'
import type { Answer } from './vendor-server.ts'

const stripe = (state: string): unknown =>
  expect.objectContaining({ system: 'stripe', webhooks: [expect.objectContaining({ state })] })

const states = '{ systems { system webhooks { endpoint state note } } }'

test('a webhook that was never registered is missing, and gone only once it had been there', async () => {
  const endpoints: {
    readonly id: string
    readonly object: string
    readonly url: string
    readonly status: string
    readonly enabled_events: readonly string[]
  }[] = []
  const listed: Answer = ({ method, path }) =>
    method === 'GET' && path === '/v1/webhook_endpoints'
      ? { body: { object: 'list', data: endpoints, has_more: false, url: path } }
      : undefined
  const world = await startFieldWorld({
    stripe: [listed, stripeAccount({})],
    asana: [asanaAccount({ project: '99', tasks: {} })],
  })
  const told = async () => {
    await world.sweep()
    const ready = await fetch(`${world.gateway.url}/health/ready`)
    return [await ready.json(), await world.data(states)]
  }
  expect(await told()).toMatchObject([
    {
      parts: {
        stripe: 'its webhook is not registered',
        asana: expect.stringContaining('its webhook of 99 is not registered'),
      },
    },
    { systems: expect.arrayContaining([stripe('MISSING')]) },
  ])
  endpoints.push({
    id: 'we_1',
    object: 'webhook_endpoint',
    url: `${world.gateway.url}/webhooks/stripe`,
    status: 'enabled',
    enabled_events: ['*'],
  })
  expect(await told()).toMatchObject([
    { parts: { stripe: 'ok' } },
    { systems: expect.arrayContaining([stripe('ACTIVE')]) },
  ])
  endpoints.pop()
  expect(await told()).toMatchObject([
    { parts: { stripe: 'its webhook is gone', asana: expect.stringContaining('its webhook of 99 is not registered') } },
    { systems: expect.arrayContaining([stripe('GONE')]) },
  ])
})
