import { createHmac } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { hubspotAccount } from './accounts.ts'
import { startFieldWorld, type FieldOptions, type FieldWorld } from './field-world.ts'
import type { Answer } from './vendor-server.ts'

const withoutOthers = {
  STRIPE_SECRET_KEY: '',
  STRIPE_WEBHOOK_SECRET: '',
  STRIPE_BASE_URL: '',
  ASANA_ACCESS_TOKEN: '',
  ASANA_PROJECTS: '',
  ASANA_CUSTOMER_FIELD: '',
  ASANA_ORDER_FIELD: '',
  ASANA_BASE_URL: '',
}

/** Source: HubSpot's OpenAPI description, error with category MISSING_SCOPES. */
function missingScopes(scopes: unknown) {
  return {
    status: 403,
    body: {
      status: 'error',
      message: 'This app hasn’t been granted all required scopes to make this call.',
      correlationId: '00000000-0000-4000-8000-000000000001',
      errors: [
        { message: 'One or more of the following scopes are required.', context: { requiredGranularScopes: scopes } },
      ],
      links: { scopes: 'https://developers.hubspot.com/scopes' },
      category: 'MISSING_SCOPES',
    },
  }
}

/** HubSpot refuses a batch without inputs, after it has looked at the scopes. */
const refusesEmptyBatch: Answer = ({ path }) =>
  path === '/crm/v3/objects/contacts/batch/update'
    ? { status: 400, body: { status: 'error', category: 'VALIDATION_ERROR', message: 'inputs must not be empty' } }
    : undefined

async function start(
  answers: readonly Answer[] = [],
  environment: FieldOptions['environment'] = {},
): Promise<FieldWorld> {
  return startFieldWorld({
    hubspot: [...answers, refusesEmptyBatch, hubspotAccount({})],
    environment: { ...withoutOthers, ...environment },
    waitsForImport: false,
  })
}

const notification = {
  portalId: 1,
  subscriptionId: 2,
  eventId: 3,
  objectId: 101,
  occurredAt: 1752613920733,
  subscriptionType: 'object.propertyChange',
  objectTypeId: '0-1',
  propertyName: 'firstname',
  propertyValue: 'Jane',
  attemptNumber: 0,
}

test('the token is tried, a webhook is asked for, and the first genuine one ends it well', async () => {
  const world = await start()
  const lines: string[] = []
  const connecting = world.gateway.connect('hubspot', line => void lines.push(line), { waitSeconds: 60 })
  await vi.waitFor(() => expect(lines.join('\n')).toContain('change the first name of any contact'), 5000)
  // A stranger's, or one of another app: told, and it ends nothing.
  const body = JSON.stringify([notification])
  const at = String(Date.now())
  const forged = createHmac('sha256', 'other')
    .update(`POST${world.gateway.url}/webhooks/hubspot${body}${at}`)
    .digest('base64')
  const headers = { 'x-hubspot-request-timestamp': at, 'x-hubspot-signature-v3': forged }
  expect((await world.post('/webhooks/hubspot', { headers, body })).status).toBe(401)
  await vi.waitFor(() => expect(lines.join('\n')).toContain('its signature does not fit'), 5000)
  expect(lines.filter(line => line.includes('does not fit'))).toHaveLength(1)
  expect(await world.tellHubspot([notification])).toBe(200)
  expect(await connecting).toBe('done')
  expect(lines.join('\n')).toMatch(
    /may read contacts[^]*may write contacts[^]*may read companies[^]*done +a genuine webhook came[^]*all is registered/,
  )
})

test('each scope that is missing is named, in the words of the tool', async () => {
  const world = await start([
    ({ path }) =>
      path === '/crm/v3/objects/contacts/batch/update' ? missingScopes(['crm.objects.contacts.write']) : undefined,
    ({ path }) => (path === '/crm/v3/objects/companies' ? missingScopes('[crm.objects.companies.read]') : undefined),
  ])
  const lines: string[] = []
  expect(await world.gateway.connect('hubspot', line => void lines.push(line), { waitSeconds: 60 })).toBe('failed')
  const text = lines.join('\n')
  expect(text).toContain('may read contacts')
  expect(text).toMatch(/missing +The access token may not write contacts .*it lacks crm\.objects\.contacts\.write/)
  expect(text).toMatch(/missing +The access token may not read companies.*it lacks crm\.objects\.companies\.read/)
  expect(text).toContain('Give the app the scopes crm.objects.contacts.write, crm.objects.companies.read')
  expect(text).toContain('install it again')
})

test("old names and lists of alternatives in HubSpot's answer do not lead astray: the scope that is needed is named", async () => {
  const world = await start([
    ({ path }) =>
      path === '/crm/v3/objects/contacts/batch/update'
        ? {
            status: 403,
            body: {
              status: 'error',
              category: 'MISSING_SCOPES',
              errors: [{ message: 'One or more of these.', context: { requiredScopes: ['contacts'] } }],
            },
          }
        : undefined,
    ({ path }) =>
      path === '/crm/v3/objects/companies'
        ? missingScopes(['crm.schemas.companies.read', 'crm.objects.companies.read'])
        : undefined,
  ])
  const lines: string[] = []
  expect(await world.gateway.connect('hubspot', line => void lines.push(line), { waitSeconds: 60 })).toBe('failed')
  const text = lines.join('\n')
  expect(text).toContain('it lacks contacts')
  expect(text).toContain('Give the app the scopes crm.objects.contacts.write, crm.objects.companies.read:')
})

test('a token that is not accepted is said to be that, once', async () => {
  const world = await start([
    () => ({
      status: 401,
      body: { status: 'error', category: 'INVALID_AUTHENTICATION', message: 'Authentication credentials not found.' },
    }),
  ])
  const lines: string[] = []
  expect(await world.gateway.connect('hubspot', line => void lines.push(line), { waitSeconds: 60 })).toBe('failed')
  expect(lines.filter(line => line.includes('missing'))).toEqual([
    expect.stringContaining('does not accept the access token in HUBSPOT_ACCESS_TOKEN'),
  ])
})

test('when no webhook comes in time, it says what to look at, for both kinds of app', async () => {
  const world = await start()
  const lines: string[] = []
  expect(await world.gateway.connect('hubspot', line => void lines.push(line), { waitSeconds: 1 })).toBe('failed')
  expect(lines.join('\n')).toMatch(
    /no genuine webhook came within 1 s[^]*hs project upload[^]*Development > Legacy apps[^]*contact\.privacyDeletion/,
  )
})

test('it can be interrupted while it waits', async () => {
  const world = await start()
  const lines: string[] = []
  const interrupting = new AbortController()
  const connecting = world.gateway.connect('hubspot', line => void lines.push(line), {
    waitSeconds: 600,
    signal: interrupting.signal,
  })
  await vi.waitFor(() => expect(lines.join('\n')).toContain('a webhook is waited for'), 5000)
  interrupting.abort()
  expect(await Promise.race([connecting, setTimeout(3000, 'late')])).toBe('failed')
  expect(lines.at(-1)).toContain('interrupted')
})

test('with a service key no webhook is waited for, and it says that nothing is pushed', async () => {
  const world = await start([], { HUBSPOT_CLIENT_SECRET: '', SWEEP_EVERY_SECONDS: '3600' })
  const lines: string[] = []
  expect(await world.gateway.connect('hubspot', line => void lines.push(line), { waitSeconds: 600 })).toBe('done')
  expect(lines.join('\n')).toMatch(/note +HUBSPOT_CLIENT_SECRET is not set: nothing is pushed/)
})
