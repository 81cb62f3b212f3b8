import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { metricsOf, valueOf, type Sample } from './metrics.ts'
import { post, quietWorld } from './quiet-world.ts'
import { at, listAt } from './reading.ts'
import { hubspot } from './signing.ts'

test('a webhook is counted on its way: refused or acknowledged, worked on, pushed', async () => {
  const world = await quietWorld()
  const frames = world.subscribe('subscription { customerChanged(id: "101") { change { kind } customer { phone } } }')
  await frames.next()
  hubspot.change(world, '+15550177')
  const genuine = hubspot.sign(world, hubspot.body(world))
  const before = await metricsOf(world)
  const done = (samples: readonly Sample[]) =>
    valueOf(samples, 'livegraph_delivery_entries_worked_total', { system: 'hubspot', outcome: 'done' }) ?? 0
  expect(await post(world, { ...genuine, body: Buffer.from('[]') })).toBe(401)
  expect(await post(world, genuine)).toBe(200)
  await frames.next()
  const counted = (samples: readonly Sample[], status: string) =>
    valueOf(samples, 'livegraph_webhook_ack_seconds_count', { system: 'hubspot', status }) ?? 0
  await vi.waitFor(async () => expect(done(await metricsOf(world))).toBe(done(before) + 1), 20_000)
  const after = await metricsOf(world)
  expect([counted(after, '200') - counted(before, '200'), counted(after, '401')]).toEqual([1, 1])
  expect(valueOf(after, 'livegraph_webhook_to_push_seconds_count', { system: 'hubspot' })).toBeGreaterThan(0)
  expect(valueOf(after, 'livegraph_subscribers')).toBe(1)
  expect(valueOf(after, 'livegraph_delivery_entries', { system: 'hubspot', state: 'dead' })).toBe(0)
  expect(
    valueOf(after, 'livegraph_vendor_request_seconds_count', { system: 'hubspot', outcome: 'ok' }),
  ).toBeGreaterThan(0)
})

test('how complete the graph is stands in the metrics as in the graph, and nothing of it while the store is away', async () => {
  const world = await quietWorld()
  world.tools.asana.updateTask('55', { name: 'Told by nobody' })
  const signal = new AbortController().signal
  expect(await world.gateway.sweeping.run({ system: null, tell: () => undefined, signal })).toBe('done')

  const samples = await metricsOf(world)
  const query =
    '{ systems { system completeUpTo lastDeliveryAt lagSeconds lastSweep { endedAt missed } webhooks { endpoint state } } }'
  for (const one of listAt(await world.data(query), 'systems')) {
    const labels = { system: String(at(one, 'system')) }
    const seconds = (path: string) => Date.parse(String(at(one, path))) / 1000
    const said = (name: string) => valueOf(samples, `livegraph_${name}`, labels)
    expect(said('complete_up_to_timestamp_seconds')).toBe(seconds('completeUpTo'))
    expect(Math.abs((said('lag_seconds') ?? NaN) - Number(at(one, 'lagSeconds')))).toBeLessThan(10)
    expect(said('last_sweep_timestamp_seconds')).toBe(seconds('lastSweep.endedAt'))
    const never = at(one, 'lastDeliveryAt') === null
    expect(said('last_delivery_timestamp_seconds')).toEqual(never ? undefined : seconds('lastDeliveryAt'))
    expect([said('imported'), said('sweep_failed'), said('quarantined_requests')]).toEqual([1, 0, 0])
    expect(said('last_sweep_missed')).toBe(at(one, 'lastSweep.missed'))
    for (const webhook of listAt(one, 'webhooks')) {
      const [endpoint, state] = [String(at(webhook, 'endpoint')), String(at(webhook, 'state'))]
      expect(valueOf(samples, 'livegraph_webhook_state', { ...labels, endpoint, state })).toBe(1)
    }
  }
  expect(valueOf(samples, 'livegraph_last_sweep_missed', { system: 'asana' })).toBeGreaterThan(0)
  expect(['unfinished_writes', 'store_reachable'].map(name => valueOf(samples, `livegraph_${name}`))).toEqual([0, 1])

  await world.gateway.runtime.store.close()
  const away = await metricsOf(world)
  expect(valueOf(away, 'livegraph_store_reachable')).toBe(0)
  expect(valueOf(away, 'livegraph_vendor_reachable', { system: 'asana' })).toBe(1)
  const ofStore = ['livegraph_lag_seconds', 'livegraph_unfinished_writes', 'livegraph_delivery_entries']
  expect(away.filter(({ name }) => ofStore.includes(name))).toEqual([])
})

test('alert rules and dashboard ask for metrics that there are', async () => {
  const world = await quietWorld()
  await post(world, hubspot.sign(world, hubspot.body(world)))
  await world.gateway.processor.idle()
  const text = await (await fetch(`${world.gateway.url}/metrics`)).text()
  const names = new Set([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '']) => name))
  for (const file of ['alerts.yaml', 'dashboard.json', 'README.md']) {
    const text = readFileSync(new URL(`../../docs/monitoring/${file}`, import.meta.url), 'utf8')
    const asked = [...text.matchAll(/livegraph_\w+/g)].map(([name]) => name.replace(/_(bucket|count|sum)$/, ''))
    expect(asked.length).toBeGreaterThan(5)
    expect([file, asked.filter(name => !names.has(name))]).toEqual([file, []])
  }
})
