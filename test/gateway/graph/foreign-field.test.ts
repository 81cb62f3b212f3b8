import { buildASTSchema, getVariableValues, Kind, parse, validate, type GraphQLError } from 'graphql'
import { expect, test } from 'vitest'
import { withOwnerNamed } from '../../../gateway/graph/foreign-field.ts'
import { subgraphSources } from '../../../gateway/graph/sources.ts'

const jobs = subgraphSources().find(({ name }) => name === 'jobs')
const schema = buildASTSchema(jobs?.typeDefs ?? parse('type Query { nothing: Int }'), { assumeValidSDL: true })

/** What graphql-js says of a field in the input, in the document and in a variable. */
function errorsOf(field: string): readonly (GraphQLError | undefined)[] {
  const document = parse(`mutation { updateJob(input: { id: "55", ${field}: "x" }) { job { id } } }`)
  const withVariable = parse('mutation($input: UpdateJobInput!) { updateJob(input: $input) { job { id } } }')
  const [operation] = withVariable.definitions
  if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error('expected an operation')
  const read = getVariableValues(schema, operation.variableDefinitions ?? [], { input: { id: '55', [field]: 'x' } })
  return [validate(schema, document)[0], read.errors?.[0]]
}

test.each([
  ['customerEmail', 'Customer.email', 'crm', 'hubspot', 'Write it with createCustomer or updateCustomer.'],
  ['phone', 'Customer.phone', 'crm', 'hubspot', 'Write it with createCustomer or updateCustomer.'],
  ['memo', 'Order.memo', 'billing', 'stripe', 'Write it with createOrder.'],
  ['balances', 'Customer.balances', 'billing', 'stripe', 'No mutation writes it.'],
  ['links', 'Customer.links', 'live', null, 'No mutation writes it.'],
])('%s of a job is refused as %s, with its owner', (name, field, owner, system, todo) => {
  for (const error of errorsOf(name)) {
    if (error === undefined) throw new Error('expected an error')
    const named = withOwnerNamed(error.toJSON(), true)
    expect(named.extensions).toEqual({ code: 'NOT_OWNER', field, owner, system, role: 'jobs' })
    const by = system === null ? owner : `${owner} (${system})`
    expect(named.message).toBe(`${field} is owned by ${by} and cannot be written through jobs. ${todo}`)
    expect(withOwnerNamed(error.toJSON(), false).message).not.toContain('rite it')
  }
})

test.each(['nonsense', 'url', 'isCompleted', 'name', 'jobUrl', 'id2'])(
  '%s, which nobody else owns or several do, stays the error it is',
  name => {
    for (const error of errorsOf(name)) {
      if (error === undefined) throw new Error('expected an error')
      expect(withOwnerNamed(error.toJSON(), true)).toEqual(error.toJSON())
    }
  },
)
