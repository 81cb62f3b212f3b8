import { GraphQLError } from 'graphql'
import type { EntityRef, EntityType } from '../../schema/entities.ts'
import { connectionOf } from '../connection.ts'
import type { GraphContext } from '../contract.ts'
import { understood, type Field } from '../lenient.ts'
import { VendorError } from '../vendor-error.ts'
import type { QueryJobsArgs, Resolvers } from './generated.ts'
import type { JobNode } from './nodes.ts'
import type { JobFields, JobPatch, JobsSource, SchedulePatch } from './source.ts'

interface EntityNode<Type extends EntityType> {
  readonly __typename: Type
  readonly id: string
}

/** An input that may say which write it is. */
interface Named {
  readonly clientMutationId?: string | null
}

/** The resolvers of the role jobs, over whatever system plays it. */
export function jobsResolvers(source: JobsSource) {
  const loading = new WeakMap<JobNode, Promise<JobFields | null>>()

  /** The job's values, asked of the source once a node, and only when a field of it is selected. */
  function load(node: JobNode, context: GraphContext): Promise<JobFields | null> {
    const known = loading.get(node)
    if (known !== undefined) return known
    const { id, near } = node
    const fields = source.job(near === undefined ? { id } : { id, near }, context)
    loading.set(node, fields)
    return fields
  }

  function value<T>(fieldOf: (fields: JobFields) => Field<T>) {
    return async (node: JobNode, _: unknown, context: GraphContext): Promise<T | null> => {
      const fields = await load(node, context)
      return fields === null ? null : understood(fieldOf(fields))
    }
  }

  function parent<Type extends EntityType>(type: Type) {
    return async (node: JobNode, _: unknown, context: GraphContext): Promise<EntityNode<Type> | null> => {
      const record = node.record ?? (await load(node, context))?.record
      const found = record === undefined ? null : await context.links.parentOf(record, type)
      return found === null ? null : { __typename: type, id: found.id }
    }
  }

  function reference<Type extends EntityType>(type: Type) {
    return async ({ id }: { readonly id: string }, context: GraphContext): Promise<EntityNode<Type> | null> => {
      const found = await context.links.resolve({ type, id })
      return found === null ? null : { __typename: type, id: found.id }
    }
  }

  function jobsWithin(type: EntityType) {
    return ({ id }: { readonly id: string }, args: Partial<QueryJobsArgs>, context: GraphContext) =>
      listJobs({ type, id }, args, context)
  }

  async function updated(id: string, context: GraphContext): Promise<JobNode> {
    const node = await living(id, context)
    if (node !== null) return node
    throw new GraphQLError('input.id: expected the id of a job, got an id that no job has', {
      extensions: { code: 'NOT_FOUND' },
    })
  }

  return {
    Query: {
      async job(_: unknown, { id }: { readonly id: string }, context: GraphContext): Promise<JobNode | null> {
        const node = await living(id, context)
        if (node === null) return null
        try {
          return (await load(node, context)) === null ? null : node
        } catch (error) {
          // While the jobs tool is out, its own fields fail one by one; links and the other roles still answer.
          if (error instanceof VendorError) return node
          throw error
        }
      },
      jobs: (_: unknown, args: Partial<QueryJobsArgs>, context: GraphContext) => listJobs(null, args, context),
    },

    Customer: { __resolveReference: reference('Customer'), jobs: jobsWithin('Customer') },
    Order: { __resolveReference: reference('Order'), jobs: jobsWithin('Order') },

    Job: {
      __resolveReference: ({ id }: { readonly id: string }, context: GraphContext) => living(id, context),
      title: value(job => job.title),
      status: value(job => job.status),
      isCompleted: value(job => job.isCompleted),
      description: value(job => job.description),
      schedule: value(job => job.schedule),
      assignee: value(job => job.assignee),
      customer: parent('Customer'),
      order: parent('Order'),
      url: value(job => job.url),
      createdAt: value(job => job.createdAt),
      updatedAt: value(job => job.updatedAt),
      completedAt: value(job => job.completedAt),
    },

    Schedule: {
      startsOn: ({ startsOn }) => understood(startsOn),
      startsAt: ({ startsAt }) => understood(startsAt),
      endsOn: ({ endsOn }) => understood(endsOn),
      endsAt: ({ endsAt }) => understood(endsAt),
    },
    Assignee: { name: ({ name }) => understood(name) },

    Mutation: {
      async createJob(
        _: unknown,
        { input: { clientMutationId, ...input } }: { readonly input: JobPatch & { readonly title: string } & Named },
        context: GraphContext,
      ) {
        const patch = { ...(await checked(input, context)), title: input.title }
        await refuseContradiction(patch, null, context)
        if (patch.title.trim() === '') throw inputFault('input.title: expected some text, got none')
        // Where there is nothing yet, null is the same as leaving a field out.
        const fields = fieldNames(patch, value => value !== null && value !== undefined)
        const job = await context.writes.write(
          { role: 'jobs', entity: 'Job', fields, mutation: 'createJob', input: { ...input, clientMutationId } },
          steps => source.create(patch, context, steps),
        )
        return { job: nodeOf(job), clientMutationId }
      },

      async updateJob(
        _: unknown,
        { input: { id, clientMutationId, ...input } }: { readonly input: JobPatch & { readonly id: string } & Named },
        context: GraphContext,
      ) {
        if (input.title === null || input.title?.trim() === '')
          throw inputFault('input.title: expected some text, got none')
        const patch = await checked(input, context)
        const fields = fieldNames(patch, value => value !== undefined)
        if (fields.length === 0) throw inputFault('input: expected at least one field besides the id')
        const node = await updated(id, context)
        await refuseContradiction(patch, { type: 'Job', id: node.id }, context)
        const job = await context.writes.write(
          {
            role: 'jobs',
            entity: 'Job',
            id: node.id,
            fields,
            mutation: 'updateJob',
            input: { ...input, id, clientMutationId },
          },
          () => source.update(node.id, patch, context),
        )
        return { job: nodeOf(job), clientMutationId }
      },

      async completeJob(
        _: unknown,
        { input }: { readonly input: { readonly id: string } & Named },
        context: GraphContext,
      ) {
        const node = await updated(input.id, context)
        const job = await context.writes.write(
          {
            role: 'jobs',
            entity: 'Job',
            id: node.id,
            fields: ['isCompleted', 'completedAt'],
            mutation: 'completeJob',
            input: { ...input },
          },
          () => source.complete(node.id, context),
        )
        return { job: nodeOf(job), clientMutationId: input.clientMutationId }
      },
    },
  } satisfies Resolvers
}

