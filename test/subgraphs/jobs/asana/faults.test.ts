import { expect, test } from 'vitest'
import { toVendorError } from '../../../../subgraphs/jobs/asana/faults.ts'
import { VendorError } from '../../../../subgraphs/vendor-error.ts'

function refusal(status: number, headers: Record<string, string> = {}, body: unknown = {}) {
  return Object.assign(new Error('Bearer token-of-ours'), { status, response: { body, headers } })
}

test.each([
  [401, 'unauthorized'],
  [402, 'rejected'],
  [403, 'unauthorized'],
  [404, 'unreadable'],
  [400, 'rejected'],
  [412, 'rejected'],
  [429, 'rate-limited'],
  [500, 'unavailable'],
  [503, 'unavailable'],
  [302, 'unreadable'],
  [200, 'unreadable'],
])('status %i is %s', (status, kind) => {
  expect(toVendorError(refusal(status))).toMatchObject({ kind })
})

test.each([404, 410])('status %i is not-found where Asana itself says so', status => {
  const body = { errors: [{ message: 'Not a recognized ID' }] }
  expect(toVendorError(refusal(status, {}, body))).toMatchObject({ kind: 'not-found' })
})

test('Retry-After is in seconds; what is no number is passed over', () => {
  expect(toVendorError(refusal(429, { 'retry-after': '30' })).retryAfterMs).toBe(30_000)
  expect(toVendorError(refusal(429, { 'retry-after': 'soon' })).retryAfterMs).toBeUndefined()
})

test('what Asana says of the input goes to the client; message and cause hold neither it nor the token', () => {
  const body = { errors: [{ message: 'assignee: Not a recognized ID: ada@example.com' }] }
  const error = toVendorError(refusal(400, {}, body))
  expect(error.inputFault).toContain('ada@example.com')
  expect(`${error.message}${String(error.cause)}`).not.toMatch(/ada@|token-of-ours/)
})

test.each([
  [{ code: 'ECONNREFUSED' }, 'unavailable'],
  [{ code: 'ECONNABORTED', timeout: 1000 }, 'timeout'],
  [{ code: 'ETIMEDOUT' }, 'timeout'],
  [{}, 'unreadable'],
])('without an answer %j is %s', (fields, kind) => {
  expect(toVendorError(Object.assign(new Error('no'), fields))).toMatchObject({ kind })
})

test('hostile errors and our own pass through whole', () => {
  for (const value of [null, undefined, 'text', 5, { status: 'x' }])
    expect(toVendorError(value)).toBeInstanceOf(VendorError)
  const own = new VendorError('asana', 'timeout', 'late')
  expect(toVendorError(own)).toBe(own)
})
