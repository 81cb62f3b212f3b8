import { expect, test } from 'vitest'
import { at } from './reading.ts'
import { dropWebhooks, hubspot, notification } from './signing.ts'
import { startWorld } from './world.ts'

test('what a vendor tells before it shows it is on the screen and in the lists as soon as it does', async () => {
  const world = await startWorld()
  dropWebhooks(world)
  const { createContact, updateContact } = world.tools.hubspot
  const next = String(Number(createContact({ email: 'one@example.test' }).id) + 1)
  const watched = world.subscribe(`subscription { customerChanged(id: "101") { change { kind } customer { phone } } }`)
  await watched.next()
  const news = [
    notification(),
    notification({ subscriptionType: 'contact.creation', objectId: Number(next), changeFlag: 'CREATED' }),
  ]
  const request = hubspot.sign(world, JSON.stringify(news))
  expect((await world.post(request.path, request)).status).toBe(200)
  await world.gateway.processor.idle()
  expect(await world.data(`{ customer(id: "${next}") { id } }`)).toEqual({ customer: null })

  updateContact('101', { phone: '+15550177' })
  createContact({ email: 'late@example.test' })
  expect(at(await watched.next(), 'data.customerChanged.customer.phone')).toBe('+15550177')
  await expect
    .poll(() => world.data('{ customers(filter: { email: "late@example.test" }) { nodes { id } } }'), {
      timeout: 15_000,
    })
    .toEqual({ customers: { nodes: [{ id: next }] } })
})
