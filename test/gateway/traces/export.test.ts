import { expect, onTestFinished, test, vi } from 'vitest'
import { openTraces } from '../../../gateway/traces/open.ts'
import type { Traces } from '../../../gateway/traces/traces.ts'
import type { Log } from '../../../subgraphs/contract.ts'
import { startTraceReceiver, type TraceReceiver } from '../../simulators/otlp.ts'

interface Traced {
  readonly receiver: TraceReceiver
  readonly traces: Traces
  readonly lines: readonly string[]
  /** Traces one delivery more. */
  receive(): void
}

async function traced(environment: Readonly<Record<string, string>> = {}): Promise<Traced> {
  // As the SDK reads it: spans are sent almost at once.
  for (const [name, value] of Object.entries({ OTEL_BSP_SCHEDULE_DELAY: '5', ...environment })) vi.stubEnv(name, value)
  const receiver = await startTraceReceiver()
  const lines: string[] = []
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  const traces = await openTraces(`${receiver.url}/v1/traces?key=hunter2`, { instance: 'me', log })
  onTestFinished(async () => {
    vi.unstubAllEnvs()
    await traces.close()
    await receiver.close()
  })
  let receivedId = 0
  return {
    receiver,
    traces,
    lines,
    receive() {
      const receivedAt = new Date()
      const received = {
        method: 'POST',
        endpoint: '',
        url: 'http://x/webhooks/stripe',
        headers: {},
        body: Buffer.from(''),
      }
      traces.received(
        { system: 'stripe', receivedId: ++receivedId, receivedAt },
        { received, receivedAt, entries: 1, duplicates: 0 },
      )
    },
  }
}

test('a receiver that refuses is told of once, without the address that may hold a key, and so is its return', async () => {
  const { receiver, lines, receive } = await traced()
  receiver.answer(403)
  for (const refused of [1, 2, 3]) {
    receive()
    await vi.waitFor(() => expect(receiver.refused).toBe(refused))
  }
  receiver.answer(200)
  receive()
  await vi.waitFor(() => expect(lines).toHaveLength(2))
  expect(lines[0]).toMatch(/^warn traces cannot be sent .*"url":"http:\/\/127.0.0.1:\d+","reason":"403: Forbidden"/)
  expect(lines[1]).toMatch(/^info traces are sent again/)
  expect(lines.join()).not.toContain('hunter2')
})

test('what is left is sent at the end', async () => {
  const { receiver, traces, receive } = await traced({ OTEL_BSP_SCHEDULE_DELAY: '60000' })
  receive()
  receive()
  await traces.close()
  expect(receiver.spans.map(({ name }) => name)).toEqual(['receive delivery', 'receive delivery'])
})

test('the sampler of the settings decides by the delivery: its tries are traced where its receipt is', async () => {
  const { receiver, traces, receive } = await traced({
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.5',
  })
  const now = new Date(1_700_000_000_000)
  vi.setSystemTime(now)
  onTestFinished(() => void vi.useRealTimers())
  const tries = Array.from({ length: 100 }, (_, at) => {
    receive()
    const { worker, key } = { worker: 'me', key: `k${at}` }
    const place = { id: at, receivedId: at + 1, system: 'stripe', receivedAt: now } as const
    const begun = traces.begin([{ ...place, worker, key, hints: [], attempts: 1, tries: 1 }])
    begun?.end('done')
    return begun
  })
  const sampled = tries.filter(one => one !== null)
  expect(sampled.length).toBeGreaterThan(20)
  expect(sampled.length).toBeLessThan(80)
  await traces.close()
  const receipts = receiver.spans.filter(({ name }) => name === 'receive delivery')
  const worked = receiver.spans.filter(({ name }) => name === 'work on entries')
  expect(receipts).toHaveLength(sampled.length)
  expect(new Set(worked.map(({ parentSpanId }) => parentSpanId))).toEqual(new Set(receipts.map(({ spanId }) => spanId)))
})
