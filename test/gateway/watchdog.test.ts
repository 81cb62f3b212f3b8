import { expect, test } from 'vitest'
import { startChild } from '../flows/child.ts'

test('a process that hangs is ended, and one that works, however long, is not', async () => {
  const hanging = startChild('test/gateway/hanging.ts', ['hang'])
  const working = startChild('test/gateway/hanging.ts', ['work'])
  expect(await hanging.ended).toEqual({ code: null, signal: 'SIGKILL' })
  expect(await working.ended).toEqual({ code: 0, signal: null })
  expect([hanging.output(), working.output()]).toEqual(['has worked', 'has worked'])
}, 60_000)
