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
    const [query, subscription] = ['query', 'subscription'].map(
      kind => examples.find(({ document }) => document.startsWith(kind))?.document,
    )
    await page.route(`${sandboxSite}/**`, route =>
      route.fulfill({ contentType: 'text/html', body: standIn(query ?? '', subscription ?? '') }),
    )
    await page.goto(`${world.gateway.url}/graphql`)
    // The bundled explorer is there at once, and stays in front until somebody chooses.
    await page.locator('.graphiql-tab-button').first().waitFor()
    const tab = page.getByRole('tab', { name: 'Apollo Sandbox' })
    await tab.waitFor()
    expect(await chosen(page)).toBe('GraphiQL')
    await tab.click()
    expect(await chosen(page)).toBe('Apollo Sandbox')
    const address = await page.locator('#sandbox iframe').getAttribute('src')
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

browserTest('the last choice is remembered, unless one has begun to work before Sandbox answers', async () => {
  const [world, { page }] = await Promise.all([startWorld({ waitsForImport: false }), openBrowser()])
  let answer = (): void => undefined
  await page.route(`${sandboxSite}/sandbox/**`, async route => {
    await new Promise<void>(resolve => (answer = resolve))
    await route.fulfill({ contentType: 'text/html', body: standIn('', '') })
  })
  await page.route(`${sandboxSite}/`, route => route.fulfill({ body: '' }))
  const sandbox = page.getByRole('tab', { name: 'Apollo Sandbox' })
  const open = async (): Promise<void> => {
    const asked = page.waitForRequest(`${sandboxSite}/sandbox/**`)
    await page.goto(`${world.gateway.url}/graphql`)
    await asked
    await page.locator('.graphiql-tab-button').first().waitFor()
    expect([await chosen(page), await sandbox.isVisible()]).toEqual(['GraphiQL', false])
  }
  await open()
  answer()
  await sandbox.click()
  await open()
  answer()
  await expect.poll(() => chosen(page)).toBe('Apollo Sandbox')
  await open()
  await page.locator('.graphiql-tab-button').nth(1).click()
  answer()
  await sandbox.waitFor()
  expect(await chosen(page)).toBe('GraphiQL')
  await page.getByRole('tab', { name: 'GraphiQL' }).click()
  await open()
  answer()
  await sandbox.waitFor()
  expect(await chosen(page)).toBe('GraphiQL')
})

browserTest('a site that never answers keeps nobody waiting', async () => {
  const [world, { page }] = await Promise.all([startWorld({ waitsForImport: false }), openBrowser()])
  await page.route(`${sandboxSite}/**`, () => undefined)
  await page.goto(`${world.gateway.url}/graphql`)
  await page.locator('.graphiql-tab-button').first().waitFor({ timeout: 8000 })
  expect(await page.getByRole('tab', { name: 'Apollo Sandbox' }).isVisible()).toBe(false)
})

browserTest('something else that answers in the place of Sandbox, such as a login page, gets no tab', async () => {
  const [world, { page }] = await Promise.all([startWorld({ waitsForImport: false }), openBrowser()])
  await page.clock.install()
  // It also posts what is no word of Sandbox's.
  const login =
    'Welcome, guest<script>parent.postMessage({ name: "hello" }, "*"); parent.postMessage("x", "*")</script>'
  await page.route(`${sandboxSite}/**`, route => route.fulfill({ contentType: 'text/html', body: login }))
  await page.goto(`${world.gateway.url}/graphql`)
  const frame = page.locator('#sandbox iframe')
  await frame.waitFor({ state: 'attached' })
  await page.locator('.graphiql-tab-button').first().waitFor()
  await page.frameLocator('#sandbox iframe').getByText('Welcome, guest').waitFor({ state: 'attached' })
  await page.clock.fastForward(61_000)
  await frame.waitFor({ state: 'detached' })
  expect(await page.getByRole('tab', { name: 'Apollo Sandbox' }).isVisible()).toBe(false)
})

/** The explorer in front. */
function chosen(page: Page): Promise<string> {
  return page.getByRole('tab', { selected: true }).and(page.locator('nav button')).innerText()
}

/** Waits until the stand-in heard a message of this name that holds the text. */
async function hears(page: Page, name: string, text: string): Promise<void> {
  const messages = async () => {
    const inner = page.frames().find(frame => frame.parentFrame() !== null)
    const all = heard.parse(await inner?.evaluate('heard'))
    return JSON.stringify(all.filter(message => message.name === name))
  }
  await expect.poll(messages, { timeout: 5000 }).toContain(text)
}
