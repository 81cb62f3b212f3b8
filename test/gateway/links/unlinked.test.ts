import { afterAll, beforeAll, expect, it } from 'vitest'
import { linkByPerson } from '../../../gateway/links/person.ts'
import { unlinkedPage } from '../../../gateway/links/unlinked.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { apply, catalogue, contact, now, openTestStore, payer, sight } from './fixture.ts'

let store: Store
beforeAll(async () => {
  store = await openTestStore()
  const email = 'a@x.example'
  await apply(
    store,
    sight(contact('1'), { email }),
    sight(contact('2'), { email }),
    sight(payer('cus_1')),
    sight(payer('cus_2'), { email }),
    sight(payer('cus_3'), { names: { type: 'Customer', id: '404' } }),
    sight(payer('cus_4')),
    sight(payer('cus_5')),
  )
  await store.write(tx => linkByPerson(tx, catalogue, payer('cus_5'), null, now))
})
afterAll(() => store.close())

it('pages through the records that belong to nobody, oldest first, without those a person has settled', async () => {
  const first = await unlinkedPage(store, {}, { first: 3 })
  expect(first.entries.map(({ unlinked }) => [unlinked.record.id, unlinked.reason])).toEqual([
    ['cus_1', 'BIRTH'],
    ['cus_2', 'AMBIGUOUS_EMAIL'],
    ['cus_3', 'UNKNOWN_REFERENCE'],
  ])
  expect(first.entries[1]?.unlinked.candidates).toEqual([
    { type: 'Customer', id: '1' },
    { type: 'Customer', id: '2' },
  ])
  expect([first.hasNextPage, first.hasPreviousPage, await first.totalCount()]).toEqual([true, false, 4])
  const second = await unlinkedPage(store, {}, { first: 3, after: first.entries.at(-1)?.cursor })
  expect(second.entries.map(({ unlinked }) => unlinked.record.id)).toEqual(['cus_4'])
  expect([second.hasNextPage, second.hasPreviousPage]).toEqual([false, true])
})

it('filters by reason and system', async () => {
  const births = await unlinkedPage(store, { reason: 'BIRTH', system: 'stripe' }, {})
  expect([births.entries.length, await births.totalCount()]).toEqual([2, 2])
  expect((await unlinkedPage(store, { system: 'asana' }, {})).entries).toEqual([])
})

it('refuses a page of no size and a foreign cursor', async () => {
  const refusal = { extensions: { code: 'BAD_USER_INPUT' } }
  await expect(unlinkedPage(store, {}, { first: 0 })).rejects.toMatchObject(refusal)
  await expect(unlinkedPage(store, {}, { after: 'x' })).rejects.toMatchObject(refusal)
})
