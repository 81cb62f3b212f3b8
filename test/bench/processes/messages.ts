import { z } from 'zod'

/** What the processes of a bench say to each other. */

export const toolUrls = z.object({ hubspot: z.string(), stripe: z.string(), asana: z.string() })

export const usage = z.object({ cpuMs: z.number(), rssMiB: z.number() })

export type Usage = z.infer<typeof usage>

/** One webhook request: which change it tells, and when it was sent, by the machine's clock. */
export const sentWebhook = z.object({ change: z.number(), customer: z.string(), atMs: z.number(), ms: z.number() })

export type SentWebhook = z.infer<typeof sentWebhook>

export const drive = z.object({
  ask: z.literal('drive'),
  url: z.string(),
  /** Contacts that change, in turn. */
  customers: z.array(z.string()),
  perSecond: z.number(),
  seconds: z.number(),
  /** The number of the first change. */
  from: z.number(),
})

export const driven = z.object({ sent: z.array(sentWebhook), refused: z.number() })

export const watch = z.object({
  ask: z.literal('watch'),
  url: z.string(),
  /** One socket with one subscription for each. */
  customers: z.array(z.string()),
})

/** Who asks for one of these customers again and again, with so long between an answer and the next question. */
export const poll = watch.extend({ ask: z.literal('poll'), pauseMs: z.number() })

/** A request that a tool has answered. */
export const servedRequest = z.object({ tool: z.string(), route: z.string(), fromMs: z.number(), toMs: z.number() })

export type ServedRequest = z.infer<typeof servedRequest>

export const latencies = z.object({
  count: z.number(),
  missing: z.number(),
  frames: z.number(),
  p50: z.number(),
  p99: z.number(),
  most: z.number(),
})

export type Latencies = z.infer<typeof latencies>

const asked = z.object({ number: z.number(), what: z.unknown() })

/** Answers the process that started this one, until it lets go. */
export function answerParent(answer: (what: unknown) => Promise<unknown>, end: () => Promise<void>): void {
  process.on('SIGINT', () => undefined)
  process.on('message', message => {
    const { number, what } = asked.parse(message)
    answer(what).then(
      value => process.send?.({ number, answer: value ?? true }),
      (error: unknown) => process.send?.({ number, failed: error instanceof Error ? error.message : 'unknown fault' }),
    )
  })
  process.once('disconnect', () => {
    end().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  })
}

export function optionsOf<T>(schema: z.ZodType<T>): T {
  return schema.parse(JSON.parse(process.env['BENCH_OPTIONS'] ?? '{}'))
}

/** The number of the change that a contact's phone tells; 0 for a phone of before. */
export function changeIn(phone: string | null | undefined): number {
  const found = /^\+1555(\d{7})$/.exec(phone ?? '')
  return found === null ? 0 : Number(found[1])
}

export function phoneOf(change: number): string {
  return `+1555${String(change).padStart(7, '0')}`
}
