import type { Served } from './world.ts'

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** What a scrape of Prometheus gets. @throws Error for a line that is not in its text format */
export async function metricsOf({
  gateway,
}: {
  readonly gateway: Pick<Served['gateway'], 'url'>
}): Promise<readonly Sample[]> {
  const response = await fetch(`${gateway.url}/metrics`)
  const type = response.headers.get('content-type') ?? ''
  if (!response.ok || !type.includes('text/plain; version=0.0.4'))
    throw new Error(`/metrics: expected 200 in the text format, got ${response.status} ${type}`)
  const lines = (await response.text()).split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return lines.map(line => {
    const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (name === undefined || value === undefined) throw new Error(`/metrics: unreadable line ${line}`)
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', text = '']) => [key, text] as const)
    return { name, labels: Object.fromEntries(pairs), value: Number(value) }
  })
}

/** The value of the sample with at least these labels; undefined when there is none. */
export function valueOf(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  return samples.find(
    one => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value),
  )?.value
}
