import { expect, test } from 'vitest'
import { readConfig, settings as documented } from '../../../../subgraphs/jobs/asana/config.ts'
import { settings } from './account.ts'

test('the settings that must be there are enough', () => {
  expect(
    readConfig({ ...settings, ASANA_PROJECTS: ' 99, 98,99 ', ASANA_ORDER_FIELD: '', ASANA_STATUS: 'section' }),
  ).toEqual({
    ok: true,
    config: {
      accessToken: 'asana-test-token',
      requestsPerMinute: 1500,
      baseUrl: 'https://app.asana.com',
      projects: ['99', '98'],
      customerField: '123',
      orderField: null,
      statusField: null,
      doneStage: null,
    },
  })
})

test.each([
  ['150', 150],
  ['9', null],
  ['fast', null],
])('ASANA_REQUESTS_PER_MINUTE=%s is %s', (text, requestsPerMinute) => {
  const read = readConfig({ ...settings, ASANA_REQUESTS_PER_MINUTE: text })
  expect(read.ok ? read.config.requestsPerMinute : null).toBe(requestsPerMinute)
})

test('all faults are told at once, an empty setting counts as missing, and the token is not told', () => {
  const read = readConfig({
    ASANA_ACCESS_TOKEN: 'my secret',
    ASANA_PROJECTS: '99,jobs',
    ASANA_CUSTOMER_FIELD: ' ',
    ASANA_ORDER_FIELD: 'order',
    ASANA_STATUS: 'Sections',
    ASANA_BASE_URL: 'ftp://asana',
  })
  const faults = read.ok ? [] : read.faults
  expect(faults.map(fault => fault.name)).toEqual([
    'ASANA_ACCESS_TOKEN',
    'ASANA_PROJECTS',
    'ASANA_CUSTOMER_FIELD',
    'ASANA_ORDER_FIELD',
    'ASANA_STATUS',
    'ASANA_BASE_URL',
  ])
  expect(JSON.stringify(faults)).not.toContain('my secret')
})

test('without any settings each that is required is one fault', () => {
  const read = readConfig({})
  const required = documented.filter(setting => setting.isRequired).map(setting => setting.name)
  expect(read.ok ? [] : read.faults.map(fault => fault.name)).toEqual(required)
})

test('an enum custom field can be the stage', () => {
  expect(readConfig({ ...settings, ASANA_STATUS: '555' })).toMatchObject({ ok: true, config: { statusField: '555' } })
})
