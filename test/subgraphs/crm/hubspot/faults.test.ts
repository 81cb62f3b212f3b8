import { ApiException } from '@hubspot/api-client/lib/codegen/crm/contacts/index.js'
import { expect, test } from 'vitest'
import { toVendorError } from '../../../../subgraphs/crm/hubspot/faults.ts'
import { VendorError } from '../../../../subgraphs/vendor-error.ts'

function answer(code: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Error {
  return toVendorError(new ApiException(code, 'An error occurred.', body, headers))
}

test.each([
  [400, {}, 'rejected'],
  [401, {}, 'unauthorized'],
  [403, {}, 'unauthorized'],
  [404, {}, 'not-found'],
  [404, undefined, 'unreadable'],
  [408, {}, 'timeout'],
  [423, {}, 'rate-limited'],
  [429, undefined, 'rate-limited'],
  [500, 'not JSON', 'unavailable'],
  [502, undefined, 'unavailable'],
  [200, undefined, 'unreadable'],
])('status %i with %j is %s', (code, body, kind) => {
  expect(answer(code, body)).toMatchObject({ kind })
})

test.each([
  [{ policyName: 'SECONDLY' }, {}, 1000],
  [{ policyName: 'TEN_SECONDLY_ROLLING' }, {}, 10_000],
  [{ policyName: 'DAILY' }, {}, 900_000],
  [{ message: 'You have reached your secondly limit.' }, {}, 1000],
  [{}, {}, 10_000],
  [{ policyName: 'SECONDLY' }, { 'retry-after': '7' }, 7000],
  [{ policyName: 'SECONDLY' }, { 'retry-after': 'soon' }, 1000],
])('the limit %j with the headers %j lasts %i ms', (body, headers, retryAfterMs) => {
  expect(answer(429, body, headers)).toMatchObject({ kind: 'rate-limited', retryAfterMs })
})

test('a refused value is named by our field, wherever HubSpot says so, and no value gets out', () => {
  const listed = '[{"isValid":false,"message":"me@x is invalid","error":"INVALID_EMAIL","name":"email"}]'
  const inMessage = answer(400, {
    category: 'VALIDATION_ERROR',
    message: `Property values were not valid: ${listed}`,
  })
  const inErrors = answer(400, {
    category: 'VALIDATION_ERROR',
    message: 'me@x',
    errors: [{ message: 'me@x', code: 'INVALID_EMAIL', context: { propertyName: ['email'] } }],
  })
  for (const error of [inMessage, inErrors]) {
    expect(error).toMatchObject({ inputFault: 'The CRM does not accept the value of email (INVALID_EMAIL).' })
    expect(`${error.message} ${String(error.cause)}`).not.toContain('me@x')
  }
})

test.each(['no list', '[broken', '[]', '[{"error":5}]'])('a message like %j is no trouble', message => {
  expect(answer(400, { category: 'VALIDATION_ERROR', message })).toMatchObject({
    inputFault: 'The CRM does not accept one of the values.',
  })
})

test('failures without an answer are told apart from answers that cannot be read', () => {
  const broken = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
  expect(toVendorError(broken)).toMatchObject({ kind: 'unavailable' })
  expect(toVendorError(new SyntaxError('Unexpected end of JSON input'))).toMatchObject({ kind: 'unreadable' })
  expect(toVendorError('what')).toMatchObject({ kind: 'unreadable' })
  const known = new VendorError('hubspot', 'timeout', 'late')
  expect(toVendorError(known)).toBe(known)
})
