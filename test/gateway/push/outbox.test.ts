import { describe, expect, test } from 'vitest'
import { maxWaitMs, Outbox } from '../../../gateway/push/outbox.ts'

function world() {
  let nowMs = 0
  const told = { slow: 0, closed: 0 }
  const outbox = new Outbox<number>({
    now: () => nowMs,
    onSlow: () => (told.slow += 1),
    onClose: () => (told.closed += 1),
  })
  return { outbox, told, pass: (ms: number) => (nowMs += ms) }
}

async function readAll(outbox: Outbox<number>, count: number): Promise<(number | undefined)[]> {
  const read: (number | undefined)[] = []
  for (let at = 0; at < count; at += 1) read.push((await outbox.next()).value)
  return read
}

describe('an outbox', () => {
  test('gives frames in the order they came', async () => {
    const { outbox } = world()
    for (const payload of [1, 2, 3]) outbox.push({ payload, key: 'a' })
    expect(await readAll(outbox, 3)).toEqual([1, 2, 3])
  })

  test('hands a frame straight to a reader that waits', async () => {
    const { outbox } = world()
    const read = outbox.next()
    outbox.push({ payload: 7, key: null })
    expect(await read).toEqual({ value: 7, done: false })
  })

  test('keeps only the latest frame of an entity for a slow reader, and none is lost for good', async () => {
    const { outbox } = world()
    for (let payload = 0; payload < 500; payload += 1) outbox.push({ payload, key: 'a' })
    const read = await readAll(outbox, 32)
    expect(read).toHaveLength(32)
    expect(read.at(-1)).toBe(499)
  })

  test('gives up a reader that reads nothing for too long, once', () => {
    const { outbox, told, pass } = world()
    outbox.push({ payload: 1, key: 'a' })
    pass(maxWaitMs + 1)
    outbox.push({ payload: 2, key: 'a' })
    outbox.push({ payload: 3, key: 'a' })
    expect(told).toEqual({ slow: 1, closed: 1 })
    expect(outbox.isClosed).toBe(true)
  })

  test('counts the wait of a replaced frame, so that a busy entity does not keep a dead reader', () => {
    const { outbox, told, pass } = world()
    for (let payload = 0; payload < 40; payload += 1) outbox.push({ payload, key: 'a' })
    for (let step = 0; step < 200 && !outbox.isClosed; step += 1) {
      pass(100)
      outbox.push({ payload: step, key: 'a' })
    }
    expect(told.slow).toBe(1)
  })

  test('gives up a reader with too many different frames waiting', () => {
    const { outbox, told } = world()
    for (let payload = 0; payload < 1001; payload += 1) outbox.push({ payload, key: null })
    expect(told.slow).toBe(1)
  })

  test('ends a pending read when it is left', async () => {
    const { outbox, told } = world()
    const read = outbox.next()
    await outbox.return()
    expect(await read).toEqual({ value: undefined, done: true })
    expect(told).toEqual({ slow: 0, closed: 1 })
  })
})
