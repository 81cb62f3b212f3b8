import { GraphQLError } from 'graphql'
import type { EntityRef } from '../../schema/entities.ts'
import { normalizeEmail } from '../../schema/values.ts'
import { connectionOf } from '../connection.ts'
import type { GraphContext } from '../contract.ts'
import { understood, type Field } from '../lenient.ts'
import { VendorError } from '../vendor-error.ts'
import type { QueryCustomersArgs, Resolvers } from './generated.ts'
import type { CustomerNode } from './nodes.ts'
import type { CrmSource, CustomerFields, CustomerPatch, StageFilter } from './source.ts'

/** An input that may say which write it is. */
interface Named {
  readonly clientMutationId?: string | null
}

const maxSearchCharacters = 200

const maxSearchResults = 100

/** The resolvers of the role crm, over whatever system plays it. */
export function crmResolvers(source: CrmSource) {
  const loading = new WeakMap<CustomerNode, Promise<CustomerFields | null>>()

  /** The customer's values, asked of the source once a node, and only when a field of it is selected. */
  function load(node: CustomerNode, context: GraphContext): Promise<CustomerFields | null> {
    const known = loading.get(node)
    if (known !== undefined) return known
    const fields = source.customer(node.id, context)
    loading.set(node, fields)
    return fields
  }

  /** The values of this customer and no other: of two ids that answer alike, one is retired. */
  async function own(node: CustomerNode, context: GraphContext): Promise<CustomerFields | null> {
    const fields = await load(node, context)
    if (fields === null || fields.id === node.id) return fields
    await context.customers.answering(node.id)
    throw new GraphQLError(
      `The CRM has merged the customer ${node.id} into ${fields.id}: ask for that one, or ask again.`,
      { extensions: { code: 'NOT_READY', isRetryable: true } },
    )
  }

  function value<T>(fieldOf: (fields: CustomerFields) => Field<T>) {
    return async (node: CustomerNode, _: unknown, context: GraphContext): Promise<T | null> => {
      const fields = await own(node, context)
      return fields === null ? null : understood(fieldOf(fields))
    }
  }

  /** Null when the filter says nothing of stages. */
  async function stagesIn(filter: StageFilter | null | undefined, context: GraphContext) {
    const { lifecycleStage, lifecycleStageName } = filter ?? {}
    const isAll = (lifecycleStage ?? null) === null && (lifecycleStageName ?? null) === null
    if (lifecycleStageName?.some(name => name.trim() === '') === true)
      throw inputFault('lifecycleStageName: expected some text, got none; leave it out to select all')
    return isAll ? null : source.stages({ lifecycleStage, lifecycleStageName }, context)
  }

  async function living(id: string, context: GraphContext): Promise<CustomerNode | null> {
    const customer = await context.links.resolve({ type: 'Customer', id })
    return customer === null ? null : { id: customer.id }
  }

  return {
    Query: {
      async customer(_: unknown, { id }: { id: string }, context: GraphContext): Promise<CustomerNode | null> {
        const node = await living(id, context)
        if (node === null) return null
        try {
          const fields = await load(node, context)
          if (fields === null || fields.id === node.id) return fields === null ? null : node
          // Merged, and no webhook has told of it yet: the answer is the winner's, and so is what the other roles answer.
          await context.customers.answering(node.id)
          const winner = { id: fields.id }
          loading.set(winner, Promise.resolve(fields))
          return winner
        } catch (error) {
          // While the CRM is out, what the other roles know of the customer still answers; the CRM's own fields fail.
          if (error instanceof VendorError) return node
          throw error
        }
      },

      async customers(_: unknown, { filter, ...page }: Partial<QueryCustomersArgs>, context: GraphContext) {
        return connectionOf<CustomerNode>(
          await context.index.page(
            'Customer',
            null,
            {
              status: await stagesIn(filter, context),
              email: filter?.email ?? null,
              changedSince: filter?.changedSince ?? null,
              namePrefix: filter?.namePrefix ?? null,
            },
            page,
          ),
          entry => ({ id: entry.id }),
        )
      },

      async searchCustomers(
        _: unknown,
        { text, first }: { text: string; first?: number | null },
        context: GraphContext,
      ): Promise<readonly CustomerNode[]> {
        const words = text.trim()
        if (words === '' || words.length > maxSearchCharacters) {
          throw inputFault(`text: expected 1 to ${maxSearchCharacters} characters, got ${words.length}`)
        }
        const limit = first ?? 20
        if (limit < 1 || limit > maxSearchResults) {
          throw inputFault(`first: expected 1 to ${maxSearchResults}, got ${limit}`)
        }
        const ids = await source.search(words, limit, context)
        const nodes = await Promise.all(ids.map(id => living(id, context)))
        return [...new Map(nodes.filter(node => node !== null).map(node => [node.id, node])).values()]
      },
    },

    Mutation: {
      async createCustomer(
        _: unknown,
        { input: { clientMutationId, ...input } }: { input: CustomerPatch & Named },
        context: GraphContext,
      ) {
        const fields = checked(withoutNulls(input))
        if (Object.keys(fields).length === 0) throw inputFault('input: expected at least one field with a value')
        const customer = await context.writes.write(
          {
            role: 'crm',
            entity: 'Customer',
            fields: Object.keys(fields),
            mutation: 'createCustomer',
            input: { ...input, clientMutationId },
          },
          steps => source.create(fields, context, steps),
        )
        return { customer: nodeOf(customer), clientMutationId }
      },

      async updateCustomer(
        _: unknown,
        { input: { id, clientMutationId, ...input } }: { input: CustomerPatch & { id: string } & Named },
        context: GraphContext,
      ) {
        const patch = checked(input)
        if (Object.keys(patch).length === 0) throw inputFault('input: expected at least one field besides the id')
        const node = await living(id, context)
        if (node === null) {
          throw new GraphQLError('input.id: expected the id of a customer, got an id that no customer has', {
            extensions: { code: 'NOT_FOUND' },
          })
        }
        const customer = await context.writes.write(
          {
            role: 'crm',
            entity: 'Customer',
            id: node.id,
            fields: Object.keys(patch),
            mutation: 'updateCustomer',
            input: { ...input, id, clientMutationId },
          },
          steps => source.update(node.id, patch, context, steps),
        )
        // Merged, and no webhook has told of it yet: the change is the winner's.
        if (customer.id !== node.id) await context.customers.answering(node.id)
        return { customer: nodeOf(customer), clientMutationId }
      },
    },

    Address: {
      street: ({ street }) => understood(street),
      city: ({ city }) => understood(city),
      region: ({ region }) => understood(region),
      postalCode: ({ postalCode }) => understood(postalCode),
      country: ({ country }) => understood(country),
    },

    Customer: {
      __resolveReference: (reference: { id: string }, context: GraphContext) => living(reference.id, context),
      name: value(customer => customer.name),
      email: value(customer => customer.email),
      phone: value(customer => customer.phone),
      address: value(customer => customer.address),
      company: async (node: CustomerNode, _: unknown, context: GraphContext) =>
        (await own(node, context)) === null ? null : source.company(node.id, context),
      lifecycleStage: value(customer => customer.lifecycleStage),
      lifecycleStageName: async (node: CustomerNode, _: unknown, context: GraphContext) =>
        (await own(node, context)) === null ? null : source.lifecycleStageName(node.id, context),
      createdAt: value(customer => customer.createdAt),
      updatedAt: value(customer => customer.updatedAt),
    },
  } satisfies Resolvers
}

