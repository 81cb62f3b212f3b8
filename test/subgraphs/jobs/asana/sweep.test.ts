import { expect, onTestFinished, test } from 'vitest'
import { startAsana } from '../../../simulators/asana/simulator.ts'
import type { AsanaOptions } from '../../../simulators/asana/simulator.ts'
import { callContext, openAccount } from './account.ts'

const hourMs = 3_600_000

async function account(options: AsanaOptions = {}) {
  const asana = await startAsana({ retryScale: 0, ...options })
  const opened = openAccount(asana)
  onTestFinished(async () => {
    await opened.close()
    await asana.close()
  })
  const [events] = opened.system.sweepers
  if (events === undefined) throw new Error('expected a sweeper')
  const sweep = (cursor: string | null) => events.sweep(cursor, new Date(), callContext('background'))
  return { asana, opened, sweep }
}

test('without a token everything is to be listed anew; from then on events are told under the keys of webhooks', async () => {
  const { asana, opened, sweep } = await account({ webhookUrl: 'http://127.0.0.1:9/nobody', plantSecret: 'planted' })
  const first = await sweep(null)
  expect(first).toMatchObject({ news: [], shown: [], isGap: true })
  const task = asana.createTask({ name: 'Fit a boiler' })
  asana.updateTask(task.gid, { name: 'Fit two boilers' })
  asana.deleteTask(task.gid)
  const page = await sweep(first.next)
  expect(page).toMatchObject({ isDone: true, isGap: false })
  const hints = page.news.flatMap(entry => ('hints' in entry ? entry.hints : []))
  expect(hints.map(({ kind, record }) => [kind, record.id])).toEqual(
    expect.arrayContaining([
      ['CREATED', task.gid],
      ['UPDATED', task.gid],
      ['DELETED', task.gid],
    ]),
  )
  await asana.webhooks.idle()
  const told = asana.webhooks.sent.flatMap(({ body }) => {
    const received = { method: 'POST', endpoint: '99', url: '', headers: {}, body: new TextEncoder().encode(body) }
    const read = opened.system.webhook.read(received)
    return 'entries' in read ? read.entries.map(({ key }) => key) : []
  })
  const found = new Set(page.news.map(({ key }) => key))
  expect(told.length).toBeGreaterThan(3)
  expect(told.filter(key => !found.has(key))).toEqual([])
  // A token goes on where the last page ended.
  expect(await sweep(page.next)).toMatchObject({ news: [], isDone: true })
})

test('more events than a page are told page by page', async () => {
  const { asana, sweep } = await account()
  let page = await sweep(null)
  const { gid } = asana.createTask({ name: 'Service' })
  for (let number = 0; number < 120; number++) asana.updateTask(gid, { name: `Service ${number}` })
  let steps = 0
  let seen = 0
  do {
    page = await sweep(page.next)
    steps += 1
    seen += page.news.length
  } while (!page.isDone)
  expect(steps).toBeGreaterThan(2)
  expect(seen).toBeGreaterThan(240)
})

test('a token older than a day is a gap, and comes with one that holds', async () => {
  let at = Date.now()
  const { asana, sweep } = await account({ clock: () => new Date(at) })
  const first = await sweep(null)
  at += 25 * hourMs
  asana.createTask({ name: 'Too old to be told' })
  const gap = await sweep(first.next)
  expect(gap).toMatchObject({ news: [], isGap: true })
  expect(await sweep(gap.next)).toMatchObject({ isGap: false, isDone: true })
})

test('a webhook is active, failing or gone, project by project', async () => {
  const { asana, opened } = await account({ webhookUrl: 'http://127.0.0.1:9/webhooks/asana', plantSecret: 'planted' })
  const subscriptions = () =>
    opened.system.subscriptions({ publicUrl: 'http://127.0.0.1:9', call: callContext('background') })
  expect(await subscriptions()).toMatchObject([{ endpoint: '99', state: 'ACTIVE', lastFailureAt: null, note: null }])
  expect(
    await opened.system.subscriptions({ publicUrl: 'https://elsewhere.example', call: callContext('background') }),
  ).toMatchObject([{ endpoint: '99', state: 'GONE' }])
  // Nobody listens there.
  asana.webhooks.heartbeat()
  await expect.poll(() => asana.webhooks.sent.length).toBeGreaterThan(0)
  const [found] = await subscriptions()
  expect(found).toMatchObject({ endpoint: '99' })
  expect(['FAILING', 'GONE']).toContain(found?.state)
})
