import { expect, test } from 'vitest'
import { runStorm } from './storm.ts'

// The bench `storm` runs it ten times as large, for several seeds and on both stores.
test('a storm on a process that is killed again and again loses nothing, doubles nothing, and leaves the graph as the tools are', async () => {
  const seed = Number(process.env['STORM_SEED'] ?? 20261126)
  const report = await runStorm({ deliveries: 2000, kills: 5, seed })
  expect({ seed, ...report }).toMatchObject({
    kills: 5,
    lost: 0,
    doubled: 0,
    forged: 0,
    differences: [],
    oddities: [],
  })
  expect(report.acknowledged).toBeGreaterThan(1800)
}, 240_000)
