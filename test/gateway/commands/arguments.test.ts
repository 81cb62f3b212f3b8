import { parseArgs, type ParseArgsConfig } from 'node:util'
import { expect, test } from 'vitest'
import { argumentFault } from '../../../gateway/commands/arguments.ts'

const options = { out: { type: 'string' }, json: { type: 'boolean' } } as const

test.each([
  [['--shiny'], "Unknown option '--shiny'."],
  [['--out'], "Option '--out <value>' argument missing."],
  [['--json=yes'], "Option '--json' does not take an argument."],
  [['stripe'], "Unexpected argument 'stripe'."],
])('what is wrong with %j is one sentence', (args, said) => {
  const config: ParseArgsConfig = { args, options }
  let fault = ''
  try {
    parseArgs(config)
  } catch (error) {
    fault = argumentFault(error)
  }
  expect(fault).toBe(said)
})
