import type { Log } from '../../subgraphs/contract.ts'
import { noTraces, type Traces } from './traces.ts'

/**
 * Nothing of OpenTelemetry is loaded while traces are off.
 * @param url where spans are sent by OTLP over HTTP; null for off
 * @param instance names this process
 */
export async function openTraces(
  url: string | null,
  { instance, log }: { readonly instance: string; readonly log: Log },
): Promise<Traces> {
  if (url === null) return noTraces
  const [{ openExport }, { openSpans }] = await Promise.all([import('./export.ts'), import('./spans.ts')])
  return openSpans(openExport({ url, instance, log }))
}
