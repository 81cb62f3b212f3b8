import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { unlinkedPage } from '../../../gateway/links/unlinked.ts'
import type { Store } from '../../../gateway/store/store.ts'
import {
  absence,
  apply,
  at,
  catalogue,
  clear,
  contact,
  indexOf,
  merge,
  openTestStore,
  payer,
  sight,
  task,
} from './fixture.ts'

let store: Store
beforeAll(async () => {
  store = await openTestStore()
})
beforeEach(() => clear(store))
afterAll(() => store.close())

const ofText = (reference: string) => [{ entity: 'Customer' as const, reference }]
const [work, home, old] = ['mara@work.example', 'mara@home.example', 'm.voss@old.example']
const mara = sight(contact('201'), { email: work, emails: [home, ` ${old.toUpperCase()} `, work, 'no address'] })
const things = [
  sight(payer('cus_a'), { email: home }),
  sight(payer('cus_b'), { email: work }),
  sight(payer('cus_c'), { email: old }),
  sight(task('61'), { parents: ofText(old) }),
]

/** Copies and tasks with whom they belong to. */
async function belonging(): Promise<readonly string[]> {
  const index = await store.read(async db => ({
    links: await db
      .selectFrom('links as l')
      .innerJoin('records as o', 'o.record_id', 'l.entity_id')
      .select(['l.record_id', 'l.entity_id'])
      .where('l.kind', '=', 'customer')
      .where('o.is_deleted', '=', 0)
      .execute(),
    parents: await db
      .selectFrom('parents')
      .innerJoin('records', 'records.id', 'parents.child')
      .select(['records.record_id', 'parents.entity_id'])
      .execute(),
  }))
  return [...index.links, ...index.parents].map(row => `${row.record_id} ${row.entity_id}`).toSorted()
}

const stored = () => store.read(db => db.selectFrom('record_emails').select('email').orderBy('email').execute())
const listed = async () =>
  (await unlinkedPage(store, catalogue, {}, {})).entries.map(
    ({ unlinked: { record, reason, candidates } }) => `${record.id} ${reason} ${candidates.map(({ id }) => id).join()}`,
  )

const maras = ['61 201', 'cus_a 201', 'cus_b 201', 'cus_c 201']

it('match each of them and resolve references, whichever comes first', async () => {
  await apply(store, mara, ...things)
  expect([await belonging(), await listed()]).toEqual([maras, []])
  expect(await stored()).toEqual([{ email: old }, { email: home }])
  const first = await indexOf(store)
  await clear(store)
  await apply(store, ...things)
  expect(await listed()).toEqual(['cus_a BIRTH ', 'cus_b BIRTH ', 'cus_c BIRTH ', '61 UNKNOWN_REFERENCE '])
  await apply(store, mara)
  expect(await indexOf(store)).toEqual(first)
})

it('match anew when one is added, and go with the record', async () => {
  await apply(store, sight(contact('201'), { email: work, emails: [] }), ...things)
  expect(await belonging()).toEqual(['61 null', 'cus_b 201'])
  expect(
    await apply(store, sight(contact('201'), { email: work, emails: [home] }, { fields: ['email'] })),
  ).toHaveLength(2)
  expect(await belonging()).toEqual(['61 null', 'cus_a 201', 'cus_b 201'])
  await apply(store, absence(contact('201'), { at: at(5) }))
  expect([await belonging(), await stored()]).toEqual([['61 null'], []])
  // One that is there again says anew which it has, and has what was linked to it.
  await apply(store, sight(contact('201'), { email: old, emails: [work] }, { at: at(6) }))
  expect(await belonging()).toEqual(['61 201', 'cus_a 201', 'cus_b 201', 'cus_c 201'])
})

it('that two have link nobody, further ones or first ones', async () => {
  await apply(store, mara, sight(contact('202'), { email: home, emails: [old] }), ...things)
  expect(await belonging()).toEqual(['61 null', 'cus_b 201'])
  expect(await listed()).toEqual([
    'cus_a AMBIGUOUS_EMAIL 201,202',
    'cus_c AMBIGUOUS_EMAIL 201,202',
    '61 AMBIGUOUS_EMAIL 201,202',
  ])
  await apply(store, sight(contact('202'), { email: 'other@x.example', emails: [] }))
  expect([await belonging(), await listed()]).toEqual([maras, []])
})

it('of one that was merged are the winner’s, until the winner says which it has', async () => {
  const losers = [sight(contact('187'), { email: home, emails: [old] }), sight(contact('201'), { email: work })]
  const news = merge(contact('187'), contact('201'), { at: at(5) })
  for (const order of [
    [...losers, news],
    [losers[0], news, losers[1]],
  ]) {
    await clear(store)
    await apply(store, ...order.flatMap(one => one ?? []))
    await apply(store, ...things)
    expect(await belonging()).toEqual(maras)
  }
  await apply(store, sight(contact('201'), { email: work, emails: [home] }))
  expect(await stored()).toEqual([{ email: home }])
  await apply(store, sight(payer('cus_d'), { email: old }))
  expect(await listed()).toEqual(['cus_d BIRTH '])
})

it('of one that was merged, shown by the winner alone, are those the winner shows', async () => {
  await apply(store, sight(contact('187'), { email: old }), sight(contact('201'), { email: work }))
  await apply(store, sight(contact('201'), { email: work, emails: [home], formerIds: ['187'], updatedAt: at(5) }))
  expect(await stored()).toEqual([{ email: home }])
})

it('are compared in one form: the domain in ASCII, what stands before it as it is', async () => {
  await apply(
    store,
    sight(contact('302'), { email: 'info@xn--mller-kva.example', emails: ['büro@BÜCHER.example'] }),
    sight(payer('cus_302'), { email: 'Info@müller.example' }),
    sight(payer('cus_303'), { email: 'büro@xn--bcher-kva.example' }),
    sight(payer('cus_304'), { email: 'xn--bro-hoa@bücher.example' }),
    sight(task('62'), { parents: ofText('info@MÜLLER.example') }),
  )
  expect([await belonging(), await listed()]).toEqual([['62 302', 'cus_302 302', 'cus_303 302'], ['cus_304 BIRTH ']])
})
