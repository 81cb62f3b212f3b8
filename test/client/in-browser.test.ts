import { build } from 'esbuild'
import { expect, vi } from 'vitest'
import { browserTest, openBrowser } from '../flows/browser.ts'
import { setPhone } from '../flows/frames.ts'
import { startWorld } from '../flows/world.ts'
import { openBrokenRoad } from './broken-road.ts'

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: ['test/client/in-browser.ts'],
    bundle: true,
    format: 'iife',
    write: false,
    logLevel: 'error',
  })
  return outputFiles[0]?.text ?? ''
}

browserTest('in a browser urql pages, and a subscription goes on behind its last frame whatever ended it', async () => {
  const [world, { page }, script] = await Promise.all([startWorld(), openBrowser(), bundle()])
  const road = await openBrokenRoad(world.gateway.url)
  await page.goto(`${world.gateway.url}/health/live`)
  await page.addScriptTag({ content: script })
  expect(await page.evaluate(`page.pages('${world.gateway.url}/graphql')`)).toBe(4)

  await page.evaluate(`page.watch('${road.url}')`)
  const cursors = () => page.evaluate<string[]>('page.cursors')
  await vi.waitFor(async () => expect(await cursors()).toHaveLength(1), 5000)
  let changes = 0
  const change = async (): Promise<void> => {
    setPhone(world, (changes += 1))
    await world.settled()
  }
  const ways = [
    ...[1000, 1001, 1011, 1013, 4400, 4413, 4500].map(code => async () => road.fail({ kind: 'close', code })),
    async () => road.fail({ kind: 'break' }),
    async () => road.fail({ kind: 'silence' }),
    async () => {
      await road.shut('nothing-listens')
      await change()
      await road.open()
    },
    async () => {
      await road.shut(503)
      await change()
      await road.open()
    },
  ]
  for (const end of ways) {
    await end()
    await change()
    await vi.waitFor(async () => expect(await cursors()).toHaveLength(changes + 1), 10_000)
  }
  expect(new Set(await cursors()).size).toBe(changes + 1)
  expect(await page.evaluate<string[]>('page.troubles')).not.toContainEqual(expect.stringContaining('refused'))
})
