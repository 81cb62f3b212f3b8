import { afterEach, expect, test } from 'vitest'
import { takeStray } from '../../gateway/stray.ts'
import type { Log } from '../../subgraphs/contract.ts'

const lines: unknown[] = []
const at = (level: string) => (fields: object, message: string) => void lines.push({ level, message, ...fields })
const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }

afterEach(() => {
  lines.length = 0
})

test('what a library says to the console stands in the log, an error as an error', () => {
  const end = takeStray(log)
  const broken = new Error('broken')
  try {
    console.error('something is wrong with %s', 'it', broken)
    console.log('by the way')
  } finally {
    end()
  }
  expect(lines).toEqual([
    { level: 'warn', message: 'a library wrote to the console', said: 'something is wrong with it', err: broken },
    { level: 'debug', message: 'a library wrote to the console', said: 'by the way' },
  ])
})

test("so do Node's warnings, and nobody prints them as well", async () => {
  const end = takeStray(log)
  const listeners = process.listenerCount('warning')
  const warning = new Error('deprecated')
  const told = new Promise(resolve => process.once('warning', resolve))
  process.emitWarning(warning)
  await told
  end()
  expect(listeners).toBe(1)
  expect(lines).toEqual([{ level: 'warn', message: 'a warning of Node or of a library', err: warning }])
})
