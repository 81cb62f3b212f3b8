import { request } from 'node:http'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { startWorld, type World } from './world.ts'

const quiet = { waitsForImport: false, connectsAsana: false }

const jsonType = { 'content-type': 'application/json' }

const hello = '{"query":"{ __typename }"}'

const refusal = z.object({
  errors: z.array(z.object({ message: z.string(), extensions: z.object({ code: z.string() }) })),
})

interface Asked {
  readonly status: number
  readonly type: string | null
  readonly text: string
}

async function post(
  world: World,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = jsonType,
): Promise<Asked> {
  const response = await fetch(`${world.gateway.url}/graphql`, {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : new Uint8Array(body),
  })
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() }
}

async function get(world: World, search: string, headers: Readonly<Record<string, string>> = {}): Promise<Asked> {
  const response = await fetch(`${world.gateway.url}/graphql?${search}`, { headers })
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() }
}

/** By a method that `fetch` may not know, without a body. */
function send(world: World, method: string, headers: Readonly<Record<string, string>>) {
  return new Promise<Asked & { readonly allow: string | undefined }>((resolve, reject) => {
    const asked = request(`${world.gateway.url}/graphql`, { method, headers }, response => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.once('end', () => {
        const { 'content-type': type = null, allow } = response.headers
        resolve({ status: response.statusCode ?? 0, type, allow, text: Buffer.concat(parts).toString() })
      })
    })
    asked.once('error', reject).end()
  })
}

const company = 'mutation ($n: String) { updateCustomer(input: { id: "106", company: $n }) { customer { company } } }'

describe('text', () => {
  test('bytes that are not UTF-8, and text in another charset, are refused before a tool is asked', async () => {
    const world = await startWorld()
    const { hubspot } = world.tools
    const before = JSON.stringify(hubspot.snapshot())
    hubspot.requests.clear()
    const body = JSON.stringify({ query: company, variables: { n: 'Café' } })
    const latin1 = Buffer.from(body, 'latin1')
    const halfOfOne = Buffer.concat([
      Buffer.from('{"query":"{ __typename }","variables":{"n":"'),
      Buffer.from([0xc3]),
      Buffer.from('"}}'),
    ])
    const surrogateAsBytes = Buffer.concat([
      Buffer.from('{"query":"{ __typename }","variables":{"n":"'),
      Buffer.from([0xed, 0xa0, 0x80]),
      Buffer.from('"}}'),
    ])
    for (const bytes of [latin1, halfOfOne, surrogateAsBytes, Buffer.from(body, 'utf16le')]) {
      const { status, text } = await post(world, bytes)
      expect([status, text]).toEqual([400, expect.stringContaining('not UTF-8')])
    }
    for (const charset of ['iso-8859-1', '"ISO-8859-1"', 'utf-16', 'windows-1252'])
      expect(await post(world, latin1, { 'content-type': `application/json; charset=${charset}` })).toMatchObject({
        status: 415,
      })
    expect(hubspot.requests.total).toBe(0)
    expect(JSON.stringify(hubspot.snapshot())).toBe(before)
    for (const charset of ['utf-8', '"UTF-8"', 'utf8'])
      expect(await post(world, body, { 'content-type': `application/json;charset=${charset}` })).toMatchObject({
        status: 200,
        text: expect.stringContaining('Café'),
      })
  })

  test('in an address too; and what is UTF-8 there is read', async () => {
    const world = await startWorld(quiet)
    const query = encodeURIComponent('query q($a: String) { __typename }')
    for (const variables of [
      '%7B%22a%22%3A%22Caf%E9%22%7D',
      '%7B%22a%22%3A%22%ED%A0%80%22%7D',
      '%7B%22a%22%3A%22%5Cud800%22%7D',
    ])
      expect(await get(world, `query=${query}&variables=${variables}`)).toMatchObject({ status: 400 })
    expect(await get(world, `query=${query}&variables=%7B%22a%22:+%22Caf%C3%A9%22%7D`)).toMatchObject({ status: 200 })
  })

  test('half of a surrogate pair is refused, in variables, names and documents, over HTTP and the websocket', async () => {
    const world = await startWorld()
    const create =
      'mutation ($m: String) { createJob(input: { title: "Gutter", clientMutationId: $m }) { job { id } } }'
    const before = world.tools.asana.requests.total
    for (const body of [
      `{"query":${JSON.stringify(create)},"variables":{"m":"m\\ud800"}}`,
      `{"query":${JSON.stringify(create)},"variables":{"m\\ud801":"m"}}`,
      `{"query":${JSON.stringify(create)},"operationName":"\\udfff"}`,
      `{"query":"{ __typename # \\ud800\\n }"}`,
      `{"query":"{ __typename }","extensions":{"a":["\\udc00\\ud800"]}}`,
    ]) {
      const { status, text } = await post(world, body)
      expect([status, refusal.parse(JSON.parse(text)).errors[0]?.extensions.code]).toEqual([400, 'BAD_USER_INPUT'])
    }
    const literal = await world.ask(
      'mutation { createJob(input: { title: "Gutter", clientMutationId: "m\\ud800" }) { job { id } } }',
    )
    expect(literal).toMatchObject({ status: 400, errors: [{ extensions: { code: 'GRAPHQL_PARSE_FAILED' } }] })
    const client = world.client()
    for (const m of ['m\ud800', 'm\ud801']) {
      const errors = await new Promise(resolve =>
        client.subscribe(
          { query: create, variables: { m } },
          { next: resolve, error: resolve, complete: () => undefined },
        ),
      )
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
    }
    expect(world.tools.asana.requests.total).toBe(before)
    // Whole characters are their own, and two writes are two.
    const ids = []
    for (const m of ['m😀', 'm😁']) ids.push(JSON.stringify(await world.data(create, { m })))
    expect(new Set(ids).size).toBe(2)
  })
})

