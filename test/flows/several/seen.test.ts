import { expect, test } from 'vitest'
import { metricsOf, valueOf } from '../metrics.ts'
import { post } from '../quiet-world.ts'
import { at, listAt } from '../reading.ts'
import { frameWith, sharedWorld, vendorOf } from './shared-world.ts'

const changedPhones = 'subscription { customerChanged(id: "101") { change { kind } customer { phone } } }'

test('how long a push took is measured where it is made, whichever process worked on its webhook', async () => {
  const vendor = vendorOf('hubspot')
  const { world } = await sharedWorld()
  await world.gateway.processor.stop()
  const web = await world.join({ ROLE: 'web' })
  await world.join({ ROLE: 'worker' })
  const frames = web.subscribe(changedPhones)
  await frames.next()
  vendor.change(world, '+15550169')
  expect(await post(web, vendor.sign(world, vendor.body(world)))).toBe(200)
  await frameWith(frames, '+15550169')
  const measured = await metricsOf(web)
  expect(valueOf(measured, 'livegraph_webhook_to_push_seconds_count', { system: 'hubspot' })).toBe(1)
  const seconds = valueOf(measured, 'livegraph_webhook_to_push_seconds_sum', { system: 'hubspot' }) ?? -1
  expect(seconds).toBeGreaterThan(0)
  expect(seconds).toBeLessThan(30)
})

test('a tool that one process cannot use is told by all, until it can', async () => {
  const { world } = await sharedWorld({ environment: { SWEEP_EVERY_SECONDS: '0' } })
  const web = await world.join({ ROLE: 'web' })
  const told = async () => {
    const found = listAt(await web.data('{ systems { system isReachable } }'), 'systems')
    const ready = await fetch(`${web.gateway.url}/health/ready`)
    return [found.map(one => at(one, 'isReachable')), ready.status, at(await ready.json(), 'parts.hubspot')]
  }
  expect(await told()).toEqual([[true, true, true], 200, 'ok'])
  world.tools.hubspot.faults.add({ kind: 'error', status: 500 })
  const toldAfterAsking = async () => {
    // The web process itself asks the tool for nothing.
    await world.ask('{ customer(id: "101") { phone } }')
    return told()
  }
  const patiently = { timeout: 40_000, interval: 200 }
  await expect.poll(toldAfterAsking, patiently).toEqual([[false, true, true], 200, 'cannot be reached'])
  world.tools.hubspot.faults.clear()
  await expect.poll(toldAfterAsking, patiently).toEqual([[true, true, true], 200, 'ok'])
}, 80_000)
