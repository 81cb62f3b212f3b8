import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { next, sequenceOf, setPhone, watchAda, type Seen } from './frames.ts'
import { startWorld, type Frames } from './world.ts'

test('whatever changes and however often a client reconnects, its last frame is the present value and its cursor never goes back', async () => {
  const world = await startWorld()
  let number = 100
  const step = fc.constantFrom('change', 'change', 'leave', 'come', 'settle', 'other')
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 10 }), async steps => {
      const seen: Seen[] = []
      let frames: Frames | null = null
      const come = (): void => {
        if (frames !== null) return
        const opened = world.subscribe(watchAda, { after: seen.at(-1)?.change.cursor })
        frames = opened
        void read(opened)
      }
      const read = async (from: Frames): Promise<void> => {
        try {
          for (;;) {
            const one = await next(from)
            // What arrives after the client has left was never seen.
            if (frames !== from) return
            seen.push(one)
          }
        } catch {
          // It left.
        }
      }
      const leave = (): void => {
        frames?.end()
        frames = null
      }
      come()
      for (const one of steps) {
        if (one === 'change') setPhone(world, (number += 1))
        else if (one === 'other') setPhone(world, (number += 1), '102')
        else if (one === 'leave') leave()
        else if (one === 'come') come()
        else await world.settled()
      }
      come()
      await world.settled()
      const present = world.tools.hubspot.contact('101')?.properties['phone']
      await vi.waitFor(() => expect(seen.at(-1)).toMatchObject({ customer: { phone: present } }), 3000)
      leave()
      const cursors = seen.map(sequenceOf)
      expect(cursors).toEqual([...cursors].sort((a, b) => a - b))
    }),
    { numRuns: 12 },
  )
})
