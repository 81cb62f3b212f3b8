import { expect, test } from 'vitest'
import { runInAnyOrder } from './any-order.ts'

// The bench `order` runs it ten times as large, for several seeds and on both stores.
test('whatever order the webhooks of an object come in, it ends as its tool has it', async () => {
  const seed = Number(process.env['STORM_SEED'] ?? 20261126)
  const report = await runInAnyOrder({ objects: 100, seed })
  expect({ seed, ...report }).toMatchObject({ objects: 100, differences: [], dead: 0 })
  expect(report.deleted).toBeGreaterThan(15)
  expect(report.merged).toBeGreaterThan(5)
}, 120_000)
