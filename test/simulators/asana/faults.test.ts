import { describe, expect, test } from 'vitest'
import { get, world } from './world.ts'

describe('faults', () => {
  test('an error, a page and a dropped connection come as ordered and then end', async () => {
    const { simulator } = await world()
    simulator.faults.add(
      { kind: 'error', times: 1 },
      { kind: 'html', times: 1 },
      { kind: 'rate-limit', times: 1 },
      { kind: 'drop', times: 1 },
    )
    const failed = await get(simulator, '/tasks/55')
    expect(failed.status).toBe(500)
    expect(await failed.json()).toMatchObject({ errors: [{ phrase: expect.any(String) }] })
    const page = await get(simulator, '/tasks/55')
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html'])
    const limited = await get(simulator, '/tasks/55')
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '1'])
    await expect(get(simulator, '/tasks/55')).rejects.toThrow()
    expect((await get(simulator, '/tasks/55')).status).toBe(200)
  })

  test('wrong types and __proto__ spoil an answer that is JSON all the same', async () => {
    const { simulator } = await world()
    simulator.faults.add({ kind: 'wrong-types', times: 1 }, { kind: 'proto', times: 1 })
    const wrong: unknown = await (await get(simulator, '/tasks/55')).json()
    expect(wrong).toMatchObject({ data: { gid: 2, completed: 'no' } })
    const text = await (await get(simulator, '/tasks/55')).text()
    expect(text).toContain('"__proto__"')
    expect(Object.hasOwn(JSON.parse(text), '__proto__')).toBe(true)
  })

  test('they are set and cleared over HTTP, only where they match', async () => {
    const { simulator } = await world()
    const own = `${simulator.url}/_simulator/faults`
    const rule = { kind: 'error', status: 503, match: { method: 'GET', path: '/tasks/55$' } }
    expect((await fetch(own, { method: 'POST', body: JSON.stringify(rule) })).status).toBe(204)
    expect((await get(simulator, '/tasks/55')).status).toBe(503)
    expect((await get(simulator, '/tasks/1201')).status).toBe(200)
    await fetch(own, { method: 'DELETE' })
    expect((await get(simulator, '/tasks/55')).status).toBe(200)
    expect((await fetch(own, { method: 'POST', body: '{"kind":"flood"}' })).status).toBe(400)
  })

  test('the log says how often each route was called', async () => {
    const { simulator } = await world()
    await get(simulator, '/tasks/55')
    await get(simulator, '/tasks/1201')
    expect(simulator.requests.count('GET /api/1.0/tasks/:gid')).toBe(2)
    const log: unknown = await (await fetch(`${simulator.url}/_simulator/requests`)).json()
    expect(log).toEqual({ total: 2, routes: { 'GET /api/1.0/tasks/:gid': 2 } })
  })
})
