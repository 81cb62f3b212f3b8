import { expect, test } from 'vitest'
import { at, listAt } from '../reading.ts'
import { vendors } from '../signing.ts'
import { sharedWorld } from './shared-world.ts'

const hourMs = 3_600_000

test.each([1, -1])(
  'a process whose clock is wrong by %d h imports and sweeps by the clock all processes share, and passes over nothing',
  async hours => {
    const { world } = await sharedWorld({
      clock: { now: () => new Date(Date.now() + hours * hourMs) },
      connectsAsana: false,
    })
    for (const vendor of vendors) vendor.change(world, '+15550166')
    const signal = new AbortController().signal
    expect(await world.gateway.sweeping.run({ system: null, tell: () => undefined, signal })).toBe('done')
    await world.gateway.processor.idle()
    for (const vendor of vendors)
      expect([vendor.system, JSON.stringify(await world.data(vendor.query(world)))]).toEqual([
        vendor.system,
        expect.stringContaining('+15550166'),
      ])
    const systems = listAt(
      await world.data('{ systems { system completeUpTo lastSweep { startedAt missed } } }'),
      'systems',
    )
    for (const one of systems) {
      expect(one).toMatchObject({ lastSweep: { missed: 1 } })
      for (const path of ['completeUpTo', 'lastSweep.startedAt']) {
        const lateMs = Date.now() - Date.parse(String(at(one, path)))
        expect([path, lateMs >= 0, lateMs < 120_000]).toEqual([path, true, true])
      }
    }
  },
)
