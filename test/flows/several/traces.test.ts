import { expect, onTestFinished, test } from 'vitest'
import { startTraceReceiver } from '../../simulators/otlp.ts'
import { post } from '../quiet-world.ts'
import { frameWith, sharedWorld, vendorOf } from './shared-world.ts'

test('a trace goes on in whichever process the work is done and the subscriber waits', async () => {
  const traces = await startTraceReceiver()
  onTestFinished(() => traces.close())
  const vendor = vendorOf('hubspot')
  const { world } = await sharedWorld({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: traces.url } })
  const web = await world.join({ ROLE: 'web' })
  const watching = await world.join({ ROLE: 'web' })
  const frames = watching.subscribe(
    'subscription { customerChanged(id: "101") { change { kind } customer { phone } } }',
  )
  await frames.next()
  vendor.change(world, '+15550144')
  expect(await post(web, vendor.sign(world, vendor.body(world)))).toBe(200)
  await frameWith(frames, '+15550144')
  await world.gateway.processor.idle()
  for (const { gateway } of [watching, web, world]) await gateway.close()

  const [push, ...more] = traces.spans.filter(({ name }) => name === 'push')
  expect(more).toEqual([])
  const spans = traces.spans.filter(({ traceId }) => traceId === push?.traceId)
  const one = (name: string, spanId?: string) => {
    const [found, ...others] = spans.filter(
      span => span.name === name && (spanId === undefined || span.spanId === spanId),
    )
    if (found === undefined || others.length > 0) throw new Error(`expected one span ${name}, got ${others.length + 1}`)
    return found
  }
  const evicted = one('evict record', push?.parentSpanId)
  const appended = one('append Change', evicted.parentSpanId)
  const work = one('work on entries', appended.parentSpanId)
  const receipt = one('receive delivery', work.parentSpanId)
  expect([evicted.instance, work.instance, receipt.instance]).toEqual([
    watching.gateway.runtime.worker,
    world.gateway.runtime.worker,
    web.gateway.runtime.worker,
  ])
  // Each process that follows the log evicts for itself.
  expect(new Set(spans.filter(({ name }) => name === 'evict record').map(({ instance }) => instance)).size).toBe(3)
})
