import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { signV1, signV3 } from './sign.ts'
import { hooked, now, small, world } from './world.ts'
import type { HubspotSimulator } from './simulator.ts'
import type { Arrival } from './world.ts'

describe('webhooks', () => {
  test('a signature is the one the documentation gives', () => {
    const body =
      '[{"eventId":531833541,"subscriptionId":3923621,"portalId":48807704,"appId":16111050,"occurredAt":1752613920733,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":138017612137,"changeFlag":"CREATED","changeSource":"CRM_UI","sourceId":"userId:76023669"}]'
    const url = 'https://webhook.site/335453f5-94b3-49d9-b684-a55354d4b8df'
    const request = { method: 'POST', url, body, timestamp: '1752613922216' }
    const expected = 'gbj1XPRvUt0noT7i7fXfTzOD4sLzQmf0VT28ZYq0EYg='
    expect(signV3('cfc68c0b-4b4e-4ef8-b764-95350e4ea479', request)).toBe(expected)
    const old =
      '[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]'
    expect(signV1('yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy', old)).toBe(
      '232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de',
    )
  })

  test('changes of one moment come in one request, an event a property, ids as numbers, signed', async () => {
    const { simulator, arrivals, hookUrl, sdk } = await hooked({ collectMs: 60_000 })
    simulator.updateContact('101', { city: 'Leeds', zip: 'LS1' })
    await sdk.basicApi.update('102', { properties: { phone: '', firstname: 'Al' } })
    await simulator.webhooks.idle()
    expect(arrivals).toHaveLength(1)
    const [arrival] = arrivals
    const events: unknown = JSON.parse(arrival?.body ?? '')
    const common = {
      eventId: expect.any(Number),
      subscriptionId: expect.any(Number),
      portalId: 48807704,
      appId: 16111050,
      occurredAt: now.getTime(),
      subscriptionType: 'contact.propertyChange',
      attemptNumber: 0,
    }
    const ui = { ...common, objectId: 101, changeSource: 'CRM_UI', sourceId: 'userId:76023669' }
    const app = { ...common, objectId: 102, changeSource: 'INTEGRATION', sourceId: '16111050' }
    expect(events).toEqual([
      { ...ui, propertyName: 'city', propertyValue: 'Leeds' },
      { ...ui, propertyName: 'zip', propertyValue: 'LS1' },
      { ...app, propertyName: 'phone', propertyValue: '' },
      { ...app, propertyName: 'firstname', propertyValue: 'Al' },
    ])
    const timestamp = String(now.getTime())
    expect(arrival?.headers['x-hubspot-request-timestamp']).toBe(timestamp)
    expect(arrival?.headers['x-hubspot-signature-v3']).toBe(
      createHmac('sha256', 'hubspot-test-secret').update(`POST${hookUrl}${arrival?.body}${timestamp}`).digest('base64'),
    )
  })

  test('creation, deletion and merge are told, with what was set or moved', async () => {
    const { simulator, arrivals } = await hooked()
    const { id } = simulator.createContact({ email: 'new@example.com' })
    simulator.deleteContact(id)
    simulator.updateContact('102', { jobtitle: 'Plumber' })
    simulator.mergeContacts('101', '102')
    await simulator.webhooks.idle()
    expect(notifications(arrivals)).toMatchObject([
      { subscriptionType: 'contact.creation', objectId: Number(id), changeFlag: 'CREATED' },
      { subscriptionType: 'contact.propertyChange', objectId: Number(id), propertyName: 'email' },
      { subscriptionType: 'contact.deletion', objectId: Number(id), changeFlag: 'DELETED' },
      { subscriptionType: 'contact.propertyChange', objectId: 102, propertyName: 'jobtitle' },
      { subscriptionType: 'contact.merge', objectId: 101, primaryObjectId: 101, mergedObjectIds: [102] },
      ...simulatorMoved(simulator),
      { subscriptionType: 'contact.propertyChange', objectId: 101, propertyName: 'hs_additional_emails' },
    ])
  })

  test('a request carries at most 100 events', async () => {
    const { simulator, arrivals } = await hooked()
    for (let at = 0; at < 250; at += 1) simulator.updateContact('101', { city: `City ${at}` })
    await simulator.webhooks.idle()
    expect(arrivals.map(({ body }) => JSON.parse(body).length)).toEqual([100, 100, 50])
  })

  test('a refused request comes again with the next attempt number and a fresh signature, eleven times at most', async () => {
    let status = 500
    const { simulator, arrivals, hookUrl } = await hooked({ status: () => status })
    simulator.updateContact('101', { city: 'Leeds' })
    await simulator.webhooks.idle()
    expect(notifications(arrivals).map(event => event['attemptNumber'])).toEqual([...Array(11).keys()])
    for (const { body, headers } of arrivals) {
      const timestamp = String(headers['x-hubspot-request-timestamp'])
      const signature = signV3('hubspot-test-secret', { method: 'POST', url: hookUrl, body, timestamp })
      expect(headers['x-hubspot-signature-v3']).toBe(signature)
    }
    status = 204
    simulator.updateContact('101', { city: 'York' })
    await simulator.webhooks.idle()
    expect(arrivals).toHaveLength(12)
    expect(simulator.webhooks.sent.at(-1)).toMatchObject({ attempt: 1, status: 204 })
  })

  test('paused, they wait; and faults lose, double and turn them round', async () => {
    const { simulator, arrivals } = await hooked({ collectMs: 0 })
    const change = async (city: string) => {
      const before = arrivals.length
      simulator.updateContact('101', { city })
      await simulator.webhooks.idle()
      return arrivals.length - before
    }
    simulator.faults.add({ webhook: 'drop', times: 1 }, { webhook: 'duplicate', times: 1 })
    expect(await change('A')).toBe(0)
    expect(await change('B')).toBe(2)
    simulator.faults.add({ webhook: 'skew', ms: -600_000, times: 1 })
    expect(await change('C')).toBe(1)
    expect(arrivals.at(-1)?.headers['x-hubspot-request-timestamp']).toBe(String(now.getTime() - 600_000))

    simulator.faults.add({ webhook: 'reorder', times: 1 })
    simulator.webhooks.pause()
    for (let at = 0; at < 101; at += 1) simulator.updateContact('101', { city: `City ${at}` })
    const idle = simulator.webhooks.idle()
    expect(arrivals).toHaveLength(3)
    simulator.webhooks.resume()
    await idle
    expect(arrivals.slice(3).map(({ body }) => JSON.parse(body).length)).toEqual([1, 100])
  })

  test('whoever posts by himself gets a body that is signed as the real ones are', async () => {
    const { simulator, hookUrl } = await hooked()
    const { headers, body, url } = simulator.webhooks.signed([{ eventId: 1, objectId: 101 }])
    expect(url).toBe(hookUrl)
    const timestamp = headers['x-hubspot-request-timestamp'] ?? ''
    expect(headers['x-hubspot-signature-v3']).toBe(
      signV3('hubspot-test-secret', { method: 'POST', url, body, timestamp }),
    )
    const { simulator: deaf } = await world()
    expect(() => deaf.webhooks.signed([])).toThrow('webhookUrl')
  })
})

function notifications(arrivals: readonly Arrival[]): Readonly<Record<string, unknown>>[] {
  return arrivals.flatMap(({ body }) => JSON.parse(body))
}

/** The property changes that tell of what the merge of 102 into 101 moved. */
function simulatorMoved(simulator: HubspotSimulator) {
  const had = small.contacts.find(({ id }) => id === '101')
  const moved = had?.company === null && simulator.contact('101')?.properties['company'] !== undefined
  const change = { subscriptionType: 'contact.propertyChange', objectId: 101 }
  return [...(moved ? ['company'] : []), 'jobtitle'].map(propertyName => ({ ...change, propertyName }))
}
