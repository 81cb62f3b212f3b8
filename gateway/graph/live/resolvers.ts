import { GraphQLError } from 'graphql'
import type { EntityRef } from '../../../schema/entities.ts'
import { isEntityType } from '../../../schema/entities.ts'
import type { Link, Reference, Unlinked, UnlinkedReason } from '../../../schema/link.ts'
import { ownership } from '../../../schema/ownership.ts'
import { isRole, type RecordRef, type Role, type System } from '../../../schema/systems.ts'
import type { StoredSubscription } from '../../store/subscriptions.ts'
import type { StoredSweep } from '../../store/sweeps.ts'
import type { OperationContext } from '../context.ts'
import { cursorOf } from '../cursor.ts'
import type { ChangeFrame, FrameChange } from '../subscription.ts'
import type { Resolvers } from '../subgraph.ts'
import { checkSystem } from './arguments.ts'
import { deliveryMutations, deliveryQueries, deliveryStateNames, type DeliveriesPort } from './deliveries.ts'
import { nodeQueries, type LiveNode } from './nodes.ts'

export interface SystemStatus {
  readonly system: System
  readonly role: Role
  readonly isImported: boolean
  readonly importedRecords: number
  readonly lastDeliveryAt: Date | null
  readonly dueEntries: number
  /** When the oldest of those came; null for none. */
  readonly oldestDueAt: Date | null
  readonly deadEntries: number
  /** All changes up to then are known, but for entries that were given up; null while the first import runs. */
  readonly completeUpTo: Date | null
  readonly lagSeconds: number | null
  readonly lastSweep: StoredSweep | null
  readonly webhooks: readonly StoredSubscription[]
  /** Requests kept whose signature fits no secret of ours. */
  readonly quarantinedRequests: number
  readonly isReachable: boolean
  readonly isAuthorized: boolean
  readonly pools: readonly {
    readonly name: string
    readonly limit: number
    readonly windowMs: number
    readonly used: number
  }[]
}

export interface UnlinkedPage {
  readonly entries: readonly { readonly cursor: string; readonly unlinked: Unlinked }[]
  hasNextPage(): Promise<boolean>
  hasPreviousPage(): Promise<boolean>
  totalCount(): Promise<number>
}

export interface UnlinkedArguments {
  readonly first?: number | null
  readonly after?: string | null
  readonly last?: number | null
  readonly before?: string | null
  readonly reason?: UnlinkedReason | null
  readonly system?: System | null
}

/** What the graph answers by itself. */
export interface LivePorts {
  /** The system that plays each role. */
  readonly systemOf: Readonly<Record<Role, System>>
  systems(): Promise<readonly SystemStatus[]>
  /** The records that are the entity, then those that name it. */
  linksOf(entity: EntityRef): Promise<readonly (Link | Reference)[]>
  unlinked(page: UnlinkedArguments): Promise<UnlinkedPage>
  /**
   * Says as a person whose record it is; null for nobody's.
   * @returns the entity it is linked to now
   * @throws GraphQLError `BAD_USER_INPUT` when there is no such record or customer
   */
  linkRecord(record: RecordRef, customerId: string | null): Promise<EntityRef | null>
  /** Whether the record index has it, and its tool has not deleted it. */
  isLivingRecord(record: RecordRef): Promise<boolean>
  /**
   * Takes back what a person said of a record, and matches it anew.
   * @returns the entity it is linked to now
   * @throws GraphQLError when there is no such record
   */
  resetLink(record: RecordRef): Promise<EntityRef | null>
  readonly deliveries: DeliveriesPort
}

interface LinkRecordArguments {
  readonly input: {
    readonly system: string
    readonly kind: string
    readonly id: string
    readonly customerId?: string | null
    readonly clientMutationId?: string | null
  }
}

interface ResetLinkArguments {
  readonly input: {
    readonly system: string
    readonly kind: string
    readonly id: string
    readonly clientMutationId?: string | null
  }
}

