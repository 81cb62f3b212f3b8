import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { startWorld } from '../flows/world.ts'
import { ask, watchCustomer } from './example.ts'
import { openLiveSocket } from './live-socket.ts'
import { ChangePhoneDocument, CustomersPageDocument } from './preset/graphql.ts'

test('the typed client reads pages, writes a field and hears of it', async () => {
  const { gateway } = await startWorld()
  const url = `${gateway.url}/graphql`
  const first = await ask(url, CustomersPageDocument, { first: 2 })
  expect(first.data?.customers?.edges).toHaveLength(2)
  const second = await ask(url, CustomersPageDocument, {
    first: 2,
    after: first.data?.customers?.pageInfo.endCursor,
  })
  const ids = [first, second].flatMap(({ data }) => data?.customers?.edges.map(({ node }) => node.id) ?? [])
  expect(new Set(ids).size).toBe(4)

  const socket = openLiveSocket(url, { webSocketImpl: WebSocket })
  onTestFinished(() => void socket.dispose())
  const phones: (string | null | undefined)[] = []
  await new Promise<void>((resolve, reject) => {
    const leave = watchCustomer(
      socket,
      '101',
      ({ change, customer }) => {
        phones.push(customer?.phone)
        if (change.kind === 'CURRENT') ask(url, ChangePhoneDocument, { id: '101', phone: '+15550177' }).catch(reject)
        else {
          leave()
          resolve()
        }
      },
      reject,
    )
  })
  expect(phones.at(-1)).toBe('+15550177')
})

test('errors come beside the data that is there', async () => {
  const { gateway } = await startWorld()
  const answer = await ask(`${gateway.url}/graphql`, ChangePhoneDocument, { id: 'nobody', phone: '1' })
  expect(answer).toMatchObject({
    data: { updateCustomer: null },
    errors: [{ path: ['updateCustomer'], extensions: { code: 'NOT_FOUND' } }],
  })
})
