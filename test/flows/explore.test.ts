import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { examples } from '../../gateway/pages/examples.ts'
import { sandboxSite } from '../../gateway/pages/html.ts'
import { browserTest, foreign, openBrowser } from './browser.ts'
import { startWorld } from './world.ts'

const names = examples.map(({ document }) => /^\w+ (\w+)/.exec(document)?.[1])

test('every example offered works as it stands', async () => {
  const world = await startWorld()
  const subscribed = examples
    .filter(({ document }) => document.startsWith('subscription'))
    .map(({ document }) => world.subscribe(document))
  const first = await Promise.all(subscribed.map(frames => frames.next()))
  expect(first).toEqual(subscribed.map(() => ({ data: expect.anything() })))
  for (const { document } of examples.filter(example => !example.document.startsWith('subscription'))) {
    expect(JSON.stringify(await world.data(document))).not.toContain('null}')
  }
})

browserTest('without internet the page shows queries and live changes all the same, and asks nobody else', async () => {
  const [world, { page, requests, complaints }] = await Promise.all([startWorld(), openBrowser()])
  await page.goto(`${world.gateway.url}/graphql`)
  await page.locator('.graphiql-tab-button').first().waitFor({ timeout: 8000 })
  expect(await page.title()).toBe('One live graph')
  expect(await page.locator('.graphiql-tab-button').allInnerTexts()).toEqual(names)

  await run(page, 'CustomersWithOrdersAndJobs')
  await shows(page, ['"customers"', '"orders"', '"jobs"', '"hasNextPage": true'])

  await run(page, 'WatchCustomer')
  await shows(page, ['"CURRENT"'])
  world.tools.hubspot.updateContact('101', { phone: '+15550177' })
  await shows(page, ['"UPDATED"', '"+15550177"'])

  // LIVEGRAPH_PICTURE=docs/images/explorer.png makes the picture of the README anew.
  const picture = process.env['LIVEGRAPH_PICTURE']
  if (picture !== undefined) await page.screenshot({ path: picture })

  expect(foreign(requests)).toEqual([`${sandboxSite}/`])
  expect(requests).toContain(`${world.gateway.url.replace('http', 'ws')}/graphql`)
  // The browser itself notes on the console that the site was not reached.
  expect(complaints.filter(text => !text.includes(sandboxSite))).toEqual([])
})

browserTest('whoever prefers GraphiQL gets it without a look at Sandbox, in the dark too', async () => {
  const [world, visit] = await Promise.all([startWorld({ waitsForImport: false }), openBrowser()])
  const { page, requests, complaints } = visit
  await page.emulateMedia({ colorScheme: 'dark' })
  await page.goto(`${world.gateway.url}/graphql?explorer=graphiql`)
  await page.locator('.graphiql-tab-button').first().waitFor()
  expect(await brightness(page)).toBeLessThan(100)
  await page.emulateMedia({ colorScheme: 'light' })
  await expect.poll(() => brightness(page)).toBeGreaterThan(200)
  expect(foreign(requests)).toEqual([])
  expect(complaints).toEqual([])
})

/** Opens the tab of an example and runs it. */
async function run(page: Page, name: string): Promise<void> {
  await page.locator('.graphiql-tab-button', { hasText: name }).click()
  // GraphiQL looks a moment later at what an editor holds, and chooses HTTP or the websocket by it.
  const noticed = `document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.operationName`
  await expect.poll(() => page.evaluate(noticed)).toBe(name)
  await page.locator('.graphiql-execute-button').click()
}

/** Waits until the answer holds each of the texts. */
async function shows(page: Page, texts: readonly string[]): Promise<void> {
  const missing = async () => {
    // Of a long answer only the lines in sight are in the document.
    const answer = String(
      await page.evaluate(`document.querySelector('.graphiql-response .CodeMirror')?.CodeMirror.getValue()`),
    )
    return texts.filter(text => !answer.includes(text))
  }
  await expect.poll(missing, { timeout: 5000 }).toEqual([])
}

/** Of what lies behind the editors, 0 to 255. */
async function brightness(page: Page): Promise<number> {
  const colour = await page.evaluate(`getComputedStyle(document.querySelector('.graphiql-container')).backgroundColor`)
  const parts = String(colour).match(/\d+/g)?.map(Number) ?? []
  return parts.slice(0, 3).reduce((sum, part) => sum + part, 0) / 3
}
