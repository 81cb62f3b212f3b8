import { expect, test } from 'vitest'
import { startWorld } from '../flows/world.ts'
import { ask, watchCustomer } from './example.ts'

test('the typed client reads a page, writes a field and hears of it', async () => {
  const { gateway } = await startWorld()
  const url = `${gateway.url}/graphql`
  const page = await ask(url, 'CustomersPage', { first: 2 })
  expect(page.customers?.nodes).toHaveLength(2)

  const phones: (string | null | undefined)[] = []
  await new Promise<void>((resolve, reject) => {
    const leave = watchCustomer(url, '101', ({ change, customer }) => {
      phones.push(customer?.phone)
      if (change.kind === 'CURRENT') ask(url, 'ChangePhone', { id: '101', phone: '+15550177' }).catch(reject)
      else {
        leave()
        resolve()
      }
    })
  })
  expect(phones.at(-1)).toBe('+15550177')
})
