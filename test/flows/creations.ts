import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import type { Simulators } from '../simulators/start.ts'

/** One creation that a client wants exactly once. */
export interface Creation {
  readonly mutation: 'createOrder' | 'createJob'
  readonly clientMutationId: string
  readonly input: Readonly<Record<string, unknown>>
}

export interface Answered {
  readonly creation: Creation
  readonly id: string
  /** Requests sent until one was answered. */
  readonly requests: number
}

const titles = 5
const memo = /^Creation \d+$/

/** Orders that differ in their memo, and jobs of which many have the same content. */
export function creations(orders: number, jobs: number, run: string): readonly Creation[] {
  const order = (n: number): Creation => ({
    mutation: 'createOrder',
    clientMutationId: `${run}-order-${n}`,
    input: {
      customerId: String(101 + (n % 10)),
      currency: 'USD',
      lines: [{ description: 'Call-out', unitAmount: 100 + n }],
      memo: `Creation ${n}`,
      finalize: true,
    },
  })
  const job = (n: number): Creation => ({
    mutation: 'createJob',
    clientMutationId: `${run}-job-${n}`,
    input: { title: `Creation ${n % titles}`, customerId: '101' },
  })
  const pairs = Array.from({ length: Math.max(orders, jobs) }, (_, n) => [
    ...(n < orders ? [order(n)] : []),
    ...(n < jobs ? [job(n)] : []),
  ])
  return pairs.flat()
}

const answer = z.object({
  data: z.record(z.string(), z.object({ made: z.object({ id: z.string() }).nullable() }).nullable()).nullish(),
  errors: z.array(z.object({ extensions: z.object({ code: z.string() }) })).optional(),
})

/**
 * Asks for each until it is answered, as a client does that keeps its ids.
 * @param url of a gateway, asked for before each request
 * @param told gets the code of each error that was answered
 */
export async function askUntilAnswered(
  url: () => string,
  wanted: readonly Creation[],
  { clients, told }: { readonly clients: number; readonly told?: (code: string) => void },
): Promise<readonly Answered[]> {
  const waiting = [...wanted]
  const answered: Answered[] = []
  const client = async (): Promise<void> => {
    for (let creation = waiting.shift(); creation !== undefined; creation = waiting.shift()) {
      for (let requests = 1; ; requests += 1) {
        const id = await ask(url(), creation, told)
        if (id !== null) {
          answered.push({ creation, id, requests })
          break
        }
        await pause(200)
      }
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  return answered
}

async function ask(url: string, creation: Creation, told: (code: string) => void = () => undefined) {
  const { mutation, clientMutationId, input } = creation
  const [type, field] = mutation === 'createOrder' ? ['CreateOrderInput', 'order'] : ['CreateJobInput', 'job']
  const query = `mutation($input: ${type}!) { ${mutation}(input: $input) { made: ${field} { id status } } }`
  try {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables: { input: { ...input, clientMutationId } } }),
    })
    const { data, errors } = answer.parse(await response.json())
    for (const { extensions } of errors ?? []) told(extensions.code)
    return data?.[mutation]?.made?.id ?? null
  } catch {
    // Killed, or not there yet.
    told('no answer')
    return null
  }
}

/** What of the creations is in the tools: each id once for each record. */
export function made(tools: Simulators): { readonly orders: readonly string[]; readonly jobs: readonly string[] } {
  const { invoices } = tools.stripe.snapshot()
  return {
    orders: invoices.filter(({ head }) => memo.test(head.description ?? '')).map(({ head }) => head.id),
    jobs: tools.asana
      .snapshot()
      .tasks.filter(({ name }) => memo.test(name))
      .map(({ gid }) => gid),
  }
}

/** Three answers in ten to what writes get lost, at each tool, although what was asked is done. */
export function loseAnswers(tools: Simulators, seed: number): void {
  const fault = { kind: 'lose', share: 0.3, seed } as const
  tools.stripe.faults.add({ ...fault, match: { method: 'POST' } })
  tools.asana.faults.add({ ...fault, match: { method: 'POST', path: /\/tasks$/ } })
}