describe('GET', () => {
  const preflighted = { 'apollo-require-preflight': '1' }

  test('an operationName, variables and extensions that are empty are as good as none', async () => {
    const world = await startWorld(quiet)
    const query = encodeURIComponent('{ __typename }')
    for (const rest of [
      '&operationName=',
      '&variables=',
      '&extensions=',
      '&operationName=&variables=&extensions=',
      '&&',
    ])
      expect(await get(world, `query=${query}${rest}`, preflighted)).toMatchObject({
        status: 200,
        text: expect.stringContaining('"Query"'),
      })
    for (const rest of ['&variables=7', '&variables=%7B', '&extensions=x', `&query=${query}`])
      expect(await get(world, `query=${query}${rest}`, preflighted)).toMatchObject({ status: 400 })
    expect(await get(world, 'query=&variables=', preflighted)).toMatchObject({ status: 400 })
  })

  test('needs no header where it can do no harm: no browser, a page of this site, or one that may ask', async () => {
    const world = await startWorld({
      ...quiet,
      isExplorable: false,
      environment: { ALLOWED_ORIGINS: 'https://app.example.com' },
    })
    const search = `query=${encodeURIComponent('{ __typename }')}`
    const browser = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64)' }
    const accept =
      'application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed'
    const ask = async (headers: Readonly<Record<string, string>>) =>
      (await get(world, search, { accept, ...headers })).status
    expect(await ask({})).toBe(200)
    expect(await ask({ ...browser, 'sec-fetch-site': 'same-origin' })).toBe(200)
    expect(await ask({ ...browser, 'sec-fetch-site': 'cross-site', origin: 'https://app.example.com' })).toBe(200)
    expect(await ask({ ...browser, ...preflighted })).toBe(200)
    const strangers: readonly Readonly<Record<string, string>>[] = [
      {},
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
      { origin: 'null' },
    ]
    for (const headers of strangers) expect(await ask({ ...browser, ...headers })).toBe(400)
    const mutation = encodeURIComponent('mutation { updateCustomer(input: { id: "101" }) { customer { id } } }')
    expect((await get(world, `query=${mutation}`)).status).toBe(405)
  })
})

test('an origin of the settings may send credentials; one that development lets in may not', async () => {
  const world = await startWorld({ ...quiet, environment: { ALLOWED_ORIGINS: 'https://app.example.com' } })
  const allowed = async (origin: string) => {
    const { headers } = await fetch(`${world.gateway.url}/graphql`, {
      method: 'POST',
      headers: { ...jsonType, origin },
      body: hello,
    })
    return [headers.get('access-control-allow-origin'), headers.get('access-control-allow-credentials')]
  }
  expect(await allowed('https://app.example.com')).toEqual(['https://app.example.com', 'true'])
  expect(await allowed('http://localhost:3000')).toEqual(['http://localhost:3000', null])
  expect(await allowed('https://evil.example')).toEqual([null, null])
})

