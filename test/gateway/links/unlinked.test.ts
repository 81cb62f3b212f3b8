import { afterAll, beforeAll, expect, it } from 'vitest'
import { linkByPerson } from '../../../gateway/links/person.ts'
import { unlinkedPage } from '../../../gateway/links/unlinked.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { apply, catalogue, contact, now, openTestStore, payer, sight, task } from './fixture.ts'

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
  const first = await unlinkedPage(store, catalogue, {}, { first: 3 })
  expect(first.entries.map(({ unlinked }) => [unlinked.record.id, unlinked.reason])).toEqual([
    ['cus_1', 'BIRTH'],
    ['cus_2', 'AMBIGUOUS_EMAIL'],
    ['cus_3', 'UNKNOWN_REFERENCE'],
  ])
  expect(first.entries[1]?.unlinked.candidates).toEqual([
    { type: 'Customer', id: '1' },
    { type: 'Customer', id: '2' },
  ])
  expect([await first.hasNextPage(), await first.hasPreviousPage(), await first.totalCount()]).toEqual([true, false, 4])
  const second = await unlinkedPage(store, catalogue, {}, { first: 3, after: first.entries.at(-1)?.cursor })
  expect(second.entries.map(({ unlinked }) => unlinked.record.id)).toEqual(['cus_4'])
  expect([await second.hasNextPage(), await second.hasPreviousPage()]).toEqual([false, true])
})

it('filters by reason and system', async () => {
  const births = await unlinkedPage(store, catalogue, { reason: 'BIRTH', system: 'stripe' }, {})
  expect([births.entries.length, await births.totalCount()]).toEqual([2, 2])
  expect((await unlinkedPage(store, catalogue, { system: 'asana' }, {})).entries).toEqual([])
})

it('goes on with records whose text names nobody, or several', async () => {
  const inWords = (reference: string) => ({ parents: [{ entity: 'Customer' as const, reference }] })
  await apply(
    store,
    sight(task('71'), inWords('nobody@x.example')),
    sight(task('72'), inWords('A@x.example')),
    sight(task('73'), inWords('1')),
  )
  const all = await unlinkedPage(store, catalogue, {}, { first: 5 })
  expect(all.entries.slice(3).map(({ unlinked }) => [unlinked.record.id, unlinked.reason])).toEqual([
    ['cus_4', 'BIRTH'],
    ['71', 'UNKNOWN_REFERENCE'],
  ])
  expect([await all.hasNextPage(), await all.totalCount()]).toEqual([true, 6])
  const rest = await unlinkedPage(store, catalogue, {}, { after: all.entries.at(-1)?.cursor })
  expect(rest.entries.map(({ unlinked }) => unlinked)).toMatchObject([
    { record: task('72'), reason: 'AMBIGUOUS_EMAIL', candidates: [{ id: '1' }, { id: '2' }] },
  ])
  const ofAsana = await unlinkedPage(store, catalogue, { system: 'asana', reason: 'UNKNOWN_REFERENCE' }, {})
  expect([ofAsana.entries.length, await ofAsana.totalCount()]).toEqual([1, 1])
})

it('refuses a page of no size and a foreign cursor', async () => {
  const refusal = { extensions: { code: 'BAD_USER_INPUT' } }
  await expect(unlinkedPage(store, catalogue, {}, { first: -1 })).rejects.toMatchObject(refusal)
  await expect(unlinkedPage(store, catalogue, {}, { after: 'x' })).rejects.toMatchObject(refusal)
})
