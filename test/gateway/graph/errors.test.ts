import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GraphQLError } from 'graphql'
import { expect, test } from 'vitest'
import { clientCodes, clientError, vendorAnswers } from '../../../gateway/graph/errors.ts'
import { StoreError } from '../../../gateway/store/store.ts'
import { VendorError, vendorErrorKinds } from '../../../subgraphs/vendor-error.ts'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** A code that only gateways of other people see, which ask a role by itself. */
const ofGateways = ['UNAUTHENTICATED']

/** Codes that the server's library gives by itself. */
const ofLibraries = ['PERSISTED_QUERY_NOT_FOUND']

test('the codes that are sent, those of the table and those that the documents explain are the same', () => {
  const documents = readFileSync('docs/freshness.md', 'utf8')
  const explained = [...documents.matchAll(/^\| `([A-Z_]+)` /gm)].map(([, code = '']) => code)
  const sources = ['gateway', 'subgraphs'].flatMap(folder =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap(path =>
      path.endsWith('.ts') ? [join(folder, path)] : [],
    ),
  )
  const written = sources.flatMap(path =>
    [...readFileSync(path, 'utf8').matchAll(/(?:\bcode[:=] |\brefusal\([^)]*, )'([A-Z_]+)'/g)].map(
      ([, code = '']) => code,
    ),
  )
  expect(written.length).toBeGreaterThan(20)
  const sent = new Set([...written, ...ofLibraries])
  expect([...sent].filter(code => !ofGateways.includes(code)).toSorted()).toEqual([...clientCodes].toSorted())
  expect(explained.toSorted()).toEqual([...clientCodes].toSorted())
})

test.each(vendorErrorKinds)('a vendor error of the kind %s has its code, whether to try again, and no detail', kind => {
  const cause = new VendorError('stripe', kind, 'invoice in_1: answered 400')
  const { message, extensions } = clientError(new GraphQLError('x', { originalError: cause }), 'billing', quiet)
  expect(message).not.toContain('in_1')
  expect(extensions).toMatchObject({
    code: vendorAnswers[kind].code,
    system: 'stripe',
    isRetryable: ['timeout', 'unavailable', 'rate-limited', 'unreadable'].includes(kind),
  })
})

test('a store that cannot be asked has a code of its own', () => {
  const cause = new StoreError('unavailable', 'disk I/O error')
  expect(clientError(new GraphQLError('x', { originalError: cause }), 'billing', quiet)).toMatchObject({
    message: 'Our store cannot be asked at the moment.',
    extensions: { code: 'STORE_UNAVAILABLE', isRetryable: true },
  })
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
