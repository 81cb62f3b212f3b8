import { diag, type DiagLogger, DiagLogLevel, type Tracer } from '@opentelemetry/api'
import { type ExportResult, ExportResultCode } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base'
import { ATTR_SERVICE_INSTANCE_ID, ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions'
import type { Log } from '../../subgraphs/contract.ts'
import { Ids } from './ids.ts'

export interface ExportOptions {
  readonly url: string
  readonly instance: string
  readonly log: Log
}

/** Where spans are begun, and how what is left of them is sent at the end. */
export interface Export {
  readonly tracer: Tracer
  readonly ids: Ids
  /** Never rejects. */
  close(): Promise<void>
}

/** How long the end may wait for the last spans to be sent. */
const flushMs = 2_000

/** Different messages of the library that are logged; the same one is logged once. */
const mostSaid = 100

/**
 * Sends spans in batches. Sampler, headers, timeouts, batches and limits are read from the environment by the SDK, as its
 * documentation has them. The provider is registered nowhere: other libraries have spans of their own that hold
 * whole operations, and those stay inside.
 */
export function openExport({ url, instance, log }: ExportOptions): Export {
  diag.setLogger(saidOnce(log), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
  const ids = new Ids()
  const resource = resourceFromAttributes({
    [ATTR_SERVICE_NAME]: 'livegraph',
    [ATTR_SERVICE_INSTANCE_ID]: instance,
  }).merge(detectResources({ detectors: [envDetector] }))
  const exporter = new PatientExporter(new OTLPTraceExporter({ url }), url, log)
  const provider = new BasicTracerProvider({
    resource,
    idGenerator: ids,
    spanProcessors: [new BatchSpanProcessor(exporter)],
  })
  return {
    tracer: provider.getTracer('livegraph'),
    ids,
    async close() {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>(resolve => {
        timer = setTimeout(() => {
          log.warn({ waitedMs: flushMs }, 'the last traces were not taken in time; they are dropped')
          resolve()
        }, flushMs)
      })
      await Promise.race([provider.shutdown().catch(() => undefined), late])
      clearTimeout(timer)
    },
  }
}

/** Says once that spans cannot be sent, and once that they can again, however many batches fail between. */
class PatientExporter implements SpanExporter {
  readonly #exporter: SpanExporter
  readonly #log: Log
  /** Without path and query, which may hold a key. */
  readonly #origin: string
  #isOut = false

  constructor(exporter: SpanExporter, url: string, log: Log) {
    this.#exporter = exporter
    this.#origin = new URL(url).origin
    this.#log = log
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#exporter.export(spans, result => {
      this.#tell(result)
      // What failed is dropped and told; the processor would log each batch.
      done({ code: ExportResultCode.SUCCESS })
    })
  }

  forceFlush(): Promise<void> {
    return this.#exporter.forceFlush?.() ?? Promise.resolve()
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown()
  }

  #tell({ code, error }: ExportResult): void {
    const isOut = code !== ExportResultCode.SUCCESS
    if (isOut === this.#isOut) return
    this.#isOut = isOut
    const where = { url: this.#origin }
    if (isOut) {
      this.#log.warn(
        { ...where, reason: reasonOf(error) },
        'traces cannot be sent and are dropped until they can; nothing else is held up by it',
      )
    } else this.#log.info(where, 'traces are sent again')
  }
}

/** What a receiver answered stays out of the log. */
function reasonOf(error: Error | undefined): string {
  if (error === undefined) return 'unknown fault'
  const code = 'code' in error && (typeof error.code === 'string' || typeof error.code === 'number') ? error.code : null
  return [code, error.message].filter(part => part !== null && part !== '').join(': ') || error.name
}

/** The library's own warnings, in our log: which part says what. What comes after that may hold what was sent or answered. */
function saidOnce(log: Log): DiagLogger {
  const said = new Set<string>()
  const at =
    (level: 'warn' | 'error') =>
    (part: string, ...more: unknown[]) => {
      // What stands behind a colon may be what was answered.
      const text = typeof more[0] === 'string' ? `${part}: ${more[0].split(':')[0]}` : part
      if (said.has(text) || said.size >= mostSaid) return
      said.add(text)
      log[level]({ says: text }, 'a warning about traces; nothing else is held up by it')
    }
  const nothing = (): void => undefined
  return { error: at('error'), warn: at('warn'), info: nothing, debug: nothing, verbose: nothing }
}
