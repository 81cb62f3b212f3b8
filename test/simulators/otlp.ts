import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A span as OTLP's JSON has it, as far as it is looked at. */
export interface ReceivedSpan {
  readonly service: string
  /** The process that sent it. */
  readonly instance: string
  readonly traceId: string
  readonly spanId: string
  /** Empty for the root of its trace. */
  readonly parentSpanId: string
  readonly name: string
  readonly kind: number
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[]
  readonly attributes: Readonly<Record<string, unknown>>
}

export interface TraceReceiver {
  /** What `OTEL_EXPORTER_OTLP_ENDPOINT` is to be. */
  readonly url: string
  readonly spans: readonly ReceivedSpan[]
  /** How many requests were refused. */
  readonly refused: number
  /** As they came. */
  readonly bodies: readonly string[]
  /** Answers from now on with this status; 200 takes spans. */
  answer(status: number): void
  close(): Promise<void>
}

/** A receiver of traces by OTLP over HTTP, in JSON: https://opentelemetry.io/docs/specs/otlp/ (read November 2026). */
export async function startTraceReceiver(port = 0): Promise<TraceReceiver> {
  const spans: ReceivedSpan[] = []
  const bodies: string[] = []
  let status = 200
  let refused = 0
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const isOurs = request.method === 'POST' && request.url?.split('?')[0] === '/v1/traces'
      if (!isOurs || request.headers['content-type'] !== 'application/json' || status !== 200) {
        refused += 1
        response.writeHead(isOurs ? (status === 200 ? 415 : status) : 404).end()
        return
      }
      const body = Buffer.concat(chunks).toString()
      bodies.push(body)
      spans.push(...spansIn(JSON.parse(body)))
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"partialSuccess":{}}')
    })
  })
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  const address: AddressInfo | string | null = server.address()
  if (address === null || typeof address === 'string') throw new Error('expected a port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    spans,
    bodies,
    get refused() {
      return refused
    },
    answer: given => void (status = given),
    close: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function* spansIn(body: unknown): Generator<ReceivedSpan> {
  for (const resourceSpans of listIn(body, 'resourceSpans')) {
    const resource = attributesIn(fieldIn(resourceSpans, 'resource'))
    for (const scopeSpans of listIn(resourceSpans, 'scopeSpans')) {
      for (const span of listIn(scopeSpans, 'spans')) {
        yield {
          service: String(resource['service.name']),
          instance: String(resource['service.instance.id']),
          traceId: textIn(span, 'traceId'),
          spanId: textIn(span, 'spanId'),
          parentSpanId: textIn(span, 'parentSpanId'),
          name: textIn(span, 'name'),
          kind: Number(fieldIn(span, 'kind')),
          links: listIn(span, 'links').map(link => ({
            traceId: textIn(link, 'traceId'),
            spanId: textIn(link, 'spanId'),
          })),
          attributes: attributesIn(span),
        }
      }
    }
  }
}

function attributesIn(holder: unknown): Record<string, unknown> {
  return Object.fromEntries(
    listIn(holder, 'attributes').map(attribute => [textIn(attribute, 'key'), valueIn(fieldIn(attribute, 'value'))]),
  )
}

/** `{ "stringValue": "a" }`, `{ "intValue": 1 }`, `{ "arrayValue": { "values": [] } }` */
function valueIn(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const inner: unknown = Object.values<unknown>({ ...value })[0]
  return 'arrayValue' in value ? listIn(inner, 'values').map(valueIn) : inner
}

function fieldIn(holder: unknown, name: string): unknown {
  if (typeof holder !== 'object' || holder === null) return undefined
  return new Map<string, unknown>(Object.entries(holder)).get(name)
}

function listIn(holder: unknown, name: string): readonly unknown[] {
  const list: unknown = fieldIn(holder, name)
  return Array.isArray(list) ? list : []
}

function textIn(holder: unknown, name: string): string {
  const text = fieldIn(holder, name)
  return typeof text === 'string' ? text : ''
}
