import { z } from 'zod'
import { dropWebhooks } from './signing.ts'
import { startWorld, type GraphQLAnswer, type World, type WorldOptions } from './world.ts'

/** What stands at the end of a path such as `customer.orders.nodes.0.id`; fails where the path ends early. */
export function at(answer: unknown, path: string): unknown {
  let value = answer
  for (const step of path.split('.')) {
    if (typeof value !== 'object' || value === null || !(step in value)) {
      throw new Error(`nothing at ${step} of ${path} in ${JSON.stringify(answer)}`)
    }
    value = new Map(Object.entries(value)).get(step)
  }
  return value
}

export function textAt(answer: unknown, path: string): string {
  return z.string().parse(at(answer, path))
}

export function listAt(answer: unknown, path: string): readonly unknown[] {
  return z.array(z.unknown()).parse(at(answer, path))
}

export function idsAt(answer: unknown, path: string): readonly string[] {
  return z
    .array(z.object({ id: z.string() }))
    .parse(at(answer, path))
    .map(({ id }) => id)
}

/** A world whose tools tell nobody anything, so that what is seen cannot have come by webhook. */
export async function silentWorld(options: WorldOptions = {}): Promise<World> {
  const world = await startWorld(options)
  await world.settled()
  dropWebhooks(world)
  return world
}

/** The codes of an answer's errors. */
export function codes({ errors }: Pick<GraphQLAnswer, 'errors'>): readonly unknown[] {
  return errors.map(error => error.extensions?.['code'])
}

/** Asks over a websocket of its own: another client than `world.ask`. */
export function askElsewhere(world: World, query: string, variables: Record<string, unknown> = {}): Promise<unknown> {
  return world
    .subscribe(query, variables)
    .next()
    .then(({ data }) => data)
}
