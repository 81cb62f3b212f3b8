import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { get, hourMs, type sdkFor, world } from './world.ts'

describe('who is let in, and how often', () => {
  test('no token and a wrong one are refused, in words of the vendor', async () => {
    const { simulator } = await world()
    for (const headers of [{ authorization: 'Bearer wrong' }, { authorization: '' }]) {
      const response = await get(simulator, '/tasks/55', headers)
      expect(response.status).toBe(401)
      expect(await response.json()).toMatchObject({ errors: [{ message: 'Not Authorized' }] })
    }
  })

  test('an open door lets in whoever brings no token, and still refuses a wrong one', async () => {
    const { simulator } = await world({ openDoor: true })
    expect((await fetch(`${simulator.basePath}/tasks/55`)).status).toBe(200)
    expect((await get(simulator, '/tasks/55', { authorization: 'Bearer wrong' })).status).toBe(401)
  })

  test('the request over the limit gets 429 with the seconds to wait, and refused ones count too', async () => {
    const { simulator, move } = await world({ limits: { perMinute: 3 } })
    for (let at = 0; at < 3; at += 1) expect((await get(simulator, '/tasks/55')).status).toBe(200)
    move(30_000)
    const refused = await get(simulator, '/tasks/55')
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('30')
    move(30_000)
    expect((await get(simulator, '/tasks/55')).status).toBe(200)
    expect((await get(simulator, '/tasks/55')).status).toBe(200)
    expect((await get(simulator, '/tasks/55')).status, 'the refused one still fills its place').toBe(429)
  })

  test('more at a time than allowed are refused, more one after the other are not', async () => {
    const { simulator, sdk } = await world({ limits: { concurrentReads: 2 } })
    const actions = [1, 2, 3].map(() => ({ relative_path: '/tasks/55', method: 'get' }))
    await expect(sdk.batch.createBatchRequest({ data: { actions } }, {})).rejects.toMatchObject({ status: 429 })
    for (let at = 0; at < 5; at += 1) expect((await get(simulator, '/tasks/55')).status).toBe(200)
  })

  test.each([
    ['an id nobody has', '/tasks/999999', 404],
    ['an id that is none', '/tasks/abc', 400],
    ['a path there is not', '/nowhere', 404],
  ])('%s is refused with a message and help', async (_what, path, status) => {
    const { simulator } = await world()
    const response = await get(simulator, path)
    expect(response.status).toBe(status)
    expect(await response.json()).toEqual({ errors: [{ message: expect.any(String), help: expect.any(String) }] })
  })

  test('a body without data is refused', async () => {
    const { simulator } = await world()
    for (const body of ['{"name":"x"}', 'not json', '[]']) {
      const response = await fetch(`${simulator.basePath}/tasks/55`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${simulator.accessToken}`, 'content-type': 'application/json' },
        body,
      })
      expect(response.status, body).toBe(400)
    }
  })
})

/** What the SDK throws for the first call without a token. */
async function refusalOf(
  call: Promise<unknown>,
): Promise<{ readonly status: number; readonly response: { readonly body: { readonly sync: string } } }> {
  try {
    await call
  } catch (error) {
    return refusal.parse(error)
  }
  throw new Error('the first call has no token, and must be refused')
}

const refusal = z.object({ status: z.number(), response: z.object({ body: z.object({ sync: z.string() }) }) })

describe('the event feed', () => {
  async function token(sdk: ReturnType<typeof sdkFor>): Promise<string> {
    const error = await refusalOf(sdk.events.getEvents('99', {}))
    expect(error.status).toBe(412)
    return error.response.body.sync
  }

  test('the first call is a 412 with a token, the next ones tell what happened since', async () => {
    const { sdk, simulator } = await world()
    const sync = await token(sdk)
    simulator.updateTask('55', { name: 'Install boiler, upstairs' })
    const read = await sdk.events.getEvents('99', { sync })
    expect(read.has_more).toBe(false)
    expect(read.data[0]).toMatchObject({
      action: 'changed',
      type: 'task',
      resource: { gid: '55', name: 'Install boiler, upstairs' },
      change: { field: 'name', action: 'changed' },
      parent: null,
    })
    expect((await sdk.events.getEvents('99', { sync: read.sync })).data).toEqual([])
  })

  test('more than a hundred come in several calls, each once', async () => {
    const { sdk, simulator } = await world()
    let sync = await token(sdk)
    for (let at = 0; at < 120; at += 1) simulator.updateTask('55', { notes: `note ${at}` })
    let changed = 0
    let hasMore = true
    const sizes: number[] = []
    while (hasMore) {
      const read = await sdk.events.getEvents('99', { sync })
      changed += read.data.filter((event: { action: string }) => event.action === 'changed').length
      sizes.push(read.data.length)
      sync = read.sync
      hasMore = read.has_more
    }
    expect(changed).toBe(120)
    expect(Math.max(...sizes)).toBe(100)
  })

  test('a token is good for a day, and for its own resource', async () => {
    const { sdk, move } = await world()
    const sync = await token(sdk)
    await expect(sdk.events.getEvents('55', { sync })).rejects.toMatchObject({ status: 412 })
    move(24 * hourMs)
    expect((await sdk.events.getEvents('99', { sync })).data).toEqual([])
    move(1)
    await expect(sdk.events.getEvents('99', { sync })).rejects.toMatchObject({
      status: 412,
      response: { body: { sync: expect.any(String) } },
    })
  })
})