async function listJobs(within: EntityRef | null, { filter, ...page }: Partial<QueryJobsArgs>, context: GraphContext) {
  const { customer, order } = filter ?? {}
  const parents: EntityRef[] = []
  if (typeof customer === 'string') parents.push({ type: 'Customer', id: customer })
  if (typeof order === 'string') parents.push({ type: 'Order', id: order })
  const found = await context.index.page(
    'Job',
    within,
    {
      status: filter?.status ?? null,
      isClosed: filter?.isCompleted ?? null,
      changedSince: filter?.changedSince ?? null,
      schedule: filter?.schedule ?? null,
      isScheduled: filter?.isScheduled ?? null,
      assigneeId: filter?.assignee ?? null,
      isAssigned: filter?.isAssigned ?? null,
      parents,
    },
    page,
  )
  return connectionOf<JobNode>(found, ({ id, near, record }) => (near === null ? { id, record } : { id, near, record }))
}

async function living(id: string, context: GraphContext): Promise<JobNode | null> {
  const job = await context.links.resolve({ type: 'Job', id })
  return job === null ? null : { id: job.id }
}

function nodeOf({ id }: EntityRef): JobNode {
  return { id }
}

/** The patch with the ids of living entities. @throws GraphQLError `BAD_USER_INPUT` */
async function checked(input: JobPatch, context: GraphContext): Promise<JobPatch> {
  checkSchedule(input.schedule)
  const [customerId, orderId] = await Promise.all([
    livingId('Customer', 'customerId', input.customerId, context),
    livingId('Order', 'orderId', input.orderId, context),
  ])
  return {
    ...input,
    ...(customerId === undefined ? {} : { customerId }),
    ...(orderId === undefined ? {} : { orderId }),
  }
}

