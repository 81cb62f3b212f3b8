import { expect, test } from 'vitest'
import { SettingsCheck } from '../../../gateway/operator/settings-check.ts'
import type { CallContext, Log } from '../../../subgraphs/contract.ts'
import { VendorError } from '../../../subgraphs/vendor-error.ts'

const call: CallContext = { priority: 'background', signal: new AbortController().signal, spend: () => undefined }

test('what is wrong is logged once, said until it is mended, and kept while the tool cannot be asked', async () => {
  const lines: string[] = []
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push(`${level} ${message} ${'fault' in fields ? String(fields.fault) : ''}`)
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  const check = new SettingsCheck(log)
  const answers: (readonly string[] | VendorError)[] = [
    ['FIELD is wrong'],
    ['FIELD is wrong'],
    new VendorError('asana', 'unavailable', 'down'),
    [],
  ]
  const settingFaults = async (): Promise<readonly string[]> => {
    const answer = answers.shift() ?? []
    if (answer instanceof VendorError) throw answer
    return answer
  }
  const said = []
  while (answers.length > 0) said.push(await check.look({ system: 'asana', adapter: { settingFaults } }, call))
  expect(said).toEqual([['FIELD is wrong'], ['FIELD is wrong'], ['FIELD is wrong'], []])
  expect(lines).toEqual([
    'error a setting is wrong FIELD is wrong',
    'warn whether its settings are right could not be asked ',
    'info its settings are right again ',
  ])
  expect(await check.look({ system: 'hubspot', adapter: {} }, call)).toEqual([])
})
