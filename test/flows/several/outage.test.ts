import { setTimeout } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startPostgres } from '../../postgres/server.ts'
import { dropWebhooks, stripeEvent } from '../signing.ts'
import { startWorld, type Served } from '../world.ts'
import { vendorOf, worked } from './shared-world.ts'

/** Senders side by side, as many as a busy vendor has. */
const senders = 8

test(
  'Postgres crashes twice in a storm: what could not be stored was answered 503, nothing acknowledged is lost',
  { timeout: 120_000 },
  async () => {
    const postgres = await startPostgres({ isDurable: true })
    onTestFinished(() => postgres.remove())
    const world = await startWorld({ storeUrl: await postgres.createDatabase('graph') })
    const other = await world.join()
    await world.settled()
    dropWebhooks(world)
    const stripe = vendorOf('stripe')
    const [invoice] = world.tools.stripe.snapshot().invoices

    const acknowledged = new Set<string>()
    const statuses = new Map<number, number>()
    const withoutHint: string[] = []
    let isOver = false
    const storm = Array.from({ length: senders }, async (_, at) => {
      const to: Served = at % 2 === 0 ? world : other
      while (!isOver) {
        const event = stripeEvent({}, { id: invoice?.head.id })
        const { path, headers, body } = stripe.sign(world, JSON.stringify(event))
        const response = await to.post(path, { headers, body })
        await response.arrayBuffer()
        statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
        if (response.status === 200) acknowledged.add(String(event['id']))
        else if (response.headers.get('retry-after') === null) withoutHint.push(String(event['id']))
        // A vendor waits before it sends again.
        await setTimeout(response.status === 200 ? 5 : 100)
      }
    })
    const count = (status: number): number => statuses.get(status) ?? 0
    const moreThan = (status: number, before: number) =>
      vi.waitFor(() => expect(count(status)).toBeGreaterThan(before), { timeout: 10_000, interval: 20 })

    for (let round = 0; round < 2; round++) {
      await moreThan(200, count(200) + 30)
      await postgres.crash()
      await moreThan(503, count(503) + 5)
      // Nothing is known of it, so it must not read as refused for good.
      const { errors } = await other.ask(
        `mutation { createOrder(input: { customerId: "101", currency: "USD", lines: [{ description: "Call-out", unitAmount: 100 }], clientMutationId: "one" }) { order { id } } }`,
      )
      expect(errors[0]?.extensions).toMatchObject({ isRetryable: true })
      await postgres.start()
      const backAt = performance.now()
      await moreThan(200, count(200))
      expect(performance.now() - backAt).toBeLessThan(5_000)
    }
    await moreThan(200, count(200) + 30)
    isOver = true
    await Promise.all(storm)

    expect([...statuses.keys()].sort()).toEqual([200, 503])
    expect(withoutHint).toEqual([])
    await worked(world, 60_000)
    const { store } = world.gateway.runtime
    const stored = await store.read(db =>
      db.selectFrom('delivery_entries').select('key').where('system', '=', 'stripe').execute(),
    )
    const keys = new Set(stored.map(({ key }) => key))
    expect([...acknowledged].filter(key => ![...keys].some(known => known.includes(key)))).toEqual([])

    // Both follow again, and neither serves what it had cached before.
    stripe.change(world, 'after the storm')
    const { path, headers, body } = stripe.sign(world, stripe.body(world))
    expect((await other.post(path, { headers, body })).status).toBe(200)
    await vi.waitFor(
      async () => {
        for (const one of [world, other])
          expect(JSON.stringify(await one.data(stripe.query(world)))).toContain('after the storm')
      },
      { timeout: 10_000, interval: 100 },
    )
    for (const one of [world, other])
      expect((await fetch(`${one.gateway.url}/health/ready`)).status, 'ready again').toBe(200)
  },
)

test('while Postgres is away the start page says what runs, and that the store cannot be reached', async () => {
  const postgres = await startPostgres({ isDurable: false })
  onTestFinished(() => postgres.remove())
  const world = await startWorld({ storeUrl: await postgres.createDatabase('graph') })
  const page = async (): Promise<string> => {
    const response = await fetch(world.gateway.url, { headers: { accept: 'text/html' } })
    expect(response.status).toBe(200)
    return response.text()
  }
  const fault = 'The store cannot be reached'
  expect(await page()).not.toContain(fault)
  await postgres.crash()
  const text = await page()
  for (const part of [fault, 'hubspot', 'stripe', 'asana', '>answers<', `${world.gateway.url}/graphql`])
    expect(text).toContain(part)
  await postgres.start()
  await vi.waitFor(async () => expect(await page()).not.toContain(fault), { timeout: 10_000 })
})
