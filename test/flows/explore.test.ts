import { connect, createServer, type Socket } from 'node:net'
import type { Page } from 'playwright-core'
import { expect, onTestFinished, test } from 'vitest'
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

browserTest('a feed is a list: it goes on while another tab is looked at, and ends when it is stopped', async () => {
  const [world, { page, complaints }] = await Promise.all([startWorld(), openBrowser()])
  await page.goto(`${world.gateway.url}/graphql?explorer=graphiql&example=Everything`)
  await page.locator('.graphiql-tab-button').first().waitFor()
  expect(await page.locator('.graphiql-tab-active').innerText()).toContain('Everything')
  await run(page, 'Everything')
  await shows(page, ['"CURRENT"', 'live, 1 frame'])
  const change = (phone: string) => world.tools.hubspot.updateContact('101', { phone })
  change('+15550171')
  await shows(page, ['live, 2 frames', '"UPDATED"', '"CURRENT"'])

  await page.locator('.graphiql-tab-button', { hasText: 'WhoOwnsWhat' }).click()
  change('+15550172')
  const feed = page.locator('.feed')
  await expect.poll(() => feed.locator('.state').innerText()).toBe('live, 3 frames')
  await feed.locator('summary').click()
  expect(await feed.locator('li').count()).toBe(3)
  await run(page, 'WhoOwnsWhat')
  await shows(page, ['"ownership"'])

  // Back at its tab it is shown again, and was not begun a second time.
  await page.locator('.graphiql-tab-button', { hasText: 'Everything' }).click()
  await shows(page, ['live, 3 frames'])
  change('+15550173')
  await shows(page, ['live, 4 frames'])
  expect(world.gateway.runtime.hub.subscribers).toBe(1)

  await page.locator('.graphiql-execute-button').click()
  await shows(page, ['stopped, 4 frames'])
  await expect.poll(() => feed.locator('.state').innerText()).toBe('stopped, 4 frames')
  await expect.poll(() => world.gateway.runtime.hub.subscribers).toBe(0)
  await feed.getByRole('button', { name: 'Remove' }).click()
  expect(await feed.count()).toBe(0)
  expect(complaints).toEqual([])
})

browserTest('a feed whose connection is cut says so, connects again, and goes on', async () => {
  const [world, { page }] = await Promise.all([startWorld(), openBrowser()])
  const proxy = await startCutter(world.gateway.port)
  await page.goto(`${proxy.url}/graphql?explorer=graphiql`)
  await page.locator('.graphiql-tab-button').first().waitFor()
  await run(page, 'WatchCustomer')
  await shows(page, ['live, 1 frame'])
  proxy.cut()
  await shows(page, ['cut off, connecting again', 'The connection was cut'])
  world.tools.hubspot.updateContact('101', { phone: '+15550179' })
  await world.settled()
  proxy.mend()
  await shows(page, ['live, 2 frames', 'Connected again', '"+15550179"'])
  world.tools.hubspot.updateContact('101', { phone: '+15550180' })
  await shows(page, ['live, 3 frames', '"+15550180"'])
})

browserTest('a subscription that is refused says why and is not tried again', async () => {
  const [world, { page }] = await Promise.all([startWorld({ waitsForImport: false }), openBrowser()])
  await page.goto(`${world.gateway.url}/graphql?explorer=graphiql`)
  await page.locator('.graphiql-tab-button').first().waitFor()
  await page.locator('.graphiql-tab-button', { hasText: 'WatchCustomer' }).click()
  await page.evaluate(
    `document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.setValue('subscription Wrong { orderChanged { change { kind } } }')`,
  )
  await run(page, 'Wrong')
  await shows(page, ['refused, 0 frames', 'BAD_USER_INPUT'])
})

browserTest('the start page says what runs, where it is asked, and opens each example', async () => {
  const [world, { page, requests, complaints }] = await Promise.all([startWorld(), openBrowser()])
  const { url } = world.gateway
  await page.goto(url)
  const text = await page.locator('body').innerText()
  for (const part of [
    ...['crm', 'hubspot', 'billing', 'stripe', 'jobs', 'asana', 'imported', 'version 0.'],
    ...[`${url}/graphql`, `${url.replace('http', 'ws')}/graphql`, `${url}/health/ready`, `${url}/metrics`],
    ...[`${url}/webhooks/hubspot`, `${url}/webhooks/stripe`, `${url}/webhooks/asana/99`],
    ...examples.map(({ title }) => title),
  ]) {
    expect(text).toContain(part)
  }
  for (const name of ['Everything', 'ChangePhone']) {
    await page.goto(url)
    await page.locator(`a[href="/graphql?example=${name}"]`).click()
    await expect.poll(() => page.locator('.graphiql-tab-active').innerText()).toContain(name)
  }
  expect(foreign(requests).filter(one => one !== `${sandboxSite}/`)).toEqual([])
  expect(complaints.filter(one => !one.includes(sandboxSite))).toEqual([])
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

/** Stands between browser and gateway, and can cut every connection. */
async function startCutter(port: number) {
  const open = new Set<Socket>()
  let isCut = false
  const server = createServer(socket => {
    if (isCut) return void socket.destroy()
    const behind = connect(port, '127.0.0.1')
    for (const one of [socket, behind]) {
      open.add(one)
      one.on('error', () => undefined)
      one.once('close', () => {
        open.delete(one)
        socket.destroy()
        behind.destroy()
      })
    }
    socket.pipe(behind).pipe(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const cut = (): void => {
    isCut = true
    for (const socket of open) socket.destroy()
  }
  onTestFinished(() => {
    cut()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('expected a port')
  return { url: `http://127.0.0.1:${address.port}`, cut, mend: () => (isCut = false) }
}

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
