import { parse } from 'graphql'
import { describe, expect, test } from 'vitest'
import { compose } from '../../../gateway/graph/compose.ts'
import { CompositionError } from '../../../gateway/graph/composition-error.ts'
import { vendorWordFaults } from '../../../gateway/graph/ownership.ts'
import { committedSupergraph, subgraphSources, type SubgraphSource } from '../../../gateway/graph/sources.ts'
import { supergraph } from '../../../gateway/graph/supergraph.ts'
import { ownership, ownershipOf, type FieldOwnership } from '../../../schema/ownership.ts'

/** The sources with more SDL in one of them. */
function withAdded(name: string, sdl: string): readonly SubgraphSource[] {
  const added = parse(sdl)
  return subgraphSources().map(source =>
    source.name === name
      ? {
          ...source,
          typeDefs: { ...source.typeDefs, definitions: [...source.typeDefs.definitions, ...added.definitions] },
        }
      : source,
  )
}

function faultsOf(compositionOf: () => unknown): readonly string[] {
  try {
    compositionOf()
  } catch (error) {
    if (error instanceof CompositionError) return error.faults
    throw error
  }
  return []
}

describe('composition', () => {
  test('the tree composes, and every field of the table is in the graph', () => {
    const sdl = compose(subgraphSources())
    for (const name of Object.keys(ownership)) {
      const [, field = ''] = name.split('.')
      expect(sdl).toMatch(new RegExp(`\\b${field}\\b`))
    }
  })

  test('two roles that claim a field fail it, with field, owner, claimant and what to do', () => {
    const faults = faultsOf(() => compose(withAdded('billing', 'extend type Customer { email: String }')))
    expect(faults[0]).toBe(
      "Customer.email is owned by crm but also claimed by billing: remove email from billing's SDL, or change the owner in schema/ownership.ts.",
    )
  })

  test('a field without a row in the table fails it', () => {
    const faults = faultsOf(() => compose(withAdded('jobs', 'extend type Job { colour: String }')))
    expect(faults).toEqual([
      'Job.colour is defined by jobs but has no owner: add it to schema/ownership.ts, or remove the field.',
    ])
  })

  test('a row without a field fails it', () => {
    const row: FieldOwnership = { owner: 'crm', copies: [], onDrift: 'ignore' }
    const faults = faultsOf(() => compose(subgraphSources(), { ...ownership, 'Customer.shoeSize': row }))
    expect(faults).toEqual([
      "Customer.shoeSize is owned by crm in schema/ownership.ts, but crm's SDL does not define it: define it there, or remove the row.",
    ])
  })

  test('a shared type that is neither an entity nor a value type fails it', () => {
    const sources = subgraphSources().map(source =>
      source.name === 'crm' || source.name === 'jobs'
        ? {
            ...source,
            typeDefs: {
              ...source.typeDefs,
              definitions: [...source.typeDefs.definitions, ...parse('type Van { plate: String }').definitions],
            },
          }
        : source,
    )
    expect(faultsOf(() => compose(sources)).join('\n')).toContain('Van.plate is defined by crm and jobs')
  })

  test('a root field answered by two subgraphs fails it', () => {
    const faults = faultsOf(() => compose(withAdded('jobs', 'extend type Query { customer(id: ID!): Customer }')))
    expect(faults.join('\n')).toContain('Query.customer is answered by crm and jobs')
  })

  test('a field of an entity that cannot be null fails it', () => {
    const table = { ...ownership, 'Job.crew': { owner: 'jobs', copies: [], onDrift: 'ignore' } as const }
    const faults = faultsOf(() => compose(withAdded('jobs', 'extend type Job { crew: String! }'), table))
    expect(faults).toEqual([
      "Job.crew in jobs is String!: one system's fault would null everything around it; make it nullable.",
    ])
  })

  test('no word of a vendor is in the language of the graph', () => {
    expect(vendorWordFaults(subgraphSources(), ['hubspot', 'stripe', 'asana'])).toEqual([])
    expect(vendorWordFaults(withAdded('billing', 'type StripeThing { id: ID }'), ['stripe'])).not.toEqual([])
  })

  test('nothing is found for names that objects have by themselves', () => {
    expect(ownershipOf('Customer', 'constructor')).toBeUndefined()
    expect(ownershipOf('Customer', '__proto__')).toBeUndefined()
  })
})

describe('the committed supergraph', () => {
  test('is what the SDL in the tree composes to', async () => {
    expect(await supergraph()).toBe(committedSupergraph())
    // The same but for the layout of descriptions.
    const nodes = (sdl: string) =>
      JSON.stringify(parse(sdl, { noLocation: true })).replaceAll(/,"block":(true|false)/g, '')
    expect(nodes(await supergraph()) === nodes(compose(subgraphSources()))).toBe(true)
  })
})
