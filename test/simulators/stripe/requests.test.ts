import Stripe from 'stripe'
import { describe, expect, test } from 'vitest'
import { dayMs, place, world } from './world.ts'
import type { StripeSimulator } from './simulator.ts'

describe('requests', () => {
  test('a POST with the same idempotency key is done once and answered alike; other parameters are refused', async () => {
    const { sdk, move } = await world()
    const create = (name: string) => sdk.customers.create({ name }, { idempotencyKey: 'key-1' })
    const first = await create('One')
    const second = await create('One')
    expect(second).toEqual(first)
    expect(second.lastResponse.headers).toMatchObject({
      'idempotent-replayed': 'true',
      'original-request': first.lastResponse.requestId,
    })
    expect((await sdk.events.list({ type: 'customer.created' })).data).toMatchObject([
      { request: { idempotency_key: 'key-1' } },
    ])
    await expect(create('Two')).rejects.toMatchObject({ statusCode: 400, rawType: 'idempotency_error' })
    move(dayMs + 1)
    expect((await create('Two')).id).not.toBe(first.id)
  })

  test('what is wrong with a request is said in the words of the API', async () => {
    const { simulator, sdk } = await world()
    await expect(sdk.customers.retrieve('cus_none')).rejects.toMatchObject({
      type: 'StripeInvalidRequestError',
      code: 'resource_missing',
      param: 'id',
      statusCode: 404,
    })
    expect(await sdk.customers.list({ limit: 101 }).catch(fault)).toEqual([400, undefined, 'limit'])
    expect(await sdk.customers.list({ starting_after: 'cus_none' }).catch(fault)).toEqual([
      400,
      'resource_missing',
      'starting_after',
    ])
    expect(await sdk.invoices.create({}).catch(fault)).toEqual([400, 'parameter_missing', 'customer'])
    const unknown = await post(simulator, '/v1/customers', 'nickname=x')
    expect(unknown).toMatchObject({ status: 400, read: { error: { code: 'parameter_unknown', param: 'nickname' } } })
    const nowhere = await post(simulator, '/v1/unicorns', '')
    expect(nowhere).toMatchObject({ status: 404, read: { error: { type: 'invalid_request_error' } } })
    const stranger = new Stripe('sk_test_other', { ...place(simulator), maxNetworkRetries: 0 })
    await expect(stranger.customers.list()).rejects.toMatchObject({ type: 'StripeAuthenticationError' })
    const keyless = await fetch(`${simulator.url}/v1/customers`)
    expect(keyless.status).toBe(401)
  })

  test('an open door lets in whoever brings no key, but no wrong key', async () => {
    const { simulator } = await world({ openDoor: true })
    expect((await fetch(`${simulator.url}/v1/customers`)).status).toBe(200)
    const wrong = await fetch(`${simulator.url}/v1/customers`, { headers: { authorization: 'Bearer sk_test_x' } })
    expect(wrong.status).toBe(401)
  })

  test('more than the limit in a second is refused with its reason, and the next second lets in again', async () => {
    const { simulator, sdk, move } = await world({ limits: { perSecond: 3 } })
    for (let at = 0; at < 3; at += 1) await sdk.customers.list({ limit: 1 })
    await expect(sdk.customers.list({ limit: 1 })).rejects.toMatchObject({
      type: 'StripeRateLimitError',
      code: 'rate_limit',
      statusCode: 429,
      headers: { 'stripe-rate-limited-reason': 'global-rate' },
    })
    expect(simulator.requests.count('GET /v1/customers')).toBe(4)
    move(1000)
    await sdk.customers.list({ limit: 1 })
  })

  test('faults come as ordered and then end', async () => {
    const { simulator, sdk } = await world()
    simulator.faults.add(
      { kind: 'error', times: 1 },
      { kind: 'rate-limit', times: 1 },
      { kind: 'wrong-types', times: 1 },
    )
    await expect(sdk.customers.retrieve('cus_9')).rejects.toMatchObject({ type: 'StripeAPIError', statusCode: 500 })
    await expect(sdk.customers.retrieve('cus_9')).rejects.toMatchObject({ type: 'StripeRateLimitError' })
    expect((await sdk.customers.retrieve('cus_9')).id).toBeTypeOf('number')
    expect((await sdk.customers.retrieve('cus_9')).id).toBe('cus_9')
    simulator.faults.add({ kind: 'proto', times: 1 })
    const headers = { authorization: `Bearer ${simulator.secretKey}` }
    const spoiled = await (await fetch(`${simulator.url}/v1/customers/cus_9`, { headers })).text()
    expect(spoiled).toContain('"__proto__":{"polluted":true}')
  })
})

async function post(simulator: StripeSimulator, path: string, body: string) {
  const response = await fetch(`${simulator.url}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${simulator.secretKey}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body,
  })
  const read: unknown = await response.json()
  return { status: response.status, read }
}

function fault(error: unknown) {
  if (!(error instanceof Stripe.errors.StripeError)) throw error
  return [error.statusCode, error.code, error.param]
}
