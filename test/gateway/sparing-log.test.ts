import { afterEach, expect, test, vi } from 'vitest'
import { SparingLog } from '../../gateway/sparing-log.ts'

afterEach(() => void vi.useRealTimers())

test('what happens again and again is said at once, then every ten seconds with how often', () => {
  vi.useFakeTimers()
  const lines: unknown[] = []
  const warn = (fields: object, message?: string): void => void lines.push({ ...fields, message })
  const log = new SparingLog({ debug: warn, info: warn, warn, error: warn })
  for (let at = 0; at < 1000; at += 1) log.warn({ system: 'stripe' }, 'it was refused')
  log.warn({ system: 'asana' }, 'it was refused')
  expect(lines).toEqual([
    { system: 'stripe', message: 'it was refused' },
    { system: 'asana', message: 'it was refused' },
  ])
  lines.length = 0
  vi.advanceTimersByTime(10_000)
  expect(lines).toEqual([{ system: 'stripe', times: 999, message: 'it was refused' }])
  lines.length = 0
  vi.advanceTimersByTime(60_000)
  expect([lines, vi.getTimerCount()]).toEqual([[], 0])
  log.warn({ system: 'stripe' }, 'it was refused')
  expect(lines).toHaveLength(1)
})
