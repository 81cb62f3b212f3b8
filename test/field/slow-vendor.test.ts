import { expect, test } from 'vitest'
import { contact, hubspotAccount } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'

test('a contact is read as the CRM has it', async () => {
  const world = await startFieldWorld({
    hubspot: [hubspotAccount({ contacts: { 101: contact('101', { email: 'jane@example.com', firstname: 'Jane' }) } })],
  })
  expect(await world.data('{ customers { nodes { id name email } } }')).toEqual({
    customers: { nodes: [{ id: '101', name: 'Jane', email: 'jane@example.com' }] },
  })
})
