import { expect, onTestFinished, test } from 'vitest'
import { createDatabase } from '../../postgres/database.ts'
import { runRolling } from './rolling.ts'

// The bench `rolling` does ten rounds.
test(
  'three processes are replaced one after the other under load, and nobody notices: no request fails, nothing acknowledged is lost, no push is missed',
  { timeout: 400_000 },
  async () => {
    const database = await createDatabase()
    onTestFinished(() => database.drop())
    const seed = Number(process.env['ROLLING_SEED'] ?? 20261126)
    const report = await runRolling({ databaseUrl: database.url, rounds: 1, seed })
    expect({ seed, ...report }).toMatchObject({
      restarts: 3,
      failed: [],
      lost: 0,
      missed: [],
      differences: [],
      badEnds: [],
    })
    expect(report.reconnects).toBeGreaterThan(0)
  },
)
