import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Turns } from '../../../gateway/store/dialect.ts'

type Lane = 'beside' | 'serial'

test('who waits beside the others goes before them, but never twice in a row while one of them waits', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom<Lane>('beside', 'serial'), { maxLength: 12 }), async lanes => {
      const turns = new Turns()
      const first = await turns.take()
      const had: { readonly lane: Lane; readonly number: number }[] = []
      let holders = 0
      const holding = lanes.map(async (lane, number) => {
        const end = await turns.take(lane)
        holders += 1
        expect(holders).toBe(1)
        had.push({ lane, number })
        await Promise.resolve()
        holders -= 1
        end()
        // Ended once, whatever its holder does.
        end()
      })
      first()
      await Promise.all(holding)
      for (const lane of ['beside', 'serial'] as const) {
        const numbers = had.filter(one => one.lane === lane).map(({ number }) => number)
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
      }
      const places = had.map(({ lane }) => lane)
      const both =
        2 * Math.min(...(['beside', 'serial'] as const).map(lane => lanes.filter(one => one === lane).length))
      expect(places.slice(0, both)).toEqual(
        Array.from({ length: both }, (_, at) => (at % 2 === 0 ? 'beside' : 'serial')),
      )
    }),
  )
})