describe('Accept', () => {
  const graphQL = 'application/graphql-response+json'

  test.each([
    ['a subscription by POST', '{"query":"subscription { changes { change { kind } } }"}', jsonType, 400],
    [
      'a subscription under a condition',
      '{"query":"subscription($a: Boolean!) { changes @skip(if: $a) { change { kind } } }"}',
      jsonType,
      400,
    ],
    ['no JSON', '{', jsonType, 400],
    ['no object', '7', jsonType, 400],
    ['no query', '{"variables":{}}', jsonType, 400],
    ['another content type', hello, { 'content-type': 'text/plain' }, 415],
    ['a body over the limit', `{"query":"${'x'.repeat(1024 * 1024)}"}`, jsonType, 413],
    ['an operation that is none', '{"query":"{"}', jsonType, 400],
  ])('a refusal comes in the type that was asked for: %s', async (_, body, headers, status) => {
    const world = await startWorld(quiet)
    for (const accept of [graphQL, `${graphQL}, application/json;q=0.9`, `application/json;q=0.1, ${graphQL}`])
      expect(await post(world, body, { ...headers, accept })).toMatchObject({
        status,
        type: `${graphQL}; charset=utf-8`,
      })
    for (const accept of ['application/json', '*/*', `${graphQL};q=0.1, application/json`]) {
      const answer = await post(world, body, { ...headers, accept })
      expect(answer.type).toBe('application/json; charset=utf-8')
      expect(refusal.parse(JSON.parse(answer.text)).errors).toHaveLength(1)
    }
  })

  test('in plain JSON an operation that is wrong is 200 with errors, and a request that is wrong is not', async () => {
    const world = await startWorld(quiet)
    const statuses = async (body: string) => {
      const asked = ['application/json', graphQL].map(accept => post(world, body, { ...jsonType, accept }))
      return (await Promise.all(asked)).map(({ status }) => status)
    }
    for (const body of [
      '{"query":"{"}',
      '{"query":"{ nothing }"}',
      '{"query":"query($i: ID!) { customer(id: $i) { id } }"}',
      '{"query":"{ __typename }","operationName":"nope"}',
    ]) {
      expect(await statuses(body)).toEqual([200, 400])
    }
    for (const body of [
      '{}',
      '{"query":7}',
      '{"query":"{ __typename }","variables":[]}',
      '{"query":"subscription { changes { change { kind } } }"}',
    ])
      expect(await statuses(body)).toEqual([400, 400])
  })

  test('who accepts neither type is told so before anything is done', async () => {
    const world = await startWorld()
    world.tools.hubspot.requests.clear()
    const body = JSON.stringify({ query: company, variables: { n: 'Other' } })
    for (const accept of [
      'text/event-stream',
      'multipart/mixed;deferSpec=20220824',
      'text/html',
      'application/json;q=0',
    ])
      expect(await post(world, body, { ...jsonType, accept })).toMatchObject({
        status: 406,
        text: expect.stringContaining('websocket'),
      })
    expect(world.tools.hubspot.requests.total).toBe(0)
  })
})

