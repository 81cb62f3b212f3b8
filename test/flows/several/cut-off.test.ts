import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { openWire, type Cut } from '../../postgres/wire.ts'
import { post } from '../quiet-world.ts'
import { type Served, type World } from '../world.ts'
import { frameWith, sharedWorld, vendorOf, worked } from './shared-world.ts'

const vendor = vendorOf('hubspot')
const [before, after] = ['+15550191', '+15550192']

/** What is promised. */
const rightWithinMs = 1_000

/** A process that reaches the database by a way of its own, and knows the customer with the first number. */
async function apart() {
  const { world, database } = await sharedWorld()
  const wire = await openWire(database.url)
  onTestFinished(() => wire.close())
  // After the gateways, which are ended before: functions of this kind are called last to first.
  const other = await world.join({ STORE_URL: wire.url, ROLE: 'web' })
  await change(world, before)
  await vi.waitFor(async () => expect(await answerOf(world, other)).toContain(before), { timeout: 10_000 })
  return { world, wire, other }
}

/** In the tool, and told to the first process. */
async function change(world: World, phone: string): Promise<void> {
  vendor.change(world, phone)
  expect(await post(world, vendor.sign(world, vendor.body(world)))).toBe(200)
  await worked(world)
}

async function answerOf(world: World, served: Served): Promise<string> {
  return JSON.stringify(await served.ask(vendor.query(world)))
}

function untilCutOff({ gateway }: Served, isCutOff: boolean): Promise<void> {
  return vi.waitFor(() => expect(gateway.runtime.follower.isCutOff).toBe(isCutOff), { timeout: 20_000, interval: 50 })
}

describe('a process that is cut off from the log of Changes', () => {
  test('and from nothing else answers past its cache after five seconds, and from it when it follows again', async () => {
    const { world, wire, other } = await apart()
    wire.cut({ asking: 'from "changes"' })
    await change(world, after)
    await untilCutOff(other, true)
    expect((await fetch(`${other.gateway.url}/health/ready`)).status).toBe(503)
    expect(await other.data(vendor.query(world))).toEqual({ customer: { phone: after } })
    // Also what no webhook tells of at all.
    vendor.change(world, before)
    expect(await other.data(vendor.query(world))).toEqual({ customer: { phone: before } })
    wire.heal()
    await untilCutOff(other, false)
    await other.data(vendor.query(world))
    const asked = world.tools.hubspot.requests.total
    expect(await other.data(vendor.query(world))).toEqual({ customer: { phone: before } })
    expect(world.tools.hubspot.requests.total).toBe(asked)
  })

  test.each<[string, Cut]>([
    ['by an end of its connections', 'ended'],
    ['by silence', 'silent'],
  ])(
    'and from the whole store %s answers nothing old after five seconds, is right within a second of healing and pushes what it missed',
    { timeout: 90_000 },
    async (_, how) => {
      const { world, wire, other } = await apart()
      const frames = other.subscribe(
        'subscription { customerChanged(id: "101") { change { kind } customer { phone } } }',
      )
      expect(JSON.stringify(await frames.next())).toContain(before)
      wire.cut(how)
      await change(world, after)
      await untilCutOff(other, true)
      expect(await answerOf(world, other)).not.toContain(before)

      wire.heal()
      const healedAt = performance.now()
      await vi.waitFor(
        async () =>
          expect(await other.ask(vendor.query(world))).toMatchObject({
            data: { customer: { phone: after } },
            errors: [],
          }),
        { timeout: 15_000, interval: 20 },
      )
      expect(performance.now() - healedAt).toBeLessThan(rightWithinMs)
      await frameWith(frames, after)
      await untilCutOff(other, false)
    },
  )
})
