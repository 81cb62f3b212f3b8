import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { VendorError } from '../../../../subgraphs/vendor-error.ts'
import { openStripe } from './open.ts'
import type { Opened } from './open.ts'

interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Nothing: the connection is closed without an answer. */
  readonly body?: string
}

let server: Server
let opened: Opened
let answer: (path: string) => Answer
let asked: string[]

beforeEach(async () => {
  asked = []
  server = createServer((request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    const { status = 200, headers = {}, body } = answer(path)
    if (body === undefined) request.socket.destroy()
    else response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  opened = openStripe(`http://127.0.0.1:${port.toString()}`)
})

afterEach(async () => {
  opened.close()
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
})

const invoice = (id: string, more: object = {}): object => ({
  id,
  object: 'invoice',
  created: 1,
  currency: 'usd',
  total: 5,
  lines: { data: [], has_more: false },
  ...more,
})

async function order(): Promise<unknown> {
  try {
    return await opened.system.source.order({ id: 'in_1' }, opened.context)
  } catch (error) {
    if (error instanceof VendorError) return error
    throw error
  }
}

describe('an answer that is not what Stripe documents', () => {
  test.each([
    ['a web page', { body: '<html>maintenance</html>' }, 'unreadable'],
    ['another record', { body: JSON.stringify(invoice('in_2')) }, 'unreadable'],
    ['a list instead of a record', { body: '{"object":"list","data":[],"has_more":false}' }, 'unreadable'],
    ['an amount that is a text', { body: JSON.stringify(invoice('in_1', { total: '5' })) }, 'unreadable'],
    ['half a body', { body: '{"id":"in_1"' }, 'unreadable'],
    ['nothing', { body: 'null' }, 'unreadable'],
    ['a web page with status 503', { status: 503, body: '<html>' }, 'unreadable'],
    ['a missing permission', { status: 403, body: '{"error":{"type":"invalid_request_error"}}' }, 'unauthorized'],
  ])('%s fails', async (_, given, kind) => {
    answer = () => given
    expect(await order()).toMatchObject({ name: 'VendorError', kind })
  })

  test('one bad record of a list spoils no other', async () => {
    answer = () => ({
      body: JSON.stringify({ data: [invoice('in_1'), invoice('in_2', { total: [] }), null], has_more: false }),
    })
    const read = await opened.readMany('invoice', [
      { id: 'in_1', near: 'cus_1' },
      { id: 'in_2', near: 'cus_1' },
    ])
    expect(read.get('in_1')).toMatchObject({ total: 5 })
    expect(read.get('in_2')).toMatchObject({ kind: 'unreadable' })
    expect(asked).toHaveLength(1)
  })

  test('the import leaves a bad record out and says which', async () => {
    answer = () => ({
      body: JSON.stringify({ data: [invoice('in_1'), invoice('in_2', { total: [] })], has_more: false }),
    })
    const importer = opened.system.importers.find(({ kind }) => kind === 'invoice')
    expect((await importer?.list(null, opened.context.call))?.observed).toHaveLength(1)
    expect(opened.warned).toMatchObject([{ reason: textWith('in_2') }])
  })
})

test('a refusal shows its sentence to the client without e-mail addresses, and not to the log', async () => {
  const message = 'Invalid email: ann@example.com'
  answer = () => ({
    status: 400,
    body: JSON.stringify({ error: { type: 'invalid_request_error', param: 'email', message } }),
  })
  const fault = await order()
  expect(fault).toMatchObject({ kind: 'rejected', inputFault: 'Invalid email: (e-mail)' })
  expect(fault instanceof VendorError && fault.message).not.toContain('example.com')
})

test('a rate limit says why and, where the answer does, for how long', async () => {
  answer = () => ({
    status: 429,
    headers: { 'retry-after': '60', 'stripe-rate-limited-reason': 'global-rate' },
    body: '{"error":{"type":"invalid_request_error","code":"rate_limit"}}',
  })
  expect(await order()).toMatchObject({ kind: 'rate-limited', message: textWith('global-rate') })
})

test('a closed connection is tried again by the road alone, so each request is counted', async () => {
  answer = () => ({})
  expect(await order()).toMatchObject({ kind: 'unavailable' })
  expect(opened.spent.filter(pool => pool === 'account')).toHaveLength(asked.length)
})

function textWith(part: string): unknown {
  return expect.stringContaining(part)
}