test('what is not offered is refused with a status and a sentence that say so', async () => {
  const world = await startWorld(quiet)
  const refused = async (body: string | Buffer, headers: Readonly<Record<string, string>>) => {
    const { status, text } = await post(world, body, { accept: 'application/graphql-response+json', ...headers })
    return [status, refusal.parse(JSON.parse(text)).errors[0]?.message]
  }
  const matching = (text: RegExp): unknown => expect.stringMatching(text)
  expect(await refused('{ __typename }', { 'content-type': 'application/graphql' })).toEqual([
    415,
    matching(/application\/json.*application\/graphql/),
  ])
  expect(await refused('query={__typename}', { 'content-type': 'application/x-www-form-urlencoded' })).toEqual([
    415,
    matching(/urlencoded/),
  ])
  expect(await refused('--x--', { 'content-type': 'multipart/form-data; boundary=x' })).toEqual([
    415,
    matching(/multipart/),
  ])
  expect(await refused(hello, { 'content-type': '' })).toEqual([415, matching(/none/)])
  for (const encoding of ['gzip', 'br', 'deflate'])
    expect(await refused(gzipSync(hello), { ...jsonType, 'content-encoding': encoding })).toEqual([
      415,
      matching(/compressed/),
    ])
  expect((await post(world, hello, { ...jsonType, 'content-encoding': 'identity' })).status).toBe(200)
  expect(await refused(`[${hello},${hello}]`, jsonType)).toEqual([400, matching(/one operation, got a list/)])
  expect(await refused('{"query":"{ ... @defer { __typename } }"}', jsonType)).toEqual([400, matching(/@defer/)])
  expect(await refused('{"query":"{ systems @stream { system } }"}', jsonType)).toEqual([400, matching(/@stream/)])
  const put = await fetch(`${world.gateway.url}/graphql`, { method: 'PUT', headers: jsonType, body: hello })
  expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, POST'])
  for (const [method, headers] of [
    ['PUT', {}],
    ['DELETE', {}],
    ['PATCH', jsonType],
    ['PROPFIND', {}],
    ['TRACE', {}],
    ['DELETE', { accept: 'application/graphql-response+json' }],
  ] as const) {
    const answer = await send(world, method, headers)
    const type = 'accept' in headers ? headers.accept : 'application/json'
    expect([method, answer.status, answer.allow, answer.type]).toEqual([
      method,
      405,
      'GET, POST',
      `${type}; charset=utf-8`,
    ])
    expect(refusal.parse(JSON.parse(answer.text)).errors[0]).toMatchObject({
      message: matching(/POST, and queries by GET/),
      extensions: { code: 'BAD_REQUEST' },
    })
  }
  const older = new WebSocket(`${world.gateway.url.replace('http', 'ws')}/graphql`, 'graphql-ws')
  expect(
    await new Promise<unknown>(resolve => older.once('close', (code, reason) => resolve([code, reason.toString()]))),
  ).toEqual([4406, 'Expected the subprotocol graphql-transport-ws'])
})

describe('a body over the limit', () => {
  const whole = Buffer.alloc(5 * 1024 * 1024, 'x')

  /** With no length named beforehand. */
  const inParts = () =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < 80; at += 1) controller.enqueue(whole.subarray(0, 64 * 1024))
        controller.close()
      },
    })

  test.each([
    ['the graph, its length named', '/graphql', false],
    ['the graph, in parts', '/graphql', true],
    ['a webhook, its length named', '/webhooks/stripe', false],
    ['a webhook, in parts', '/webhooks/stripe', true],
  ])('is answered 413, and the answer arrives at who still sends: %s', async (_, path, isInParts) => {
    const world = await startWorld(quiet)
    const statuses = []
    for (let at = 0; at < 10; at += 1) {
      const body = isInParts ? { body: inParts(), duplex: 'half' as const } : { body: whole }
      const response = await fetch(`${world.gateway.url}${path}`, { method: 'POST', headers: jsonType, ...body })
      statuses.push(response.status)
      expect(await response.text()).toContain('1048576 bytes')
    }
    expect(statuses).toEqual(Array.from({ length: 10 }, () => 413))
    expect((await fetch(`${world.gateway.url}/health/live`)).status).toBe(200)
  })

  test('who sends on and on is let go of after a moment', async () => {
    const world = await startWorld(quiet)
    const startedAt = performance.now()
    const heard = await new Promise<string>(resolve => {
      let text = ''
      const asked = request({
        port: world.gateway.port,
        host: '127.0.0.1',
        path: '/graphql',
        method: 'POST',
        headers: { ...jsonType, 'content-length': 100_000_000 },
      })
      const timer = setInterval(() => asked.write('x'), 50)
      asked.once('response', response => {
        text = String(response.statusCode)
        response.resume()
      })
      asked.on('error', () => undefined)
      asked.once('close', () => {
        clearInterval(timer)
        resolve(text)
      })
    })
    expect(heard).toBe('413')
    expect(performance.now() - startedAt).toBeLessThan(15_000)
  })
})