export function liveResolvers(ports: LivePorts): Resolvers {
  return {
    Query: {
      ownership: (_: unknown, asked: { entity?: string | null; field?: string | null }) => ownershipRows(ports, asked),
      systems: () => ports.systems(),
      ...nodeQueries(ports),
      ...deliveryQueries(ports.deliveries),
      unlinkedRecords: async (_: unknown, asked: UnlinkedArguments) => {
        checkSystem(asked.system)
        const page = await ports.unlinked(asked)
        const edges = page.entries.map(({ cursor, unlinked }) => ({ cursor, node: unlinkedNode(unlinked) }))
        return {
          edges,
          nodes: edges.map(edge => edge.node),
          pageInfo: {
            hasNextPage: () => page.hasNextPage(),
            hasPreviousPage: () => page.hasPreviousPage(),
            startCursor: edges[0]?.cursor ?? null,
            endCursor: edges.at(-1)?.cursor ?? null,
          },
          totalCount: () => page.totalCount(),
        }
      },
    },
    Mutation: {
      ...deliveryMutations(ports.deliveries),
      linkRecord: async (_: unknown, { input }: LinkRecordArguments) => {
        const { system, kind, id, customerId, clientMutationId } = input
        // Left out by mistake it must not mean "no customer".
        if (customerId === undefined) {
          throw new GraphQLError(
            'input.customerId: expected the id of a customer, or null where the record is no customer; got nothing',
            {
              extensions: { code: 'BAD_USER_INPUT' },
            },
          )
        }
        return { customer: await ports.linkRecord({ system, kind, id }, customerId), clientMutationId }
      },
      resetLink: async (_: unknown, { input }: ResetLinkArguments) => {
        const { system, kind, id, clientMutationId } = input
        return { customer: await ports.resetLink({ system, kind, id }), clientMutationId }
      },
    },
    Customer: {
      __resolveReference: async ({ id }: { id: string }, context: OperationContext) => {
        const living = await context.links.resolve({ type: 'Customer', id })
        return living === null ? null : { id: living.id }
      },
      links: ({ id }: { id: string }) => ports.linksOf({ type: 'Customer', id }),
    },
    Evidence: { PERSON: 'person', OWNER: 'owner', MERGED: 'merged', EXPLICIT: 'explicit', EMAIL: 'email' },
    DeliveryState: deliveryStateNames,
    DriftRule: { REPORT: 'report', REPAIR: 'repair', IGNORE: 'ignore' },
    Entity: { __resolveType: (entity: EntityRef) => entity.type },
    Node: { __resolveType: ({ __typename }: LiveNode) => __typename },
    CustomerChanged: { customer: (frame: ChangeFrame) => frame.entity },
    OrderChanged: { order: (frame: ChangeFrame) => frame.entity },
    JobChanged: { job: (frame: ChangeFrame) => frame.entity },
    Changed: {
      entityType: (frame: ChangeFrame) => frame.subject?.type ?? null,
      entityId: (frame: ChangeFrame) => frame.subject?.id ?? null,
      entity: (frame: ChangeFrame) => frame.entity,
    },
    Change: { cursor: (change: FrameChange) => cursorOf(change.sequence) },
    Subscription: subscriptions,
  }
}

/** Frames come in as the root value, one execution a frame: see `executor.ts`. */
const subscriptions = Object.fromEntries(
  ['customerChanged', 'orderChanged', 'jobChanged', 'changes'].map(field => [
    field,
    { resolve: (frames: Readonly<Record<string, ChangeFrame>> | undefined) => frames?.[field] ?? null },
  ]),
)

function unlinkedNode({ record, entityType, entity, reason, candidates, since }: Unlinked) {
  return {
    record,
    entity: entityType,
    entityId: entity?.id ?? null,
    reason,
    candidates: candidates.map(candidate => candidate.id),
    since,
  }
}

function ownershipRows(ports: LivePorts, asked: { entity?: string | null; field?: string | null }) {
  if (asked.entity != null && !isEntityType(asked.entity)) {
    throw new GraphQLError('ownership: expected entity to be the name of an entity, for example Customer', {
      extensions: { code: 'BAD_USER_INPUT' },
    })
  }
  if (asked.field?.trim() === '')
    throw new GraphQLError('field: expected the name of a field, got none; leave it out to select all', {
      extensions: { code: 'BAD_USER_INPUT' },
    })
  if (asked.field != null && !Object.keys(ownership).some(name => name.split('.')[1] === asked.field))
    throw new GraphQLError('field: expected the name of a field such as phone, got one that no entity has', {
      extensions: { code: 'BAD_USER_INPUT' },
    })
  return Object.entries(ownership).flatMap(([name, row]) => {
    const [entity = '', field = ''] = name.split('.')
    if (asked.entity != null && asked.entity !== entity) return []
    if (asked.field != null && asked.field !== field) return []
    const { owner, copies, onDrift } = row
    const system = isRole(owner) ? ports.systemOf[owner] : null
    return [{ entity, field, owner, system, copies: copies.map(role => ports.systemOf[role]), onDrift }]
  })
}
