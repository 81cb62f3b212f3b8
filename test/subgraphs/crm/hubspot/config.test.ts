import { expect, test } from 'vitest'
import { parseSettings } from '../../../../subgraphs/crm/hubspot/config.ts'

test('good settings are read, the older secret after the newer', () => {
  const parsed = parseSettings({
    HUBSPOT_ACCESS_TOKEN: ' pat-1 ',
    HUBSPOT_CLIENT_SECRET: 'new, old,',
    HUBSPOT_BASE_URL: 'http://127.0.0.1:4001/',
  })
  expect(parsed).toEqual({
    ok: true,
    settings: {
      accessToken: 'pat-1',
      clientSecrets: ['new', 'old'],
      baseUrl: 'http://127.0.0.1:4001',
      requestsPerTenSeconds: null,
    },
  })
})

test('a client secret is not needed: a service key has none', () => {
  const parsed = parseSettings({ HUBSPOT_ACCESS_TOKEN: 'pat-1', HUBSPOT_CLIENT_SECRET: ' , ' })
  expect(parsed).toMatchObject({ ok: true, settings: { clientSecrets: [] } })
})

test('the address is HubSpot itself when none or empty text is given', () => {
  const parsed = parseSettings({ HUBSPOT_ACCESS_TOKEN: 'a', HUBSPOT_CLIENT_SECRET: 'b', HUBSPOT_BASE_URL: '' })
  expect(parsed).toMatchObject({ ok: true, settings: { baseUrl: 'https://api.hubapi.com' } })
})

test('all faults are told at once, without the secrets', () => {
  const parsed = parseSettings({
    HUBSPOT_ACCESS_TOKEN: 'two words',
    HUBSPOT_CLIENT_SECRET: 'b',
    HUBSPOT_BASE_URL: 'ftp://x',
  })
  expect(parsed.ok ? [] : parsed.faults.map(({ name }) => name)).toEqual(['HUBSPOT_ACCESS_TOKEN', 'HUBSPOT_BASE_URL'])
  expect(JSON.stringify(parsed)).not.toContain('two words')
})
