import { expect, test } from 'vitest'
import { z } from 'zod'
import { answerDeliveries } from '../../../gateway/operator/answer-deliveries.ts'
import { openSecrets } from '../../../gateway/operator/connect.ts'
import { openDelivering } from '../../../gateway/operator/delivering.ts'
import { quiet } from '../../gateway/store/ports.ts'
import { post, rows } from '../quiet-world.ts'
import { sharedWorld, vendorOf, worked } from './shared-world.ts'

const dead = '{ deliveries(state: DEAD) { totalCount nodes { id isRequestKept } } }'

const page = z.object({
  deliveries: z.object({
    totalCount: z.number(),
    nodes: z.array(z.object({ id: z.string(), isRequestKept: z.boolean() })),
  }),
})

test('what is dead is replayed at a process that works on nothing, by one that does, and has its effect once', async () => {
  const vendor = vendorOf('hubspot')
  const { world } = await sharedWorld()
  world.tools.hubspot.faults.add({ kind: 'error', status: 400 })
  vendor.change(world, '+15550166')
  expect(await post(world, vendor.sign(world, vendor.body(world)))).toBe(200)
  await worked(world)
  world.tools.hubspot.faults.clear()
  world.tools.hubspot.faults.add({ webhook: 'drop' })
  await world.gateway.processor.stop()
  const web = await world.join({ ROLE: 'web' })
  await world.join({ ROLE: 'worker' })
  const { deliveries } = page.parse(await web.data(dead))
  expect(deliveries).toMatchObject({ totalCount: 1, nodes: [{ isRequestKept: true }] })
  const [one] = deliveries.nodes
  const before = await rows(world)

  const replay =
    'mutation($input: ReplayDeliveriesInput!) { replayDeliveries(input: $input) { replayedIds changes { kind } } }'
  const rehearsed = await web.data(replay, { input: { ids: [one?.id], dryRun: true } })
  expect(rehearsed).toEqual({ replayDeliveries: { replayedIds: [one?.id], changes: [{ kind: 'UPDATED' }] } })
  expect(await rows(world)).toEqual(before)

  await web.data(replay, { input: {} })
  await worked(world)
  expect((await rows(world)).changes).toHaveLength(before.changes.length + 1)
  expect(page.parse(await web.data(dead)).deliveries.totalCount).toBe(0)
})

test('what a process that only answers has stored is found by what it is about', async () => {
  const vendor = vendorOf('hubspot')
  const { world } = await sharedWorld()
  const web = await world.join({ ROLE: 'web' })
  await world.join({ ROLE: 'worker' })
  vendor.change(world, '+15550168')
  expect(await post(web, vendor.sign(world, vendor.body(world)))).toBe(200)
  await worked(world)
  expect(
    await web.data('{ deliveries(entity: { type: "Customer", id: "101" }) { nodes { state records { id } } } }'),
  ).toEqual({ deliveries: { nodes: [{ state: 'DONE', records: [{ id: '101' }] }] } })
})

test('the command replays beside the processes that run, and leaves the work to them', async () => {
  const vendor = vendorOf('hubspot')
  const { world } = await sharedWorld()
  world.tools.hubspot.faults.add({ kind: 'error', status: 400 })
  vendor.change(world, '+15550167')
  await post(world, vendor.sign(world, vendor.body(world)))
  await worked(world)
  world.tools.hubspot.faults.clear()
  world.tools.hubspot.faults.add({ webhook: 'drop' })

  const web = await world.join({ ROLE: 'web' })
  const { runtime } = web.gateway
  const delivering = openDelivering(runtime, { log: quiet, secrets: openSecrets(runtime, runtime.store.clock) })
  const filter = { ids: null, system: null, state: 'dead' as const, since: null, until: null, entity: null }
  const lines: string[] = []
  const asked = { do: 'replay' as const, filter, limit: 10, dryRun: false, json: false }
  const { signal } = new AbortController()
  const end = await answerDeliveries(delivering, asked, line => lines.push(line), signal, {
    waits: false,
    storeName: 'the database',
  })
  expect([end, lines.at(-1)]).toEqual(['done', expect.stringContaining('1 due again')])
  await worked(world)
  expect(await web.data('{ customer(id: "101") { phone } }')).toEqual({ customer: { phone: '+15550167' } })
})
