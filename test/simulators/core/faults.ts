/** Faults on demand: what goes wrong with requests, and with webhooks on their way. */

import { seededRandom } from './random.ts'

export const requestFaultKinds = [
  'rate-limit',
  'error',
  'slow',
  'drop',
  'lose',
  'html',
  'endless',
  'wrong-types',
  'proto',
] as const

/**
 * - `rate-limit`: the vendor's own 429. `error`: the vendor's own error with `status` (500).
 * - `slow`: answers after `delayMs` (5000). `drop`: the connection ends without an answer.
 * - `lose`: does what was asked; then the connection ends without an answer.
 * - `html`: 200 with a page. `endless`: 200 with a body that does not end.
 * - `wrong-types`: numbers as text, text as numbers, lists as objects. `proto`: `__proto__` in the body.
 */
export type RequestFaultKind = (typeof requestFaultKinds)[number]

export interface RequestFault {
  readonly match?: { readonly method?: string; readonly path?: RegExp }
  readonly kind: RequestFaultKind
  /** How often; until cleared when absent. */
  readonly times?: number
  readonly delayMs?: number
  readonly status?: number
  /** The share of the fitting requests it meets, 0 to 1; all when absent. Which ones, `seed` (1) decides. */
  readonly share?: number
  readonly seed?: number
}

export const webhookFaultKinds = ['duplicate', 'reorder', 'drop', 'skew', 'late'] as const

/**
 * - `duplicate`: sent twice. `drop`: never sent. `reorder`: sent after the next one.
 * - `skew`: signed with a clock that is `ms` off (negative: slow). `late`: sent `ms` (1000) later.
 */
export type WebhookFaultKind = (typeof webhookFaultKinds)[number]

export interface WebhookFault {
  readonly webhook: WebhookFaultKind
  readonly times?: number
  readonly ms?: number
  /** Of how many it happens to, in (0, 1]; by a seed, so that it is the same ones each time. All when absent. */
  readonly share?: number
}

export type Fault = RequestFault | WebhookFault

export interface Faults {
  add(...faults: readonly Fault[]): void
  clear(): void
  /** The first rule that fits, used up by one. */
  takeForRequest(method: string, path: string): RequestFault | null
  takeForWebhook(kind: WebhookFaultKind): WebhookFault | null
}

export function createFaults(): Faults {
  let rules: { readonly fault: Fault; readonly random: () => number; left: number }[] = []
  return {
    add(...faults) {
      for (const fault of faults) {
        const seed = 'webhook' in fault ? undefined : fault.seed
        rules.push({ fault, random: seededRandom(seed ?? 1), left: fault.times ?? Infinity })
      }
    },
    clear() {
      rules = []
    },
    takeForRequest(method, path) {
      for (const rule of rules) {
        const { fault } = rule
        if ('webhook' in fault || rule.left <= 0) continue
        const { match } = fault
        if (match?.method !== undefined && match.method.toUpperCase() !== method) continue
        if (match?.path !== undefined && !match.path.test(path)) continue
        if (fault.share !== undefined && rule.random() >= fault.share) continue
        use(rule)
        return fault
      }
      return null
    },
    takeForWebhook(kind) {
      for (const rule of rules) {
        const { fault } = rule
        if (!('webhook' in fault) || rule.left <= 0 || fault.webhook !== kind) continue
        if (fault.share !== undefined && rule.random() >= fault.share) continue
        use(rule)
        return fault
      }
      return null
    },
  }

  function use(rule: { left: number }): void {
    rule.left -= 1
    if (rule.left <= 0) rules = rules.filter(other => other.left > 0)
  }
}

/**
 * A rule, or a list of them, as JSON; `match.path` is the text of a regular expression.
 * @returns what is wrong with it, as text
 */
export function readFaults(json: unknown): readonly Fault[] | string {
  const faults: Fault[] = []
  for (const entry of Array.isArray(json) ? json : [json]) {
    const fault = readFault(entry)
    if (typeof fault === 'string') return fault
    faults.push(fault)
  }
  return faults
}

function readFault(json: unknown): Fault | string {
  if (!isRecord(json)) return 'a fault is an object with "kind" or "webhook"'
  const times = numberAt(json, 'times')
  const webhook = webhookFaultKinds.find(kind => kind === json['webhook'])
  if (webhook !== undefined) return { webhook, times, ms: numberAt(json, 'ms'), share: numberAt(json, 'share') }
  const kind = requestFaultKinds.find(kind => kind === json['kind'])
  if (kind === undefined) {
    return `kind is one of ${requestFaultKinds.join(', ')}; or webhook is one of ${webhookFaultKinds.join(', ')}`
  }
  const given = isRecord(json['match']) ? json['match'] : {}
  const method = typeof given['method'] === 'string' ? given['method'] : undefined
  const path = typeof given['path'] === 'string' ? pattern(given['path']) : undefined
  if (path === null) return 'match.path is not a regular expression'
  return {
    kind,
    match: { method, path },
    times,
    delayMs: numberAt(json, 'delayMs'),
    status: numberAt(json, 'status'),
    share: numberAt(json, 'share'),
    seed: numberAt(json, 'seed'),
  }
}

function pattern(source: string): RegExp | null {
  try {
    return new RegExp(source)
  } catch {
    return null
  }
}

function numberAt(json: Readonly<Record<string, unknown>>, field: string): number | undefined {
  const value = json[field]
  return typeof value === 'number' ? value : undefined
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
