import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { z } from 'zod'
import { examples } from '../../gateway/pages/examples.ts'
import { sandboxSite } from '../../gateway/pages/html.ts'
import { browserTest, foreign, openBrowser } from './browser.ts'
import { startWorld } from './world.ts'

const heard = z.array(
  z.object({ name: z.string(), parentHref: z.string().optional(), response: z.unknown().optional() }),
)

/** Stands in for Apollo's app: asks what the app asks of the page around it, and keeps what it hears. */
const standIn = (query: string, subscription: string): string => `<!doctype html><title>Sandbox</title><script>
  const parameters = new URLSearchParams(location.search)
  const heard = []
  const ask = message => parent.postMessage(message, '*')
  addEventListener('message', ({ data }) => {
    heard.push(data)
    if (data.name !== 'HandshakeResponse') return
    ask({
      name: 'ExplorerRequest',
      operationId: 'query',
      operation: ${JSON.stringify(query)},
      endpointUrl: parameters.get('endpoint'),
    })
    ask({
      name: 'ExplorerSubscriptionRequest',
      operationId: 'subscription',
      operation: ${JSON.stringify(subscription)},
      subscriptionUrl: parameters.get('subscriptionEndpoint'),
      protocol: 'graphql-ws',
    })
  })
  ask({ name: 'ExplorerListeningForHandshake' })
</script>`

browserTest(
  'where its site answers, Sandbox is set up for this graph, without telemetry, and shows live changes',
  async () => {
    const [world, { page, requests, complaints }] = await Promise.all([startWorld(), openBrowser()])
    const [query, subscription] = examples.map(({ document }) => document)
    await page.route(`${sandboxSite}/**`, route =>
      route.fulfill({ contentType: 'text/html', body: standIn(query ?? '', subscription ?? '') }),
    )
    await page.goto(`${world.gateway.url}/graphql`)
    const address = await page.locator('#explorer iframe').getAttribute('src')
    const { searchParams, origin, pathname } = new URL(address ?? '')
    expect(`${origin}${pathname}`).toBe(`${sandboxSite}/sandbox/explorer`)
    expect(Object.fromEntries(searchParams)).toMatchObject({
      endpoint: `${world.gateway.url}/graphql`,
      subscriptionEndpoint: `${world.gateway.url.replace('http', 'ws')}/graphql`,
      runTelemetry: 'false',
      shouldDefaultAutoupdateSchema: 'false',
      endpointIsEditable: 'false',
    })
    const offered = decodeURIComponent(searchParams.get('defaultDocument') ?? '')
    for (const { title, document } of examples) expect(offered).toContain(`# ${title}\n${document}`)

    await hears(page, 'ExplorerResponse', '"hasNextPage":true')
    await hears(page, 'ExplorerSubscriptionResponse', '"CURRENT"')
    world.tools.hubspot.updateContact('101', { phone: '+15550188' })
    await hears(page, 'ExplorerSubscriptionResponse', '"+15550188"')

    expect(foreign(requests)).toEqual([`${sandboxSite}/`, address])
    expect(complaints).toEqual([])
  },
)

browserTest('a site that never answers is waited for four seconds and no longer', async () => {
  const [world, { page }] = await Promise.all([startWorld({ waitsForImport: false }), openBrowser()])
  await page.clock.install()
  const asked = new Promise<void>(resolve => void page.route(`${sandboxSite}/**`, () => resolve()))
  await page.goto(`${world.gateway.url}/graphql`)
  await asked
  expect(await page.locator('#note').innerText()).toContain('Opening')
  const goesOn = page.waitForRequest('**/explore/graphiql.css', { timeout: 2500 })
  await page.clock.fastForward(4000)
  await goesOn
  await page.locator('.graphiql-tab-button').first().waitFor()
})

browserTest(
  'something else that answers in the place of Sandbox, such as a login page, gives way to GraphiQL',
  async () => {
    const [world, { page }] = await Promise.all([startWorld({ waitsForImport: false }), openBrowser()])
    await page.clock.install()
    await page.route(`${sandboxSite}/**`, route => route.fulfill({ contentType: 'text/html', body: 'Welcome, guest' }))
    await page.goto(`${world.gateway.url}/graphql`)
    await page.frameLocator('#explorer iframe').getByText('Welcome, guest').waitFor()
    await page.clock.fastForward(20_000)
    await page.locator('.graphiql-tab-button').first().waitFor()
    expect(await page.locator('#explorer iframe').count()).toBe(0)
  },
)

/** Waits until the stand-in heard a message of this name that holds the text. */
async function hears(page: Page, name: string, text: string): Promise<void> {
  const messages = async () => {
    const inner = page.frames().find(frame => frame.parentFrame() !== null)
    const all = heard.parse(await inner?.evaluate('heard'))
    return JSON.stringify(all.filter(message => message.name === name))
  }
  await expect.poll(messages, { timeout: 5000 }).toContain(text)
}
