import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Lingering, Room } from '../../gateway/http-room.ts'

test('a room is full by requests or by bytes, and has what is given back', () => {
  const room = new Room()
  const leave = room.enter(128 * 1024 * 1024)
  expect([leave === null, room.enter(1)]).toEqual([false, null])
  leave?.()
  const all = Array.from({ length: 2000 }, () => room.enter(1))
  expect([all.every(one => one !== null), room.enter(1)]).toEqual([true, null])
})

test('whoever has taken longest is let go of when it is too much in all, and no more is held than may be', () => {
  const step = fc.record({ who: fc.nat(9), bytes: fc.nat(60), isOver: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const gone: number[] = []
      const held = new Lingering<{ destroy(): unknown }>(100)
      const all = Array.from({ length: 10 }, (_, who) => ({ destroy: () => gone.push(who) }))
      const since: number[] = []
      for (const { who, bytes, isOver } of steps) {
        const one = all[who]
        if (one === undefined) continue
        gone.length = 0
        if (isOver) held.remove(one)
        else held.add(one, bytes)
        if (isOver) since.splice(0, since.length, ...since.filter(other => other !== who))
        else if (!since.includes(who)) since.push(who)
        expect(gone).toEqual(since.splice(0, gone.length))
        expect(held.bytes).toBeLessThanOrEqual(100)
      }
    }),
  )
})
