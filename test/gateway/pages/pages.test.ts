import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { examples } from '../../../gateway/pages/examples.ts'
import { startWorld } from '../../flows/world.ts'

const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }

const introspection = { query: '{ __schema { queryType { name } } }' }

test('the page loads nothing but what comes from here, and may be framed by nobody', async () => {
  const { gateway } = await startWorld({ waitsForImport: false })
  const page = await fetch(`${gateway.url}/graphql`, { headers: browser })
  expect(page.status).toBe(200)
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
  const host = gateway.url.replace('http://', '')
  const policy = page.headers.get('content-security-policy')?.split('; ') ?? []
  expect(policy).toContain(`default-src 'none'`)
  expect(policy).toContain(`frame-ancestors 'none'`)
  expect(policy).toContain(`frame-src https://sandbox.embed.apollographql.com`)
  expect(policy).toContain(`connect-src 'self' ws://${host} wss://${host} https://sandbox.embed.apollographql.com`)
  expect(policy).toContain(`script-src 'self'`)
  expect(page.headers.get('x-content-type-options')).toBe('nosniff')

  const text = await page.text()
  const loaded = [...text.matchAll(/(?:src|href)="(?!data:)([^"]*)"/g)].map(([, path]) => path)
  expect(loaded).toEqual(['/explore/graphiql.css', '/explore/page.css', '/', '/explore/explorer.js'])
  const script = await (await fetch(`${gateway.url}/explore/explorer.js`)).text()
  const files = [
    ...loaded,
    ...[...script.matchAll(/'(\/explore\/[^']+)'/g)].map(([, path]) => path),
    '/explore/feeds.js',
  ]
  expect(files).toHaveLength(10)
  for (const path of [...files, '/favicon.ico']) {
    const file = await fetch(`${gateway.url}${path}`)
    expect([path, file.status]).toEqual([path, 200])
    expect((await file.arrayBuffer()).byteLength).toBeGreaterThan(200)
  }
})

test('a host that is none gets no page, and so gets into no policy', async () => {
  const { gateway } = await startWorld({ waitsForImport: false })
  const { request } = await import('node:http')
  const answer = await new Promise<unknown>((resolve, reject) => {
    request(`${gateway.url}/graphql`, { headers: { ...browser, host: `x; script-src *` } }, response => {
      response.resume()
      resolve([response.statusCode, response.headers['content-security-policy']])
    })
      .once('error', reject)
      .end()
  })
  expect(answer).toEqual([403, undefined])
})

test('HEAD is answered as GET is, without the body', async () => {
  const { gateway } = await startWorld({ waitsForImport: false })
  for (const path of ['/graphql', '/explore/sandbox.js', '/explore/graphiql.css']) {
    const head = await fetch(`${gateway.url}${path}`, { method: 'HEAD', headers: browser })
    const get = await fetch(`${gateway.url}${path}`, { headers: browser })
    expect([head.status, head.headers.get('content-type')]).toEqual([200, get.headers.get('content-type')])
    expect(head.headers.get('content-length')).toBe(get.headers.get('content-length'))
    expect(await head.text()).toBe('')
    expect(await get.text()).not.toBe('')
  }
})

test('a client that asks in the address or wants JSON gets an answer, not the page', async () => {
  const { gateway } = await startWorld({ waitsForImport: false })
  const query = encodeURIComponent('{ systems { system } }')
  const asked = await fetch(`${gateway.url}/graphql?query=${query}`, {
    headers: { ...browser, 'apollo-require-preflight': 'true' },
  })
  expect(await asked.json()).toMatchObject({ data: { systems: [{}, {}, {}] } })
  const json = await fetch(`${gateway.url}/graphql`, { headers: { accept: 'application/json' } })
  expect(json.status).toBe(400)
})

test('in production there is no page, no script, no schema to look at, and no other origin may ask', async () => {
  const world = await startWorld({ waitsForImport: false, isExplorable: false })
  const { gateway } = world
  const page = await fetch(`${gateway.url}/graphql`, { headers: browser })
  expect(page.status).toBe(404)
  expect(page.headers.get('content-type')).toContain('text/plain')
  expect(await page.text()).not.toMatch(/<|apollographql/)
  for (const path of ['/explore/sandbox.js', '/explore/explorer.js', '/explore/graphiql.js', '/favicon.ico']) {
    expect((await fetch(`${gateway.url}${path}`)).status).toBe(404)
  }
  // Balancers may ask here; what runs is not told.
  const start = await fetch(gateway.url, { headers: browser })
  expect([start.status, start.headers.get('content-type')]).toEqual([200, 'text/plain; charset=utf-8'])
  expect(await start.text()).not.toMatch(/hubspot|stripe|asana|0\.1/i)
  const { errors } = await world.ask(introspection.query)
  expect(errors).toMatchObject([{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }])
  const guessed = await world.ask('{ custome(id: "101") { id } }')
  expect(guessed.errors.map(({ message }) => message)).toEqual(['Cannot query field "custome" on type "Query".'])
  for (const origin of ['https://studio.apollographql.com', 'http://localhost:3000', 'https://evil.example']) {
    expect(await preflight(gateway.url, origin)).toEqual({ origin: null, privateNetwork: null })
    expect(await upgrade(gateway.url, origin)).toBe(403)
  }
  expect(await upgrade(gateway.url, gateway.url)).toBe('open')
  expect(await upgrade(gateway.url, undefined)).toBe('open')
})

test('in development Sandbox and pages of this machine may ask from their own origin, and nobody else', async () => {
  const { gateway } = await startWorld({ waitsForImport: false })
  for (const origin of ['https://studio.apollographql.com', 'http://localhost:3000']) {
    expect(await preflight(gateway.url, origin)).toEqual({ origin, privateNetwork: 'true' })
    const answer = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin },
      body: JSON.stringify(introspection),
    })
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin)
    expect(answer.headers.get('vary')).toContain('Origin')
    expect(await answer.json()).toEqual({ data: { __schema: { queryType: { name: 'Query' } } } })
    expect(await upgrade(gateway.url, origin)).toBe('open')
  }
  expect(await preflight(gateway.url, 'https://evil.example')).toEqual({ origin: null, privateNetwork: null })
  expect(await upgrade(gateway.url, 'https://evil.example')).toBe(403)
})

test('every example has a title and an operation name of its own', () => {
  const names = examples.map(({ document }) => /^(query|mutation|subscription) (\w+) \{/.exec(document)?.[2])
  expect(names).not.toContain(undefined)
  expect(new Set(names).size).toBe(examples.length)
  expect(new Set(examples.map(({ title }) => title)).size).toBe(examples.length)
})

async function preflight(url: string, origin: string) {
  const { headers } = await fetch(`${url}/graphql`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
      'access-control-request-private-network': 'true',
    },
  })
  return {
    origin: headers.get('access-control-allow-origin'),
    privateNetwork: headers.get('access-control-allow-private-network'),
  }
}

/** What a page of an origin gets that opens a websocket. */
function upgrade(url: string, origin: string | undefined): Promise<'open' | number | undefined> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { origin })
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      socket.close()
      resolve('open')
    })
    socket.once('unexpected-response', (_request, response) => {
      resolve(response.statusCode)
      socket.terminate()
    })
    socket.once('error', reject)
  })
}