/**
 * An order that is named is one of the job's customer: the one that is named with it, else the one the job has. A job that is handed to
 * another customer keeps its order, as every field that is left out. An order that belongs to no known customer contradicts nothing.
 * @throws GraphQLError `BAD_USER_INPUT`
 */
async function refuseContradiction(
  { customerId, orderId }: JobPatch,
  job: EntityRef | null,
  context: GraphContext,
): Promise<void> {
  if (!isGiven(orderId)) return
  const present = customerId === undefined && job !== null ? await customerAbove(job, context) : null
  const customer = customerId ?? present
  const owner = await customerAbove({ type: 'Order', id: orderId }, context)
  if (customer === null || owner === null || owner === customer) return
  throw inputFault(
    `input.orderId: expected an order of the job's customer ${customer}, got order ${orderId} of customer ${owner}; give that customer too, or null`,
  )
}

/** The id of the customer an entity belongs to; null also where no tool plays the role that would know. */
async function customerAbove(child: EntityRef, context: GraphContext): Promise<string | null> {
  try {
    return (await context.links.parentOf(child, 'Customer'))?.id ?? null
  } catch (error) {
    if (error instanceof GraphQLError) return null
    throw error
  }
}

async function livingId(
  type: EntityType,
  field: string,
  id: string | null | undefined,
  context: GraphContext,
): Promise<string | null | undefined> {
  if (id === undefined || id === null) return id
  const found = await context.links.resolve({ type, id })
  const living = found !== null && type === 'Customer' ? await present(found.id, context) : found?.id
  if (typeof living === 'string') return living
  throw inputFault(`input.${field}: expected the id of a living ${type}, got an id that no ${type} has`)
}

/**
 * The winner of a merge that no webhook has told of yet; null when the customer is gone. A job can be written while the CRM is out, or
 * where none is connected.
 */
async function present(customerId: string, { customers }: GraphContext): Promise<string | null> {
  try {
    const contact = await customers.contactOf(customerId)
    if (contact !== null && contact.id !== customerId) await customers.answering(customerId)
    return contact?.id ?? null
  } catch (error) {
    if (error instanceof VendorError || error instanceof GraphQLError) return customerId
    throw error
  }
}

function checkSchedule(schedule: SchedulePatch | null | undefined): void {
  if (schedule === undefined || schedule === null) return
  const { startsOn, startsAt, endsOn, endsAt } = schedule
  if (isGiven(startsOn) && isGiven(startsAt))
    throw inputFault('input.schedule: expected startsOn or startsAt, got both')
  if (isGiven(endsOn) && isGiven(endsAt)) throw inputFault('input.schedule: expected endsOn or endsAt, got both')
  const isBackwards =
    (isGiven(startsOn) && isGiven(endsOn) && endsOn < startsOn) ||
    (isGiven(startsAt) && isGiven(endsAt) && endsAt < startsAt)
  if (isBackwards) throw inputFault('input.schedule: expected an end at or after the start, got one before it')
}

function isGiven<Value>(value: Value | null | undefined): value is Value {
  return value !== undefined && value !== null
}

/** Names of the Job's fields behind the input's: `customerId` is `customer`. */
function fieldNames(patch: JobPatch, isWritten: (value: unknown) => boolean): readonly string[] {
  return Object.entries(patch)
    .filter(([, value]) => isWritten(value))
    .map(([name]) => name.replace(/Id$/, ''))
}

function inputFault(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } })
}
