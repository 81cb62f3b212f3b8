import { createServer } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startTraceReceiver, type ReceivedSpan, type TraceReceiver } from '../simulators/otlp.ts'
import { next, setPhone, watchAda } from './frames.ts'
import { post, quietWorld } from './quiet-world.ts'
import { imported, postEvent, setting, start } from './setting.ts'
import { hubspot, notification } from './signing.ts'
import { canariesOf, startWorld } from './world.ts'

async function receiver(): Promise<TraceReceiver> {
  const started = await startTraceReceiver()
  onTestFinished(() => started.close())
  return started
}

function named(spans: readonly ReceivedSpan[], name: string): readonly ReceivedSpan[] {
  return spans.filter(span => span.name === name)
}

/** The names from a span up to the root of its trace. */
function wayUp(spans: readonly ReceivedSpan[], span: ReceivedSpan | undefined): readonly string[] {
  if (span === undefined) return []
  const parent = spans.find(({ traceId, spanId }) => traceId === span.traceId && spanId === span.parentSpanId)
  if (parent === undefined && span.parentSpanId !== '') return [span.name, 'a parent that nobody sent']
  return [span.name, ...wayUp(spans, parent)]
}

test('one trace leads from a webhook over the work on it and what was read to Change, eviction and push', async () => {
  const traces = await receiver()
  const world = await startWorld({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: traces.url } })
  await world.settled()
  const frames = world.subscribe(watchAda)
  await next(frames)
  setPhone(world, 177)
  expect(await next(frames)).toMatchObject({ customer: { phone: '+15550000177' } })
  await world.settled()
  // What is left is sent at the end.
  await world.gateway.close()

  const { spans } = traces
  const [push, ...more] = named(spans, 'push')
  expect(more).toEqual([])
  expect(wayUp(spans, push)).toEqual(['push', 'evict record', 'append Change', 'work on entries', 'receive delivery'])
  const read = spans.find(({ name, traceId }) => name.startsWith('hubspot contacts.') && traceId === push?.traceId)
  expect(wayUp(spans, read)).toEqual([read?.name, 'read records', 'work on entries', 'receive delivery'])
  expect(push?.attributes).toMatchObject({
    'messaging.destination.name': 'customerChanged',
    'livegraph.subscribers': 1,
  })
  const [receipt] = named(spans, 'receive delivery').filter(({ traceId }) => traceId === push?.traceId)
  expect(receipt?.attributes).toMatchObject({
    'http.request.method': 'POST',
    'http.route': '/webhooks/hubspot',
    'http.response.status_code': 200,
  })
  expect(new Set(spans.map(({ service }) => service))).toEqual(new Set(['livegraph']))
})

test('spans hold no personal data and no secret', async () => {
  const traces = await receiver()
  const world = await startWorld({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: traces.url } })
  await world.settled()
  const frames = world.subscribe(watchAda)
  await next(frames)
  world.tools.hubspot.updateContact('101', { email: 'canary@example.com', phone: '+15550000178' })
  // A vendor that fails says things, too.
  world.tools.hubspot.faults.add({ kind: 'error', times: 2 })
  world.tools.stripe.faults.add({ kind: 'html', times: 2 })
  setPhone(world, 179)
  expect(await next(frames)).toMatchObject({ change: { kind: 'UPDATED' } })
  await world.settled()
  const canaries = [...canariesOf(world.tools), 'canary@example.com', '+15550000178']
  await world.gateway.close()
  expect(named(traces.spans, 'append Change').length).toBeGreaterThan(0)
  expect(canaries.length).toBeGreaterThan(20)
  expect(canaries.filter(canary => traces.bodies.some(body => body.includes(canary)))).toEqual([])
})

test('tries, and what is sent with a traceparent of its own, stay in the trace of their delivery', async () => {
  const traces = await receiver()
  const world = await quietWorld({ OTEL_EXPORTER_OTLP_ENDPOINT: traces.url })
  hubspot.change(world, '+15550180')
  // Told of what comes a little later than the vendor shows it: the entry is tried again.
  const signed = hubspot.sign(world, JSON.stringify([notification({ occurredAt: Date.now() + 600 })]))
  const caller = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' }
  const traceparent = `00-${caller.traceId}-${caller.spanId}-01`
  expect(await post(world, { ...signed, headers: { ...signed.headers, traceparent } })).toBe(200)
  const { store } = world.gateway.runtime
  const states = () => store.read(db => db.selectFrom('delivery_entries').select(['state', 'attempts']).execute())
  await vi.waitFor(async () => expect((await states()).at(-1)?.attempts).toBeGreaterThan(1), 10_000)
  await world.settled()
  await world.gateway.close()
  const [receipt] = named(traces.spans, 'receive delivery').filter(({ links }) => links.length > 0)
  expect(receipt?.links).toEqual([caller])
  expect([receipt?.parentSpanId, receipt?.traceId === caller.traceId]).toEqual(['', false])
  const tries = named(traces.spans, 'work on entries').filter(({ traceId }) => traceId === receipt?.traceId)
  expect(tries.length).toBeGreaterThan(1)
  expect(new Set(tries.map(({ parentSpanId }) => parentSpanId))).toEqual(new Set([receipt?.spanId]))
})

test('a receiver that is down disturbs nothing, and is told of once', async () => {
  const gone = await startTraceReceiver()
  await gone.close()
  const world = await quietWorld({ OTEL_EXPORTER_OTLP_ENDPOINT: gone.url })
  const frames = world.subscribe(watchAda)
  await next(frames)
  for (const number of [1, 2]) {
    hubspot.change(world, `+1555019${number}`)
    expect(await post(world, hubspot.sign(world, hubspot.body(world)))).toBe(200)
    expect(await next(frames)).toMatchObject({ customer: { phone: `+1555019${number}` } })
  }
  const startedAt = performance.now()
  await world.gateway.close()
  expect(performance.now() - startedAt).toBeLessThan(5_000)
  const about = world.log.filter(({ message }) => message.includes('traces'))
  expect(about.map(({ level, message }) => `${level}: ${message}`)).toEqual([
    'warn: the last traces were not taken in time; they are dropped',
  ])
  expect(world.log.filter(({ level }) => level === 'error')).toEqual([])
})

test('a receiver that never answers keeps no process from ending', async () => {
  const silent = createServer(socket => socket.on('error', () => undefined).resume())
  const port = await new Promise<number>(resolve =>
    silent.listen(0, '127.0.0.1', () => {
      const address = silent.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    }),
  )
  onTestFinished(() => void silent.close())
  const at = await setting({
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_EXPORTER_OTLP_TIMEOUT: '40000',
  })
  const child = await start(at)
  await imported(at)
  expect(await postEvent(at)).toBe(200)
  const startedAt = performance.now()
  child.kill('SIGTERM')
  expect(await child.ended).toEqual({ code: 0, signal: null })
  expect(performance.now() - startedAt).toBeLessThan(10_000)
  expect(child.output()).toContain('the last traces were not taken in time')
})

test('nothing is traced, and no Change carries a trace, unless an address is given', async () => {
  const world = await quietWorld()
  hubspot.change(world, '+15550195')
  expect(await post(world, hubspot.sign(world, hubspot.body(world)))).toBe(200)
  await world.settled()
  const changes = await world.gateway.runtime.store.read(db =>
    db.selectFrom('changes').select('traceparent').distinct().execute(),
  )
  expect(changes).toEqual([{ traceparent: null }])
})
