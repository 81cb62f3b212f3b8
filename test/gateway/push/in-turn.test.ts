import fc from 'fast-check'
import { expect, test } from 'vitest'
import { InTurn } from '../../../gateway/push/in-turn.ts'

const subscribe = (id: string, nth = 0) => JSON.stringify({ type: 'subscribe', id, payload: { query: `{ n${nth} }` } })
const complete = (id: string) => JSON.stringify({ type: 'complete', id })

function driven() {
  const read: string[] = []
  const completed: string[] = []
  const ends = new Map<string, () => void>()
  const inTurn = new InTurn(
    text => {
      read.push(text)
      if (!text.includes('subscribe')) return Promise.resolve()
      return new Promise(resolve => ends.set(text, resolve))
    },
    id => completed.push(id),
  )
  return {
    inTurn,
    read,
    completed,
    async end(text: string) {
      ends.get(text)?.()
      await new Promise(resolve => setImmediate(resolve))
    },
  }
}

test('an id that is used again waits for the operation that was completed, with all that follows under it', async () => {
  const { inTurn, read, end } = driven()
  const texts = [subscribe('1', 1), complete('1'), subscribe('1', 2), complete('1'), subscribe('1', 3)]
  for (const text of texts) inTurn.take(text)
  inTurn.take(subscribe('2'))
  inTurn.take('{"type":"ping"}')
  expect(read).toEqual([texts[0], texts[1], subscribe('2'), '{"type":"ping"}'])
  await end(subscribe('1', 1))
  expect(read.slice(4)).toEqual([texts[2], texts[3]])
  await end(subscribe('1', 2))
  expect(read.slice(6)).toEqual([texts[4]])
})

test('whoever works on an operation hears that its client completed it, in its turn and not before', async () => {
  const { inTurn, completed, end } = driven()
  inTurn.take(complete('1'))
  inTurn.take(subscribe('1', 1))
  expect(completed).toEqual([])
  inTurn.take(complete('1'))
  expect(completed).toEqual(['1'])
  inTurn.take(subscribe('1', 2))
  inTurn.take(complete('1'))
  expect(completed).toEqual(['1'])
  await end(subscribe('1', 1))
  expect(completed).toEqual(['1', '1'])
})

test('an id that is in use is left to the protocol to refuse, and what is no message of it too', () => {
  const { inTurn, read } = driven()
  const texts = [subscribe('1', 1), subscribe('1', 2), complete('9'), 'no json: subscribe', '{"type":"complete"}', '[]']
  for (const text of texts) expect(inTurn.take(text)).toBe(true)
  expect(read).toEqual(texts)
})

test('what waits under one id is bounded', () => {
  const { inTurn } = driven()
  inTurn.take(subscribe('1', 0))
  inTurn.take(complete('1'))
  const taken = Array.from({ length: 200 }, (_, nth) => inTurn.take(subscribe('1', nth + 1)))
  expect([taken[0], taken.at(-1), taken.filter(one => one).length]).toEqual([true, false, 100])
})

test('whatever comes when, messages of one id are read in order and two of its operations are never open at once', async () => {
  const step = fc.record({ id: fc.constantFrom('a', 'b'), type: fc.constantFrom('use', 'end') })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async steps => {
      const { inTurn, read, end } = driven()
      const sent: string[] = []
      let nth = 0
      const open = new Map<string, string[]>()
      for (const { id, type } of steps) {
        const started = open.get(id) ?? []
        open.set(id, started)
        if (type === 'use') {
          // A client uses its id again after it has completed it.
          if (started.length > 0) sent.push(complete(id))
          const text = subscribe(id, (nth += 1))
          sent.push(text)
          if (started.length > 0) inTurn.take(complete(id))
          started.push(text)
          inTurn.take(text)
        } else {
          const running = started.find(text => read.includes(text))
          if (running !== undefined) await end(running)
        }
      }
      for (const started of open.values()) for (const text of started) await end(text)
      for (const id of ['a', 'b']) {
        const of = (texts: readonly string[]) => texts.filter(text => text.includes(`"id":"${id}"`))
        expect(of(read)).toEqual(of(sent))
      }
    }),
  )
})
