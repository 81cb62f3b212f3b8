import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { startWorld, type World } from './world.ts'

/** A document and its variables, asked over HTTP and over a websocket. */
async function errorsOf(world: World, query: string, variables: Record<string, unknown> = {}): Promise<unknown[]> {
  const overHttp = await world.ask(query, variables)
  const overSocket = await new Promise<unknown>(resolve => {
    world.client().subscribe({ query, variables }, { next: resolve, error: resolve, complete: () => undefined })
  })
  return [overHttp.errors, overSocket]
}

const inVariable = 'mutation($input: UpdateJobInput!) { updateJob(input: $input) { job { id } } }'
const inDocument = 'mutation { updateJob(input: { id: "55", customerEmail: "a@example.org" }) { job { id } } }'

/** Each is nearly a name of the schema. */
const guesses: readonly (readonly [string, Record<string, unknown>?])[] = [
  ['{ custome { id } }'],
  ['mutation { updateJob(input: { id: "55", titel: "x" }) { job { id } } }'],
  [inVariable, { input: { id: '55', titel: 'x' } }],
  [
    'query($stage: [LifecycleStage!]) { customers(filter: { lifecycleStage: $stage }) { nodes { id } } }',
    { stage: ['LEED'] },
  ],
]

test('in production nobody who guesses is told a name of the schema, in documents, variables, over HTTP or a websocket', async () => {
  const world = await startWorld({ waitsForImport: false, isExplorable: false })
  for (const guess of guesses) {
    for (const errors of await errorsOf(world, ...guess)) {
      expect(JSON.stringify(errors)).toContain('message')
      expect(JSON.stringify(errors)).not.toMatch(/did you mean|customers|"title|LEAD/i)
    }
  }
})

test('in production introspection is refused with the file that has the schema', async () => {
  const world = await startWorld({ waitsForImport: false, isExplorable: false })
  const asked = await errorsOf(world, '{ __schema { queryType { name } } }', {})
  for (const errors of asked) expect(JSON.stringify(errors)).toContain('schema/api.graphql')
  const schema = readFileSync('schema/api.graphql', 'utf8')
  expect(schema).toContain('type Customer implements Node')
  expect(schema).not.toMatch(/join__|link__|@shareable|@key/)
})

test('in development whoever guesses is helped', async () => {
  const world = await startWorld({ waitsForImport: false })
  for (const guess of guesses)
    for (const errors of await errorsOf(world, ...guess)) expect(JSON.stringify(errors)).toContain('Did you mean')
})

test.each([true, false])(
  'a write to a field of another role is refused with its owner, wherever it comes from; development: %s',
  async isExplorable => {
    const world = await startWorld({ waitsForImport: false, isExplorable })
    const asked = [
      [inDocument, {}],
      [inVariable, { input: { id: '55', customerEmail: 'a@example.org' } }],
    ] as const
    for (const [query, variables] of asked) {
      for (const errors of await errorsOf(world, query, variables)) {
        expect(errors).toMatchObject([
          { extensions: { code: 'NOT_OWNER', field: 'Customer.email', owner: 'crm', system: 'hubspot', role: 'jobs' } },
        ])
        // The owner may be known to everybody, who asks Query.ownership; names of mutations are the schema's.
        expect(JSON.stringify(errors).includes('updateCustomer')).toBe(isExplorable)
      }
    }
    expect(world.tools.asana.requests.count('PUT /api/1.0/tasks/55')).toBe(0)
  },
)