function nodeOf({ id }: EntityRef): CustomerNode {
  return { id }
}

/** Where there is nothing yet, null is the same as leaving a field out. */
function withoutNulls(patch: CustomerPatch): CustomerPatch {
  const { name, email, phone, address, company, lifecycleStage, lifecycleStageName } = patch
  return {
    ...(typeof name === 'string' && { name }),
    ...(typeof email === 'string' && { email }),
    ...(typeof phone === 'string' && { phone }),
    ...(typeof address === 'object' && address !== null && { address }),
    ...(typeof company === 'string' && { company }),
    ...(typeof lifecycleStage === 'string' && { lifecycleStage }),
    ...(typeof lifecycleStageName === 'string' && { lifecycleStageName }),
  }
}

/** @throws GraphQLError for an e-mail address that is none and an address without a part; null empties either */
function checked(patch: CustomerPatch): CustomerPatch {
  if (typeof patch.email === 'string' && normalizeEmail(patch.email) === null)
    throw inputFault('email: expected an address such as ada@example.com')
  if (patch.lifecycleStage !== undefined && patch.lifecycleStageName !== undefined)
    throw inputFault('lifecycleStage: expected this or lifecycleStageName, got both')
  for (const field of ['name', 'phone', 'company'] as const) {
    if (patch[field]?.trim() === '')
      throw inputFault(`input.${field}: expected some text, or null to empty it; got none`)
  }
  if (typeof patch.address === 'object' && patch.address !== null && Object.keys(patch.address).length === 0) {
    throw inputFault('address: expected at least one part of it, or null to empty it')
  }
  return patch
}

function inputFault(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } })
}
