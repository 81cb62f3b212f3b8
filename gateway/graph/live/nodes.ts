import { GraphQLError } from 'graphql'
import { isEntityType, type EntityType } from '../../../schema/entities.ts'
import { readNodeId } from '../../../schema/node-id.ts'
import type { RecordRef } from '../../../schema/systems.ts'
import type { Customers } from '../../../subgraphs/contract.ts'
import { VendorError } from '../../../subgraphs/vendor-error.ts'
import type { FoundDelivery } from '../../store/find-deliveries.ts'
import type { OperationContext } from '../context.ts'
import type { LivePorts } from './resolvers.ts'

/** What `node` answers: of an entity its id, the rest is fetched from its roles. */
export type LiveNode =
  | { readonly __typename: EntityType; readonly id: string }
  | ({ readonly __typename: 'Record' } & RecordRef)
  | ({ readonly __typename: 'Delivery' } & FoundDelivery)

const mostNodes = 100

export function nodeQueries(ports: Pick<LivePorts, 'isLivingRecord' | 'deliveries'>) {
  const nodeOf = async (nodeId: string, { links, customers }: OperationContext): Promise<LiveNode | null> => {
    const { type, rest } = readNodeId(nodeId) ?? badNodeId()
    if (isEntityType(type)) {
      const living = await links.resolve({ type, id: rest })
      const id = living === null || type !== 'Customer' ? living?.id : await answering(living.id, customers)
      return id == null ? null : { __typename: type, id }
    }
    if (type === 'Record') {
      const record = recordOf(rest) ?? badNodeId()
      return (await ports.isLivingRecord(record)) ? { __typename: type, ...record } : null
    }
    if (type === 'Delivery' && /^[1-9]\d{0,14}$/.test(rest)) {
      const [found] = await ports.deliveries.find({ ids: [Number(rest)] }, { limit: 1 })
      return found === undefined ? null : { __typename: type, ...found }
    }
    return badNodeId()
  }
  return {
    node: (_: unknown, { nodeId }: { readonly nodeId: string }, context: OperationContext) => nodeOf(nodeId, context),
    nodes(_: unknown, { nodeIds }: { readonly nodeIds: readonly string[] }, context: OperationContext) {
      if (nodeIds.length < 1 || nodeIds.length > mostNodes)
        throw badInput(`nodeIds: expected 1 to ${mostNodes}, got ${nodeIds.length}`)
      return nodeIds.map(nodeId => nodeOf(nodeId, context))
    },
  }
}

/** The winner of a merge that nothing has told of yet. While the CRM is out, what the other roles know of the customer still answers. */
async function answering(id: string, customers: Customers): Promise<string | null> {
  try {
    return await customers.answering(id)
  } catch (error) {
    if (error instanceof VendorError) return id
    throw error
  }
}

/** Systems and kinds hold no colon. */
function recordOf(rest: string): RecordRef | null {
  const [, system = '', kind = '', id = ''] = /^([^:]+):([^:]+):(.+)$/s.exec(rest) ?? []
  return id === '' ? null : { system, kind, id }
}

/** Null would say that it is gone. */
function badNodeId(): never {
  throw badInput(
    'nodeId: expected that of a Customer, Order, Product, Job, Record or Delivery, as their field nodeId gives it; anything else is read with what it belongs to',
  )
}

function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } })
}
