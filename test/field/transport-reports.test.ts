import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { examples } from '../../gateway/pages/examples.ts'
import { browserTest, openBrowser } from '../flows/browser.ts'
import { startWorld, type World } from '../flows/world.ts'

// What people have reported of other GraphQL servers and explorers, tried on this one.

const quiet = { waitsForImport: false, connectsAsana: false }

const graphQL = 'application/graphql-response+json'

async function post(world: World, headers: Readonly<Record<string, string>>, body = '{"query":"{ __typename }"}') {
  const sent = { 'content-type': 'application/json', ...headers }
  const response = await fetch(`${world.gateway.url}/graphql`, { method: 'POST', headers: sent, body })
  await response.arrayBuffer()
  return response
}

// Sources: micronaut-graphql issue 685, quarkus issue 30806.
test('ranges of media types count wherever they stand in Accept, and what is weighed with 0 does not', async () => {
  const world = await startWorld(quiet)
  const typeFor = async (accept: string): Promise<string | number | undefined> => {
    const { status, headers } = await post(world, { accept })
    return status === 200 ? headers.get('content-type')?.split(';')[0] : status
  }
  expect(await typeFor('application/*')).toBe('application/json')
  expect(await typeFor('text/html, */*')).toBe('application/json')
  expect(await typeFor('text/html;q=0.9, image/webp, */*;q=0.1')).toBe('application/json')
  expect(await typeFor(`application/json;q=0, */*`)).toBe(graphQL)
  expect(await typeFor(`APPLICATION/GRAPHQL-RESPONSE+JSON`)).toBe(graphQL)
  expect(await typeFor(`${graphQL}; charset=utf-8, application/json; charset=utf-8`)).toMatch(/^application\//)
  expect(await typeFor('application/graphql+json, application/json')).toBe('application/json')
  expect(await typeFor('application/json;charset=UTF-8')).toBe('application/json')
  expect(await typeFor('application/json; charset=iso-8859-1')).toBe(406)
  expect(await typeFor('text/*')).toBe(406)
})

// Source: appwrite issue 11959.
test('a page of another origin that may ask can read every answer, refusals too', async () => {
  const origin = 'https://app.example.com'
  const world = await startWorld({ ...quiet, environment: { ALLOWED_ORIGINS: origin } })
  const large = `{"query":"${'x'.repeat(1024 * 1024)}"}`
  const answers = [
    [200, await post(world, { origin })],
    [400, await post(world, { origin }, '{')],
    [406, await post(world, { origin, accept: 'text/event-stream' })],
    [413, await post(world, { origin }, large)],
    [415, await post(world, { origin, 'content-type': 'text/plain' })],
    [
      405,
      await fetch(`${world.gateway.url}/graphql`, {
        method: 'DELETE',
        headers: { origin, 'content-type': 'application/json' },
      }),
    ],
  ] as const
  for (const [status, answer] of answers) {
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([status, origin])
    expect(answer.headers.get('vary')).toBe('Origin, Accept')
  }
})

// Source: graphql-dotnet/server issue 932.
test('a write whose answer its client could not take is not done', async () => {
  const world = await startWorld()
  const before = JSON.stringify(world.tools.hubspot.snapshot())
  const query = 'mutation { updateCustomer(input: { id: "101", phone: "+15550142" }) { customer { phone } } }'
  const { status } = await post(world, { accept: 'text/html' }, JSON.stringify({ query }))
  expect([status, JSON.stringify(world.tools.hubspot.snapshot())]).toEqual([406, before])
})

// Source: the migration notes of subscriptions-transport-ws: clients in between offer both names.
test('a client that offers the older subprotocol and ours gets ours, in whichever order', async () => {
  const world = await startWorld(quiet)
  for (const offered of [
    ['graphql-ws', 'graphql-transport-ws'],
    ['graphql-transport-ws', 'graphql-ws'],
  ]) {
    const socket = new WebSocket(`${world.gateway.url.replace('http', 'ws')}/graphql`, offered)
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    expect(socket.protocol).toBe('graphql-transport-ws')
    socket.terminate()
  }
})

// Sources: graphiql issues 2311, 2314, 2909.
browserTest(
  'a subscription runs as one after a reload and right after its tab was opened, and a query run elsewhere does not end it',
  async () => {
    const [world, { page }] = await Promise.all([startWorld(), openBrowser()])
    const posted: string[] = []
    page.on('request', request => {
      if (request.method() === 'POST') posted.push(request.postData() ?? '')
    })
    const tab = (name: string) => page.locator('.graphiql-tab-button', { hasText: name })
    const play = page.locator('.graphiql-execute-button')
    const state = page.locator('.feed .state')
    await page.goto(`${world.gateway.url}/graphql?explorer=graphiql`)
    await tab('Everything').click()
    // The explorer keeps its tabs a moment later.
    const kept = `JSON.parse(localStorage.getItem('graphiql:tabState'))?.activeTabIndex`
    const everything = examples.findIndex(({ document }) => document.includes('Everything'))
    await expect.poll(() => page.evaluate(kept)).toBe(everything)
    await page.reload()
    await tab('Everything').waitFor()
    await page.locator('.graphiql-query-editor .CodeMirror').waitFor()
    await play.click()
    await expect.poll(() => state.allInnerTexts()).toEqual(['live, 1 frame'])

    // At once, before the explorer has looked at what the other editor holds.
    await tab('WhoOwnsWhat').click()
    await play.click()
    await expect.poll(() => posted.some(body => body.includes('WhoOwnsWhat'))).toBe(true)
    const answer = `document.querySelector('.graphiql-response .CodeMirror')?.CodeMirror.getValue()`
    await expect.poll(() => page.evaluate(answer)).toContain('"ownership"')
    world.tools.hubspot.updateContact('101', { phone: '+15550143' })
    await expect.poll(() => state.allInnerTexts()).toEqual(['live, 2 frames'])
    await tab('WatchCustomer').click()
    await play.click()
    await expect.poll(() => state.allInnerTexts()).toEqual(['live, 1 frame', 'live, 2 frames'])
    expect(
      posted.filter(body => body.includes('subscription Everything') || body.includes('subscription WatchCustomer')),
    ).toEqual([])
  },
)
