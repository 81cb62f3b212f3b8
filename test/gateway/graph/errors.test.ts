import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GraphQLError } from 'graphql'
import { expect, test } from 'vitest'
import { clientCodes, clientError } from '../../../gateway/graph/errors.ts'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** A code that only gateways of other people see, which ask a role by itself. */
const ofGateways = ['UNAUTHENTICATED']

test('every code that is written down anywhere is in the table, and the documents say what each means', () => {
  const documents = readFileSync('docs/freshness.md', 'utf8')
  const sources = ['gateway', 'subgraphs'].flatMap(folder =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap(path =>
      path.endsWith('.ts') ? [join(folder, path)] : [],
    ),
  )
  const written = sources.flatMap(path =>
    [...readFileSync(path, 'utf8').matchAll(/\bcode: '([A-Z_]+)'/g)].map(([, code = '']) => code),
  )
  expect(written.length).toBeGreaterThan(20)
  expect([...new Set(written)].filter(code => !clientCodes.has(code))).toEqual(ofGateways)
  expect([...clientCodes].filter(code => !documents.includes(`\`${code}\``))).toEqual([])
})

test.each([
  [
    'a value that does not fit its type',
    new GraphQLError('Int cannot represent non 32-bit signed integer value: 13580246790'),
  ],
  ['a code of a library', new GraphQLError('x', { extensions: { code: 'INVALID_GRAPHQL' } })],
  ['a code that is no text', new GraphQLError('x', { extensions: { code: 7 } })],
  ['null where there must be a value', new Error('Cannot return null for non-nullable field Job.id.')],
  ['an unknown fault', new TypeError('x is not a function')],
])('%s is ours to mend: logged, and answered without detail', (_what, cause) => {
  const logged: object[] = []
  const error = new GraphQLError(cause.message, {
    path: ['order', 'lines', 0],
    originalError: cause,
    extensions: cause instanceof GraphQLError ? cause.extensions : null,
  })
  const answered = clientError(error, 'billing', { ...quiet, error: fields => void logged.push(fields) })
  expect(answered).toMatchObject({
    message: 'Something went wrong here.',
    path: ['order', 'lines', 0],
    extensions: { code: 'INTERNAL_SERVER_ERROR', role: 'billing' },
  })
  expect(logged).toHaveLength(1)
})

test('what was put in words for clients stays as it is', () => {
  const refused = new GraphQLError('first: expected 0 to 100', { extensions: { code: 'BAD_USER_INPUT' } })
  const located = new GraphQLError(refused.message, { originalError: refused, extensions: refused.extensions })
  expect(clientError(located, 'crm', quiet)).toMatchObject({
    message: 'first: expected 0 to 100',
    extensions: { code: 'BAD_USER_INPUT', role: 'crm' },
  })
})
