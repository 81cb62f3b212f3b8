import { z } from 'zod'
import { entityTypes } from '../../schema/entities.ts'
import { deliveryStates } from '../store/find-deliveries.ts'

/** As JSON writes a Date. */
const instant = z.string().pipe(z.coerce.date()).nullable()

const filter = z.object({
  ids: z.array(z.int().positive()).nullable(),
  system: z.string().nullable(),
  state: z.enum(deliveryStates).nullable(),
  since: instant,
  until: instant,
  entity: z.object({ type: z.enum(entityTypes), id: z.string() }).nullable(),
})

/** What `npm run deliveries` may ask of the process that runs. */
export const deliveriesRequest = z.discriminatedUnion('do', [
  z.object({ do: z.literal('list'), filter, limit: z.int().positive(), json: z.boolean() }),
  z.object({ do: z.literal('show'), id: z.int().positive(), raw: z.boolean(), json: z.boolean() }),
  z.object({
    do: z.literal('replay'),
    filter,
    limit: z.int().positive(),
    dryRun: z.boolean(),
    json: z.boolean(),
  }),
  z.object({ do: z.literal('dismiss'), filter, limit: z.int().positive(), json: z.boolean() }),
  z.object({ do: z.literal('quarantine'), json: z.boolean() }),
  z.object({ do: z.literal('recover'), system: z.string().nullable(), json: z.boolean() }),
])

export type DeliveriesRequest = z.infer<typeof deliveriesRequest>
