import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { NotUnderstood } from '../../../../subgraphs/lenient.ts'
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
let url: string
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
  url = `http://127.0.0.1:${port.toString()}`
  opened = openStripe(url)
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
    ['a record without its kind', { body: JSON.stringify(invoice('in_1', { object: null })) }, 'unreadable'],
    ['half a body', { body: '{"id":"in_1"' }, 'unreadable'],
    ['nothing', { body: 'null' }, 'unreadable'],
    ['a missing permission', { status: 403, body: '{"error":{"type":"invalid_request_error"}}' }, 'unauthorized'],
  ])('%s fails', async (_, given, kind) => {
    answer = () => given
    expect(await order()).toMatchObject({ name: 'VendorError', kind })
  })

  // A proxy, a load balancer or a firewall in front of Stripe answers in forms of its own.
  const kinds = [
    [400, 'rejected'],
    [401, 'unauthorized'],
    [403, 'unauthorized'],
    [404, 'unreadable'],
    [409, 'unavailable'],
    [410, 'rejected'],
    [429, 'rate-limited'],
    [500, 'unavailable'],
    [502, 'unavailable'],
    [503, 'unavailable'],
    [504, 'unavailable'],
  ] as const
  const bodies = ['', 'Bad gateway', '<html>502</html>', 'null', '"text"', '[]', '{"message":"x"}', '{"error":"x"}']
  test.each(kinds)('one of status %i is told by its status, whatever its body: %s', async (status, kind) => {
    for (const type of ['text/html', 'application/json'])
      for (const body of bodies) {
        answer = () => ({ status, body, headers: { 'content-type': type, 'retry-after': '700' } })
        expect(await order(), `${type} ${body}`).toMatchObject({ name: 'VendorError', kind })
        opened.close()
        opened = openStripe(url)
      }
  })

  test('one of status 429 says how long to wait in its header, whatever its body', async () => {
    answer = () => ({ status: 429, body: '<html>', headers: { 'retry-after': '700' } })
    expect(await order()).toMatchObject({ kind: 'rate-limited', retryAfterMs: 700_000 })
  })

  test('one bad record of a list spoils no other', async () => {
    answer = () => ({
      body: JSON.stringify({ data: [invoice('in_1'), invoice('in_2', { object: 5 }), null], has_more: false }),
    })
    const read = await opened.readMany('invoice', [
      { id: 'in_1', near: 'cus_1' },
      { id: 'in_2', near: 'cus_1' },
    ])
    expect(read.get('in_1')).toMatchObject({ total: 5 })
    expect(read.get('in_2')).toMatchObject({ kind: 'unreadable' })
    expect(asked).toHaveLength(1)
  })

  test('a text that should be a decimal costs that field and not the page, which the SDK throws away', async () => {
    const line = (id: string, quantity_decimal: unknown) => ({ id, amount: 5, currency: 'usd', quantity_decimal })
    const lines = { data: [line('il_1', 'many'), line('il_2', '2.5'), line('il_3', '1e999999999')], has_more: false }
    answer = () => ({ body: JSON.stringify(invoice('in_1', { lines })) })
    expect(await opened.system.source.lines('in_1', opened.context)).toMatchObject([
      { quantity: expect.any(NotUnderstood), amount: { amount: 5 } },
      { quantity: '2.5' },
      { quantity: expect.any(NotUnderstood) },
    ])
  })

  test.each([
    ['gold.plan v2', '/v1/products/gold.plan%20v2'],
    ['a/b?c#d@e%2F', '/v1/products/a%2Fb%3Fc%23d%40e%252F'],
    ['ключ', `/v1/products/${encodeURIComponent('ключ')}`],
  ])('the id %s is asked for as it is', async (id, path) => {
    answer = () => ({ body: JSON.stringify({ id, object: 'product', active: true }) })
    expect(await opened.system.source.product(id, opened.context)).toMatchObject({ id, isActive: true })
    expect(asked.map(one => one.split('?', 1)[0])).toEqual([path])
  })

  test('the import goes on after a record it cannot read, and after ids of any kind', async () => {
    answer = path =>
      path.includes('starting_after')
        ? { body: JSON.stringify({ data: [invoice('b c/d')], has_more: false }) }
        : {
            body: JSON.stringify({
              data: [invoice('a', { created: 'x' }), { id: 'a b@c', object: 5 }],
              has_more: true,
            }),
          }
    const importer = opened.system.importers.find(({ kind }) => kind === 'invoice')
    const first = await importer?.list(null, opened.context.call)
    expect(first?.observed).toMatchObject([{ record: { id: 'a' }, createdAt: null }])
    const second = await importer?.list(first?.next ?? null, opened.context.call)
    expect(second?.observed).toMatchObject([{ record: { id: 'b c/d' } }])
    expect(new URL(asked.at(-1) ?? '', 'http://stripe').searchParams.get('starting_after')).toBe('a b@c')
  })

  test('the import leaves a bad record out and says which', async () => {
    answer = () => ({
      body: JSON.stringify({ data: [invoice('in_1'), invoice('in_2', { object: 5 })], has_more: false }),
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
