import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { post, quietWorld } from './quiet-world.ts'
import { hubspot } from './signing.ts'
import type { World } from './world.ts'

async function metrics(world: World): Promise<string> {
  const response = await fetch(`${world.gateway.url}/metrics`)
  expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4')
  return response.text()
}

function valueOf(text: string, series: string): number {
  const line = text.split('\n').find(one => one.startsWith(`${series} `))
  return Number(line?.slice(series.length + 1))
}

test('a webhook is counted on its way: refused or acknowledged, worked on, pushed', async () => {
  const world = await quietWorld()
  const frames = world.subscribe('subscription { customerChanged(id: "101") { change { kind } customer { phone } } }')
  await frames.next()
  hubspot.change(world, '+15550177')
  const genuine = hubspot.sign(world, hubspot.body(world))
  const before = await metrics(world)
  const done = 'livegraph_delivery_entries_worked_total{system="hubspot",outcome="done"}'
  expect(await post(world, { ...genuine, body: Buffer.from('[]') })).toBe(401)
  expect(await post(world, genuine)).toBe(200)
  await frames.next()
  const counted = (text: string, status: number): number =>
    valueOf(text, `livegraph_webhook_ack_seconds_count{system="hubspot",status="${status}"}`)
  await vi.waitFor(
    async () => expect(valueOf(await metrics(world), done)).toBe((valueOf(before, done) || 0) + 1),
    20_000,
  )
  const after = await metrics(world)
  expect([counted(after, 200) - (counted(before, 200) || 0), counted(after, 401)]).toEqual([1, 1])
  expect(valueOf(after, 'livegraph_webhook_to_push_seconds_count{system="hubspot"}')).toBeGreaterThan(0)
  expect(valueOf(after, 'livegraph_subscribers')).toBe(1)
  expect(valueOf(after, 'livegraph_delivery_entries{system="hubspot",state="dead"}')).toBe(0)
  expect(after).toMatch(/livegraph_vendor_request_seconds_count\{system="hubspot",operation="[^"]+",outcome="ok"\} \d/)
})

test('alert rules and dashboard ask for metrics that there are', async () => {
  const world = await quietWorld()
  await post(world, hubspot.sign(world, hubspot.body(world)))
  await world.gateway.processor.idle()
  const names = new Set([...(await metrics(world)).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '']) => name))
  for (const file of ['alerts.yaml', 'dashboard.json', 'README.md']) {
    const text = readFileSync(new URL(`../../docs/monitoring/${file}`, import.meta.url), 'utf8')
    const asked = [...text.matchAll(/livegraph_\w+/g)].map(([name]) => name.replace(/_(bucket|count|sum)$/, ''))
    expect(asked.length).toBeGreaterThan(5)
    expect([file, asked.filter(name => !names.has(name))]).toEqual([file, []])
  }
})
